"""What more photos would bring: a fair cut, nested shares, and a forecast that knows its limits."""

import json

import numpy as np
import pytest
from PIL import Image

from edge.cli import main
from train.forecast import fit_power_law
from train.learning_curve import (
    FOLDS,
    Examples,
    choose_shares,
    count_rounds,
    deal,
    read_curve,
    say_curve,
    take_share,
    trace_curve,
)


def draw_examples(count, *, apart, features=40, group_size=1, seed=0):
    """Two labels whose features lie so far apart, in photos that come in groups."""
    chance = np.random.default_rng(seed)
    groups = np.arange(count) // group_size
    truth = (groups % 2).astype(np.int64)
    values = chance.normal(0, 1, (count, features))
    values[:, :5] += apart * (2 * truth[:, None] - 1)
    return Examples(values.astype(np.float32), truth, groups.astype(np.int64), 2)


def test_deal_keeps_groups_whole_and_labels_even():
    examples = draw_examples(120, apart=1, group_size=3)
    order, folds = deal(examples, np.random.default_rng(5))
    assert sorted(order) == list(range(120))
    for group in range(40):
        assert len(set(folds[examples.groups == group])) == 1
    for fold in range(FOLDS):
        assert np.bincount(examples.truth[folds == fold]).tolist() == [12, 12]
    again, _ = deal(examples, np.random.default_rng(6))
    assert again.tolist() != order.tolist()


def test_shares_are_nested_and_keep_the_proportion_of_the_labels():
    truth = np.repeat([0, 1, 2], [80, 40, 10])
    rows = np.random.default_rng(0).permutation(130)
    assert choose_shares(truth) == (0.25, 0.5, 1.0)
    taken = [take_share(rows, truth, share) for share in (0.25, 0.5, 1.0)]
    assert set(taken[0]) < set(taken[1]) < set(taken[2]) == set(range(130))
    assert np.bincount(truth[taken[0]]).tolist() == [20, 10, 2]


@pytest.mark.parametrize(
    ("photos", "rounds"), [(30, 20), (500, 20), (1_000, 10), (20_000, 5), (0, 20)]
)
def test_few_photos_judge_more_often(photos, rounds):
    assert count_rounds(photos) == rounds


def test_a_power_law_is_found_again():
    photos = np.array([25.0, 50, 100, 200])
    factor, exponent = fit_power_law(photos, 0.8 * photos**-0.35)
    assert (factor, exponent) == pytest.approx((0.8, 0.35))
    flat = fit_power_law(photos, np.full(4, 0.2))
    assert flat == pytest.approx((0.2, 0.0))
    _, rising = fit_power_law(photos, np.array([0.1, 0.1, 0.12, 0.2]))
    assert rising == 0.0  # more photos are not expected to harm


def test_no_photo_is_judged_by_what_has_learned_from_it_or_from_its_group():
    """Features are a group's own noise: who has seen a group knows it, others guess."""
    chance = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 4)
    truth = (np.arange(60) % 2)[groups].astype(np.int64)
    noise = chance.normal(0, 1, (60, 300))[groups] + chance.normal(0, 0.01, (240, 300))
    torn = Examples(noise.astype(np.float32), truth, np.arange(240), 2)
    whole = Examples(noise.astype(np.float32), truth, groups, 2)
    assert trace_curve(torn, seed=1).points[-1].error < 0.02
    assert trace_curve(whole, seed=1).points[-1].error > 0.3


def test_curve_falls_and_its_forecast_holds():
    """The forecast from 200 photos is held against what 400 really bring."""
    few, many = (draw_examples(count, apart=0.5, seed=3) for count in (250, 500))
    done = []
    curve = trace_curve(few, seed=1, when_done=lambda: done.append(1))
    assert len(done) == count_rounds(250)
    assert [point.photos for point in curve.points] == [6, 12, 24, 50, 100, 200]
    errors = [point.error for point in curve.points]
    assert errors[0] > 1.5 * errors[-1]
    assert all(point.low <= point.error <= point.high for point in curve.points)
    assert curve.judged == 250
    ahead = curve.forecast
    assert ahead is not None
    assert ahead.photos == 400
    assert ahead.low <= ahead.error <= ahead.high
    assert ahead.error <= errors[-1]
    reached = trace_curve(many, seed=1).points[-1]
    assert reached.photos == 400
    assert ahead.low <= reached.error <= ahead.high


def test_curve_is_the_same_for_the_same_seed_and_may_be_stopped():
    examples = draw_examples(60, apart=0.4)
    assert trace_curve(examples, seed=2) == trace_curve(examples, seed=2)
    assert trace_curve(examples, seed=2) != trace_curve(examples, seed=3)
    stopped = trace_curve(examples, seed=2, is_stopped=lambda: True)
    assert stopped.judged == 12  # a first fifth


def test_no_forecast_without_mistakes():
    curve = trace_curve(draw_examples(60, apart=3), seed=1)
    assert curve.points[-1].error == 0
    assert curve.points[-1].high > 0.04  # sixty photos show no more
    assert curve.forecast is None
    assert "too few mistakes to say" in say_curve(curve)


def test_fewer_judging_photos_leave_a_wider_forecast():
    widths = []
    for judged in (60, 2_000):
        chance = np.random.default_rng(0)
        shares = np.array([0.4, 0.3, 0.22, 0.16])[:, None]
        wrong = (chance.random((4, judged)) < shares).astype(float)
        curve = read_curve([20, 40, 80, 160], wrong, np.arange(judged), 1)
        assert curve.forecast is not None
        widths.append(curve.forecast.high - curve.forecast.low)
        assert "Twice as many of the same kind would probably bring" in say_curve(curve)
    assert widths[0] > 2 * widths[1]


@pytest.fixture
def photos(tmp_path):
    """Blotches of two labels that are hard to tell apart."""
    chance = np.random.default_rng(0)
    for label, tint in (("mine", 6), ("other", 0)):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for number in range(20):
            blotches = chance.integers(40, 200, (6, 6, 3))
            blotches[..., 0] += tint
            picture = Image.fromarray(blotches.astype(np.uint8)).resize((48, 48))
            picture.save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.mark.slow
def test_learning_curve_is_drawn_and_leaves_room_for_a_run(photos, tmp_path, capfd):
    run = tmp_path / "run"
    options = ["train", str(photos), "-o", str(run), "--size", "32", "--learning-curve"]
    assert main([*options, "--json"]) == 0
    captured = capfd.readouterr()
    (found,) = map(json.loads, captured.out.splitlines())
    assert found["type"] == "learning_curve"
    assert found["judged"] == 34  # the test part takes no part
    assert (found["network"], found["size"]) == ("efficientnet-lite0", 32)
    counts = [point["photos"] for point in found["points"]]
    assert counts == sorted(counts)
    assert "learning from growing shares: 20 in" in captured.err
    names = ["learning-curve.json", "learning-curve.png"]
    assert sorted(path.name for path in run.iterdir()) == names
    assert (run / "learning-curve.png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads((run / "learning-curve.json").read_text())
    assert kept == {key: found[key] for key in found if key not in ("type", "figure")}

    assert main(options) == 0  # again, in words
    captured = capfd.readouterr()
    assert "photos learned from" in captured.out
    assert found["verdict"] in captured.out

    assert main([*options[:-1], "--epochs", "1"]) == 0  # and then a run
    captured = capfd.readouterr()
    assert "few photos (28 to learn from): only the last layer learns" in captured.err
    assert "computing the last layer: 28 in" in captured.err
    training = json.loads((run / "manifest.json").read_text())["training"]
    assert training["freeze"] == "body"
    assert training["is_head_computed"] is True
    assert (run / "learning-curve.png").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--network", "cnn"), "needs a network that begins with ImageNet weights"),
        (("--resume",), "more than one of them"),
        (("--find-lr",), "more than one of them"),
    ],
)
def test_learning_curve_refuses(photos, tmp_path, capfd, options, message):
    run = tmp_path / "run"
    assert main(["train", str(photos), "-o", str(run), "--learning-curve", *options]) == 2
    captured = capfd.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not run.exists()

"""The learning rate over time, and what is chosen where the user chose nothing."""

from itertools import pairwise

import pytest

from edge.errors import SettingError
from edge.manifest import RESIZE_MODES, Region
from train.framing import parse_region
from train.networks import find_network
from train.schedule import learning_rate_at, warm_up_steps
from train.settings import TrainOptions, check_resumed, explain_choices, settle


def test_learning_rate_climbs_and_falls():
    rates = [learning_rate_at(step, peak=2.0, steps=100, warm_up_steps=10) for step in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)  # the middle of the cosine
    assert rates[100] == pytest.approx(0.0)
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert learning_rate_at(500, peak=2.0, steps=100, warm_up_steps=10) == pytest.approx(0.0)


def test_learning_rate_of_a_single_step_is_the_peak():
    assert learning_rate_at(0, peak=0.1, steps=1, warm_up_steps=0) == 0.1


@pytest.mark.parametrize(("steps", "expected"), [(1, 0), (100, 5), (6000, 300), (100_000, 300)])
def test_warm_up_is_a_twentieth_but_not_for_ever(steps, expected):
    assert warm_up_steps(steps) == expected


@pytest.mark.parametrize(
    ("pictures", "network", "epochs", "batch_size"),
    [
        (20_000, "efficientnet-lite0", 6, 32),  # many photos, few epochs
        (3_300, "efficientnet-lite0", 4, 32),
        (600, "efficientnet-lite0", 8, 32),  # the fewer, the more epochs
        (200, "efficientnet-lite0", 8, 8),
        (40, "efficientnet-lite0", 10, 8),
        (5, "efficientnet-lite0", 10, 5),  # one batch is all there is
        (300, "cnn", 60, 16),
        (20_000, "cnn", 20, 32),
    ],
)
def test_settle_lets_few_photos_be_seen_more_often(pictures, network, epochs, batch_size):
    settings = settle(TrainOptions(), find_network(network), pictures=pictures)
    assert (settings.epochs, settings.batch_size) == (epochs, batch_size)
    assert settings.network == network


@pytest.mark.parametrize(
    ("pictures", "freeze", "rate", "is_head_computed"),
    [
        (33, "body", 1e-4, True),  # 20 photos of each of two labels, some kept back
        (300, "body", 1e-4, True),
        (301, "most", 1e-4, True),
        (5_000, "most", 1e-4, True),
        (5_001, "first", 4e-4, False),
    ],
)
@pytest.mark.parametrize("network", ["efficientnet-lite0", "mobilenet-v2"])
def test_settle_keeps_more_of_the_network_the_fewer_photos_there_are(
    pictures, freeze, rate, is_head_computed, network
):
    settings = settle(TrainOptions(network), find_network(network), pictures=pictures)
    found = (settings.freeze, settings.learning_rate, settings.is_head_computed)
    assert found == (freeze, rate, is_head_computed)
    assert settings.side == 224
    assert settings.head_epochs == (network == "mobilenet-v2" and not is_head_computed)


@pytest.mark.parametrize(
    "options",
    [
        {"head_epochs": 2},  # the last layer learns step by step
        {"head_epochs": 0},
        {"start": "/runs/earlier"},  # it has learned already
    ],
)
def test_last_layer_is_computed_only_when_it_is_new_and_nothing_else_is_asked(options):
    settings = settle(TrainOptions(**options), find_network("efficientnet-lite0"), pictures=50)
    assert not settings.is_head_computed
    assert settings.head_epochs == options.get("head_epochs", 0)


def test_what_the_amount_decided_can_be_decided_otherwise():
    options = TrainOptions(side=96, epochs=3, learning_rate=0.01, freeze="none")
    settings = settle(options, find_network("efficientnet-lite0"), pictures=50)
    found = (settings.side, settings.epochs, settings.learning_rate, settings.freeze)
    assert found == (96, 3, 0.01, "none")
    said = explain_choices(settings, pictures=50)
    assert said.startswith("few photos (50 to learn from): all of the network learns, as asked;")
    assert "96 px, 3 epochs" in said


def test_choices_are_explained_in_a_line():
    network = find_network("efficientnet-lite0")
    said = {
        count: explain_choices(settle(TrainOptions(), network, pictures=count), pictures=count)
        for count in (60, 600, 20_000)
    }
    assert "only the last layer learns, the rest would learn them by heart" in said[60]
    assert "the last layer is computed first; 224 px, 10 epochs (--freeze" in said[60]
    assert "some photos (600 to learn from): the end of the network learns" in said[600]
    assert "many photos (20,000 to learn from): all but the first stages learn" in said[20_000]
    assert not any("\n" in line for line in said.values())
    cnn = settle(TrainOptions("cnn"), find_network("cnn"), pictures=60)
    assert explain_choices(cnn, pictures=60) == ""


def test_settle_takes_what_the_user_asks_for():
    options = TrainOptions(
        "cnn",
        side=96,
        epochs=3,
        batch_size=8,
        learning_rate=0.5,
        seed=0,
        augment="light",
        group_by=r"house(\d+)",
    )
    settings = settle(options, find_network("cnn"), pictures=1000)
    assert settings.to_dict() == {
        "network": "cnn",
        "side": 96,
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 0.5,
        "seed": 0,
        "patience": 3,
        "start": None,
        "augment": "light",
        "width": None,
        "weights": None,
        "label_smoothing": 0.1,
        "dropout": None,
        "weight_decay": 0.02,
        "averaging": 0.0,
        "mixup": 0.0,
        "schedule": "cosine",
        "at_once": 64,
        "head_epochs": 0,
        "mixed_precision": "auto",
        "tensorboard": False,
        "group_by": r"house(\d+)",
        "freeze": None,
        "is_head_computed": False,
        "resize": "squash",
        "region": "0,0,1,1",
    }


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            {"network": "vgg"},
            "--network must be one of efficientnet-lite0, mobilenet-v2, cnn, lenet5. Received: vgg",
        ),
        ({"side": 16}, "--size must be a multiple of 32 from 32 to 640. Received: 16"),
        ({"side": 150}, "--size .* Use for example --size 160"),
        ({"side": 672}, "--size .* Received: 672"),
        ({"epochs": 0}, "--epochs must be 1 or more. Received: 0"),
        ({"batch_size": 1}, "--batch-size must be between 2 and 1024"),
        ({"learning_rate": 0.0}, "--learning-rate must be above 0"),
        ({"learning_rate": float("nan")}, "--learning-rate .* Received: nan"),
        ({"seed": -1}, "--seed must be between 0"),
        ({"freeze": "half"}, "--freeze must be one of none, first, most, body. Received: half"),
        ({"freeze": "body", "network": "cnn"}, "--freeze is for efficientnet-lite0, mobilenet-v2"),
        ({"augment": "storm"}, "--augment must be one of none, light, door. Received: storm"),
    ],
)
def test_options_out_of_range_are_refused(option, message):
    with pytest.raises(SettingError, match=message):
        TrainOptions(**option)


def test_resume_refuses_other_settings():
    settings = settle(TrainOptions("cnn", side=64), find_network("cnn"), pictures=500)
    check_resumed(TrainOptions(), settings)
    check_resumed(TrainOptions("cnn", side=64), settings)
    with pytest.raises(SettingError, match=r"--size 96, begun with 64. Leave --size away"):
        check_resumed(TrainOptions(side=96), settings)
    with pytest.raises(SettingError, match="--batch-size 8, begun with 16"):
        check_resumed(TrainOptions(batch_size=8), settings)


@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_settle_carries_what_becomes_of_a_photo(resize):
    options = TrainOptions(resize=resize, region="0.5,0,1,1", side=64)
    spec = settle(options, find_network("cnn"), pictures=100).input
    assert (spec.resize, spec.region, spec.size_wh) == (resize, Region(left=0.5), (64, 64))


def test_the_whole_frame_is_squashed_where_nothing_was_asked():
    spec = settle(TrainOptions(), find_network("cnn"), pictures=100).input
    assert (spec.resize, spec.region) == ("squash", Region())


@pytest.mark.parametrize(
    ("augment", "sides"),
    [
        ("none", [160, 160, 160]),  # never cropped, so never resized a second time
        ("light", [192, 160, 160]),
        ("door", [192, 160, 160]),
    ],
)
def test_only_what_is_cropped_at_random_is_kept_larger(augment, sides):
    options = TrainOptions(side=160, augment=augment)
    settings = settle(options, find_network("cnn"), pictures=100)
    assert [settings.cached(part).width for part in ("train", "validation", "test")] == sides


@pytest.mark.parametrize(
    "text", ["", "0,0,1", "0,0,1,1,1", "left", "0.5,0,0.5,1", "0,0,1,1.5", "nan,0,1,1", "0;0;1;1"]
)
def test_region_that_is_none_is_refused(text):
    with pytest.raises(SettingError, match=r"--region must be LEFT,TOP,RIGHT,BOTTOM"):
        TrainOptions(region=text)


def test_region_is_written_in_one_way():
    assert str(parse_region(" .5, 0.0,1,1.00")) == "0.5,0,1,1"


def test_options_refuse_an_unknown_resize():
    with pytest.raises(SettingError, match="--resize must be one of squash, crop, letterbox"):
        TrainOptions(resize="stretch")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (TrainOptions(resize="crop"), "--resize crop, begun with letterbox"),
        (TrainOptions(region="0.5,0,1,1"), "--region 0.5,0,1,1, begun with 0,0,1,1"),
    ],
)
def test_resume_with_other_frames_is_refused(options, named):
    begun = settle(TrainOptions(resize="letterbox"), find_network("cnn"), pictures=100)
    with pytest.raises(SettingError, match=named):
        check_resumed(options, begun)
    check_resumed(TrainOptions(), begun)

"""Mixed batches and the range test's arithmetic, without a network."""

import math
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from train.augment import PRESETS
from train.batches import Batch, Portion, TrainingBatches, mix
from train.cache import PixelCache
from train.charts import draw_rate_range
from train.learner import StepResult
from train.rate_range import (
    HIGHEST,
    LOWEST,
    climb_rates,
    has_diverged,
    rate_ladder,
    read_range,
    smooth,
)


def make_batch():
    pixels = np.repeat(np.arange(0, 250, 25, dtype=np.uint8), 4 * 4 * 3).reshape(10, 4, 4, 3)
    return Batch(pixels, np.arange(10))


def test_mix_lays_pictures_over_each_other_as_it_says():
    batch = make_batch()
    mixed = mix(batch, 1.0, np.random.default_rng(3))
    assert 0.5 <= mixed.share <= 1
    np.testing.assert_array_equal(mixed.truth, batch.truth)
    assert sorted(mixed.mixed_truth) == list(range(10))
    values = 25.0 * (mixed.share * mixed.truth + (1 - mixed.share) * mixed.mixed_truth)
    np.testing.assert_allclose(mixed.pixels_rgb[:, 0, 0, 0], values, atol=0.51)


def test_mix_is_mild_where_alpha_is_small():
    shares = [mix(make_batch(), 0.05, np.random.default_rng(seed)).share for seed in range(40)]
    assert np.median(shares) > 0.95


def test_an_unmixed_batch_is_its_own_partner():
    batch = make_batch()
    assert batch.share == 1.0
    assert batch.partner_truth is batch.truth


def make_batches(folder, mixup):
    cache = PixelCache(folder, range(8), side=32)
    cache.pixels_rgb[:] = np.random.default_rng(0).integers(0, 255, cache.pixels_rgb.shape)
    return TrainingBatches(
        cache, batch_size=4, side=32, seed=1, strength=PRESETS["none"], mixup=mixup
    )


def test_mixed_epochs_differ_and_can_be_repeated(tmp_path):
    batches = make_batches(tmp_path, 0.5)
    first, again, second = (list(batches.epoch(number)) for number in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        assert one.share == two.share
        np.testing.assert_array_equal(one.pixels_rgb, two.pixels_rgb)
        np.testing.assert_array_equal(one.partner_truth, two.partner_truth)
    assert [batch.share for batch in first] != [batch.share for batch in second]
    assert all(batch.mixed_truth is None for batch in make_batches(tmp_path, 0.0).epoch(1))


@pytest.mark.parametrize("mixup", [0.0, 0.5])
@pytest.mark.parametrize("workers", [2, 3])
def test_portions_of_all_machines_make_up_the_batch(tmp_path, mixup, workers):
    whole = make_batches(tmp_path, mixup)
    portions = [
        replace(whole, portion=Portion(worker, workers)).epoch(1) for worker in range(workers)
    ]
    for batch, *parts in zip(whole.epoch(1), *portions, strict=True):
        for name in ("pixels_rgb", "truth", "partner_truth"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            np.testing.assert_array_equal(joined, getattr(batch, name))
        assert {part.share for part in parts} == {batch.share}


def test_rates_climb_by_the_same_factor():
    rates = list(rate_ladder(13))
    assert (rates[0], rates[-1]) == (LOWEST, pytest.approx(HIGHEST))
    assert [b / a for a, b in pairwise(rates)] == pytest.approx([math.sqrt(10)] * 12)


class Valley:
    """Learns best at one rate, and breaks out above thirty times as much."""

    def __init__(self, best):
        self.best, self.rates = best, []

    def step(self, batch, *, learning_rate):
        self.rates.append(learning_rate)
        distance = math.log10(learning_rate / self.best)
        return StepResult(1.0 + 0.1 * distance**2 if distance < 1.5 else 1e3, 1)


def test_range_test_stops_where_the_loss_breaks_out(tmp_path):
    learner, done = Valley(1e-3), []
    found = climb_rates(
        learner,
        make_batches(tmp_path, 0.0),
        when_done=lambda: done.append(1),
        is_stopped=lambda: False,
    )
    assert len(done) == len(learner.rates) == len(found.rates) < 120
    assert found.rates[-1] < 0.1
    assert 3e-5 < found.suggested < 1e-3  # a tenth of the best, which smoothing shifts up
    assert has_diverged(found.losses)


@pytest.mark.parametrize("lost", [float("nan"), float("inf")])
def test_range_test_ends_at_a_lost_loss(tmp_path, lost):
    losses = iter([1.0, 0.9, lost])
    learner = SimpleNamespace(step=lambda *_, **__: StepResult(next(losses), 1))
    found = climb_rates(
        learner, make_batches(tmp_path, 0.0), when_done=lambda: None, is_stopped=lambda: False
    )
    assert len(found.losses) == 2
    assert all(map(math.isfinite, found.losses))


def test_range_test_can_be_stopped_before_the_first_step(tmp_path):
    found = climb_rates(
        Valley(1.0), make_batches(tmp_path, 0.0), when_done=list, is_stopped=lambda: True
    )
    assert (found.rates, found.losses, found.suggested) == ((), (), None)


def noisy(*, falls, seed):
    """Losses of batches of few photos; at 1e-3 they have fallen, near 1 they break out."""
    rates = np.array(list(rate_ladder(120)))
    depth = np.exp(-(((np.log10(rates) + 3) / 0.8) ** 2))
    losses = 0.7 - 0.4 * falls * depth + np.where(rates > 0.1, 3.0, 0.0)
    return list(rates), list(losses + np.random.default_rng(seed).normal(0, 0.13, 120))


def test_no_rate_is_suggested_where_the_loss_did_not_fall():
    """Of few photos, the first losses are often the lowest, by chance; that is no advice."""
    found = [read_range(*noisy(falls=False, seed=seed)).suggested for seed in range(200)]
    assert found.count(None) >= 190


def test_a_rate_is_suggested_where_the_loss_fell_in_spite_of_noise():
    found = [read_range(*noisy(falls=True, seed=seed)).suggested for seed in range(200)]
    assert all(rate is not None and 3e-5 < rate < 1e-3 for rate in found)


def test_figure_without_a_suggestion_has_no_line(tmp_path):
    draw_rate_range(read_range(*noisy(falls=False, seed=0)), tmp_path / "rates.png")
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")


def test_smooth_lets_the_first_losses_count():
    assert smooth([2.0, 1.0])[0] == 2.0
    assert smooth([2.0, 1.0])[1] == pytest.approx((0.9 * 2 + 1) / 1.9)

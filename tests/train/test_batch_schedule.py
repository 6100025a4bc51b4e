"""`step` and `grow-batch` cool alike, as Smith et al. 2018 say; the head comes first."""

from itertools import pairwise

import pytest

from edge.errors import SettingError
from train.networks import find_network
from train.schedule import STEP_FACTOR, Schedule
from train.settings import TrainOptions, check_resumed, settle

EPOCHS = 20


def make(kind, *, pictures=20_000, batch_size=32, head_epochs=0):
    return Schedule(
        kind,
        0.1,
        epochs=EPOCHS + head_epochs,
        batch_size=batch_size,
        pictures=pictures,
        head_epochs=head_epochs,
    )


def noise(schedule, epoch):
    """The noise scale of the paper's equation 3, up to the momentum: rate x pictures / batch."""
    last = schedule.steps_in(epoch) - 1
    return schedule.rate(epoch, last) * schedule.pictures / schedule.batch_size_in(epoch)


@pytest.mark.parametrize("head_epochs", [0, 2])
@pytest.mark.parametrize("pictures", [400, 5_000, 20_000])  # the batch hits a tenth early, late
def test_step_and_grow_batch_have_the_same_noise_in_every_epoch(pictures, head_epochs):
    step, grow = (
        make(kind, pictures=pictures, head_epochs=head_epochs) for kind in ("step", "grow-batch")
    )
    assert step.epochs == grow.epochs
    epochs = range(1, step.epochs + 1)
    assert [noise(grow, e) for e in epochs] == pytest.approx([noise(step, e) for e in epochs])
    levels = sorted({round(noise(step, e), 9) for e in epochs if e > head_epochs}, reverse=True)
    assert len(levels) == 4
    assert [a / b for a, b in pairwise(levels)] == pytest.approx([STEP_FACTOR] * 3, rel=1e-6)


def test_grow_batch_grows_where_step_divides():
    step, grow = make("step"), make("grow-batch")
    rates = [step.rate(epoch, 700 if epoch == 1 else 0) for epoch in range(1, EPOCHS + 1)]
    sizes = [grow.batch_size_in(epoch) for epoch in range(1, EPOCHS + 1)]
    falls = [number for number, (a, b) in enumerate(pairwise(rates[1:]), start=3) if b < a]
    grows = [number for number, (a, b) in enumerate(pairwise(sizes[1:]), start=3) if b > a]
    assert falls == grows == [7, 13, 17]  # after 30, 60 and 80 % of the epochs
    assert (sizes[6], sizes[12]) == (160, 800)
    assert sizes[16] == 2_000  # a tenth of the pictures, and not 4,000
    assert {step.batch_size_in(epoch) for epoch in range(1, EPOCHS + 1)} == {32}
    assert grow.rate(13, 0) == pytest.approx(0.1)  # the rate stays while the batch can grow
    assert grow.rate(17, 0) == pytest.approx(0.1 / 2)  # 4,000 wanted, 2,000 possible
    assert sum(map(grow.steps_in, range(1, EPOCHS + 1))) < 0.5 * EPOCHS * step.steps_in(1)


@pytest.mark.parametrize("kind", ["cosine", "step", "grow-batch"])
def test_every_schedule_climbs_at_first(kind):
    schedule = make(kind)
    climb = [schedule.rate(1, step) for step in range(301)]
    assert climb[0] == pytest.approx(0.1 / 300)
    assert climb[299] == pytest.approx(0.1)
    assert all(a < b for a, b in pairwise(climb[:300]))


def test_the_head_has_epochs_of_its_own_at_a_higher_rate():
    schedule = make("cosine", head_epochs=2)
    assert [schedule.is_head_only(epoch) for epoch in (1, 2, 3)] == [True, True, False]
    assert schedule.rate(2, 5) == pytest.approx(1.0)
    plain = make("cosine")
    assert schedule.rate(3, 7) == plain.rate(1, 7)
    assert schedule.rate(EPOCHS + 2, 624) == plain.rate(EPOCHS, 624)


@pytest.mark.parametrize(
    ("options", "head_epochs"),
    [
        ({}, 1),  # mobilenet-v2 brings pretrained weights
        ({"epochs": 1}, 0),  # the whole must have an epoch, too
        ({"head_epochs": 3}, 3),
        ({"start": "/earlier"}, 0),  # whose last layer has learned
        ({"network": "cnn"}, 0),  # nothing is pretrained
    ],
)
def test_settle_chooses_the_epochs_of_the_head(options, head_epochs):
    asked = TrainOptions(**{"network": "mobilenet-v2", **options})
    settings = settle(asked, find_network(asked.chosen_network), pictures=10_000)
    assert settings.head_epochs == head_epochs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "linear"}, "--schedule must be one of cosine, step, grow-batch. Received"),
        ({"label_smoothing": 0.6}, r"--label-smoothing must be between 0 and 0\.5"),
        ({"dropout": float("nan")}, r"--dropout must be between 0 and 0\.9. Received: nan"),
        ({"averaging": 1.0}, r"--averaging must be between 0 and 0\.9999"),
        ({"mixup": -0.1}, "--mixup must be between 0 and 10"),
        ({"at_once": 1}, "--at-once must be between 2 and 1024"),
        ({"head_epochs": -1}, "--head-epochs must be between 0 and 100"),
        ({"weight_decay": 2.0}, "--weight-decay must be between 0 and 1. Received: 2.0"),
        ({"mixed_precision": "half"}, "--mixed-precision must be one of auto, off"),
        ({"width": 0.5}, "--width is for mobilenet-v2, cnn. Received: --network efficientnet"),
        ({"network": "cnn", "weights": "/w.h5"}, "--weights is for mobilenet-v2"),
    ],
)
def test_learning_options_out_of_range_are_refused(options, message):
    with pytest.raises(SettingError, match=message):
        TrainOptions(**options)


def test_resume_goes_on_with_what_was_chosen():
    asked = TrainOptions("cnn", averaging=0.5, schedule="step", tensorboard=True)
    settings = settle(asked, find_network("cnn"), pictures=500)
    check_resumed(asked, settings)
    check_resumed(TrainOptions(), settings)
    with pytest.raises(SettingError, match=r"--averaging 0\.9, begun with 0\.5"):
        check_resumed(TrainOptions(averaging=0.9), settings)

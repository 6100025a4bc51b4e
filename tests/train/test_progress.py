"""What the person who waits sees, on a terminal and in a log."""

import io

import pytest
from rich.console import Console

from edge.testing import ManualClock
from train.checkpoint import EpochRecord
from train.progress import TrainProgress

RECORD = EpochRecord(1, 0.61, 0.75, 0.42, 0.875, 1e-4, 51.4, 12.3)


def make_progress(*, is_terminal):
    text, clock = io.StringIO(), ManualClock()
    console = Console(file=text, force_terminal=is_terminal, width=160)
    return TrainProgress(clock=clock, console=console), clock, text


def train_an_epoch(progress, clock):
    with progress.training(3):
        progress.begin_epoch(1, pictures=100)
        for done in range(1, 11):
            clock.wait(7)
            progress.advance(10, loss=1 / done, accuracy=done / 10)
        progress.end_epoch(RECORD)


def test_log_has_a_line_now_and_then():
    progress, clock, text = make_progress(is_terminal=False)
    with progress.track("decoding photos", 4) as advance:
        for _ in range(4):
            clock.wait(20)
            advance()
    train_an_epoch(progress, clock)
    assert text.getvalue().splitlines() == [
        "decoding photos: 2 of 4",
        "decoding photos: 4 of 4",
        "decoding photos: 4 in 80.0 s",
        "epoch 1/3: 50 of 100  loss 0.200  accuracy 50.0%  1 images/s  3 min to go",
        "epoch 1/3: 100 of 100  loss 0.100  accuracy 100.0%  1 images/s  3 min to go",
        "epoch 1/3: loss 0.610  accuracy 75.0%  validation loss 0.420  accuracy 87.50%  "
        "51 images/s  12 s",
    ]


def test_terminal_has_bars():
    progress, clock, text = make_progress(is_terminal=True)
    with progress.track("decoding photos", 4) as advance:
        advance()
    train_an_epoch(progress, clock)
    shown = text.getvalue()
    assert "━" in shown
    assert "epoch 1/3" in shown
    assert "validation loss 0.420" in shown


def test_bars_end_when_something_fails():
    progress, _, text = make_progress(is_terminal=True)
    with pytest.raises(KeyboardInterrupt), progress.track("hashing photos", 4):
        raise KeyboardInterrupt
    assert text.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in text.getvalue()  # cursor shown


def test_labels_are_not_taken_for_markup():
    progress, _, text = make_progress(is_terminal=False)
    progress.say("left out [bold]cat[/bold]/a.jpg")
    assert text.getvalue() == "left out [bold]cat[/bold]/a.jpg\n"

"""What the person who waits sees: bars on a terminal, a line now and then in a log."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
)

from edge.cli import output
from edge.records import Clock
from train.checkpoint import EpochRecord

_LOG_PERIOD_SECONDS = 30.0


class TrainProgress:
    """Reports on standard error; implements `train.fit.FitProgress`.

    Args:
        clock: Decides when the next line of a log is due.
        console: Where to; the console of the command line by default.
    """

    def __init__(self, *, clock: Clock, console: Console | None = None) -> None:
        self._console = console or output.console()
        self._clock = clock
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
        )
        self._is_live = self._console.is_terminal
        self._epochs = 0
        self._epoch = self._pictures = self._done = 0
        self._task: TaskID | None = None
        self._began = self._logged = 0.0

    def say(self, text: str) -> None:
        """Write a line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def track(self, description: str, total: int) -> Iterator[Callable[[], None]]:
        """Show a bar while something goes on; yields what to call after each item."""
        began = self._logged = self._clock.monotonic()
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            if task is not None:
                self._bars.advance(task)
            elif self._is_line_due():
                self.say(f"{description}: {done} of {total}")

        with self._showing():
            task = self._bars.add_task(description, total=total, note="") if self._is_live else None
            try:
                yield advance
            finally:
                if task is not None:
                    self._bars.remove_task(task)
        self.say(f"{description}: {total} in {self._clock.monotonic() - began:.1f} s")

    @contextmanager
    def training(self, epochs: int) -> Iterator[None]:
        """Show the training of so many epochs."""
        self._epochs = epochs
        with self._showing():
            yield

    def begin_epoch(self, epoch: int, *, pictures: int) -> None:
        """Show a new bar."""
        self._epoch, self._pictures, self._done = epoch, pictures, 0
        self._began = self._logged = self._clock.monotonic()
        if self._is_live:
            self._end_bar()
            self._task = self._bars.add_task(self._title(), total=pictures, note="")

    def advance(self, pictures: int, *, loss: float, accuracy: float) -> None:
        """Move the bar, or write a line when one is due."""
        self._done += pictures
        rate = self._done / max(self._clock.monotonic() - self._began, 1e-9)
        to_come = (self._epochs - self._epoch + 1) * self._pictures - self._done
        note = (
            f"loss {loss:.3f}  accuracy {accuracy:.1%}  {rate:.0f} images/s  "
            f"{_say_seconds(to_come / rate)} to go"
        )
        if self._task is not None:
            self._bars.update(self._task, completed=self._done, note=note)
        elif self._is_line_due():
            self.say(f"{self._title()}: {self._done} of {self._pictures}  {note}")

    def end_epoch(self, record: EpochRecord) -> None:
        """Write the epoch's line."""
        self._end_bar()
        self.say(
            f"{self._title()}: loss {record.loss:.3f}  accuracy {record.accuracy:.1%}  "
            f"validation loss {record.val_loss:.3f}  accuracy {record.val_accuracy:.2%}  "
            f"{record.images_per_second:.0f} images/s  {record.seconds:.0f} s"
        )

    @contextmanager
    def _showing(self) -> Iterator[None]:
        if not self._is_live:
            yield
            return
        with self._bars:
            yield
        self._task = None

    def _end_bar(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None

    def _title(self) -> str:
        return f"epoch {self._epoch}/{self._epochs}"

    def _is_line_due(self) -> bool:
        now = self._clock.monotonic()
        if now - self._logged < _LOG_PERIOD_SECONDS:
            return False
        self._logged = now
        return True


def _say_seconds(seconds: float) -> str:
    """Say how long in the largest unit that fits.

    Example:
        >>> _say_seconds(42), _say_seconds(150), _say_seconds(9000)
        ('42 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6_000:
        return f"{math.ceil(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"

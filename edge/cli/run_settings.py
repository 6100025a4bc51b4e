"""What the options of `edge run` mean, checked once."""

import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import SettingError

if TYPE_CHECKING:
    from edge.decision import Decider
    from edge.manifest import Manifest

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_MOST_LABELS = 10


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the command line asks for; `None` leaves the choice to the model.

    Attributes:
        source: Address for `edge.sources.open_source`.
        size_wh: Width and height to ask a camera for, in pixels.
        is_paced: Whether a recording is run by its own clock.
        model: Model file; the embedded one when `None`.
        runtime: "auto" or one of `edge.interpreter.RUNTIMES`.
        threads: Threads of the runtime.
        votes: Frames that a label must win.
        vote_frames: Frames that are looked back on.
        thresholds: Texts for `parse_thresholds`.
        max_frames: Classified frames after which the run ends.
        duration_seconds: Time after which the run ends.
        has_window: Whether the frames are to be shown.
        is_json: Whether JSON lines are written.
    """

    source: str
    size_wh: tuple[int, int]
    is_paced: bool
    model: Path | None
    runtime: str
    threads: int | None
    votes: int | None
    vote_frames: int | None
    thresholds: Sequence[str]
    max_frames: int | None
    duration_seconds: float | None
    has_window: bool
    is_json: bool


def make_decider(manifest: "Manifest", settings: RunSettings) -> "Decider":
    """Make the decider that the model's manifest asks for, with what the settings change.

    Raises:
        SettingError: A changed number does not fit.
    """
    from edge.decision import Decider
    from edge.evidence import EvidenceSpec

    decision = manifest.decision
    thresholds = dict(decision.thresholds)
    thresholds.update(parse_thresholds(settings.thresholds, manifest.labels))
    return Decider(
        manifest.labels,
        thresholds=thresholds,
        evidence=EvidenceSpec(
            votes=decision.votes if settings.votes is None else settings.votes,
            window=decision.window if settings.vote_frames is None else settings.vote_frames,
        ),
    )


def parse_thresholds(texts: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Read thresholds such as "0.8", for every label, or "cat=0.8"; later ones win.

    Raises:
        SettingError: No number, or no label of the model.

    Example:
        >>> parse_thresholds(["0.8", "cat=0.9"], ["cat", "dog"])
        {'cat': 0.9, 'dog': 0.8}
    """
    thresholds: dict[str, float] = {}
    for text in texts:
        label, _, number = text.rpartition("=")
        try:
            score = float(number)
        except ValueError:
            score = math.nan
        if not 0.0 <= score <= 1.0 or (label and label not in labels):
            raise SettingError(
                "--threshold must be a score from 0 to 1, or a label with one; the labels are "
                + list_labels(labels),
                received=text,
                fix=f"Write for example --threshold 0.8 or --threshold {labels[0]}=0.8",
            )
        thresholds.update(dict.fromkeys([label] if label else labels, score))
    return thresholds


def parse_size(text: str) -> tuple[int, int]:
    """Read a width and a height in pixels.

    Raises:
        SettingError: Not of the form 640x480.

    Example:
        >>> parse_size("640x480")
        (640, 480)
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise SettingError(
            "--size must be width and height in pixels", received=text, fix="Write --size 640x480"
        )
    return int(match[1]), int(match[2])


def check_duration(seconds: float | None) -> float | None:
    """Return a duration that a timer can wait for; `None` is none.

    Raises:
        SettingError: Zero, negative, not finite or longer than a timer can wait.
    """
    if seconds is not None and not 0 < seconds <= threading.TIMEOUT_MAX:
        raise SettingError(
            "--duration must be a number of seconds above 0",
            received=str(seconds),
            fix="Leave it out to run until Ctrl-C",
        )
    return seconds


def list_labels(labels: Sequence[str]) -> str:
    """Name the labels in a line, the first ten of them.

    Example:
        >>> list_labels(["cat", "dog", "none"])
        'cat, dog, none'
    """
    more = len(labels) - _MOST_LABELS
    return ", ".join(labels[:_MOST_LABELS]) + (f" and {more} more" if more > 0 else "")

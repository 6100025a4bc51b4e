"""What the options of `edge run` mean, checked once."""

import math
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import SettingError

if TYPE_CHECKING:
    from typer import Context

    from edge.decision import Decider
    from edge.evidence import EvidenceSpec
    from edge.manifest import Manifest
    from edge.region import Region
    from edge.sources.options import SourceOptions

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_CPUS = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")
_MOST_LABELS = 10


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the command line asks for; `None` and empty leave the choice to the model.

    Attributes:
        source: Address for `edge.sources.open_source`; it may hold a password.
        options: What to ask the source for.
        region: What is looked at of a frame; all of it when `None`.
        is_paced: Whether a recording is run by its own clock.
        model: Model file; the embedded one when `None`.
        runtime: "auto" or one of `edge.interpreter.RUNTIMES`.
        threads: Threads of the runtime.
        thresholds: Texts for `parse_thresholds`.
        evidence: Text for `edge.evidence.parse_evidence`.
        picture: Settings of `edge.sensor.SensorSpec`, such as "dark_level=8".
        has_gate: Whether the model is spared frames in which nothing moves.
        max_fps: Most frames to classify per second.
        max_frames: Classified frames after which the run ends.
        duration_seconds: Time after which the run ends.
        has_window: Whether the frames are to be shown.
        is_json: Whether JSON lines are written.
    """

    source: str
    options: "SourceOptions"
    region: "Region | None" = None
    is_paced: bool = True
    model: Path | None = None
    runtime: str = "auto"
    threads: int | None = None
    thresholds: Sequence[str] = ()
    evidence: str = ""
    picture: str = ""
    has_gate: bool = True
    max_fps: float | None = None
    max_frames: int | None = None
    duration_seconds: float | None = None
    has_window: bool = False
    is_json: bool = False


def make_decider(manifest: "Manifest", settings: RunSettings) -> "Decider":
    """Make the decider that the model's manifest asks for, with what the settings change.

    Raises:
        SettingError: What is changed does not fit.
    """
    from edge.decision import Decider

    return Decider(
        manifest.labels,
        thresholds=make_thresholds(manifest, settings),
        evidence=make_evidence(manifest, settings),
    )


def make_evidence(manifest: "Manifest", settings: RunSettings) -> "EvidenceSpec":
    """Return the rules of evidence that the manifest asks for, with what the settings change.

    Raises:
        SettingError: What is changed does not fit.
    """
    from edge.evidence import model_evidence, parse_evidence

    return parse_evidence(settings.evidence, model_evidence(manifest.decision))


def make_thresholds(manifest: "Manifest", settings: RunSettings) -> dict[str, float]:
    """Return the threshold of each label, in the model's order, with what the settings change.

    Raises:
        SettingError: What is changed does not fit.
    """
    changed = parse_thresholds(settings.thresholds, manifest.labels)
    thresholds = manifest.decision.thresholds
    return {label: changed.get(label, thresholds[label]) for label in manifest.labels}


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


def choose_source(context: "Context", camera: int | None, source: str | None) -> str:
    """Return the address of a source: flags before the environment, camera 0 if nothing is named.

    Raises:
        SettingError: Two flags name one.
    """
    if camera is None:
        return "0" if source is None else source
    origin = context.get_parameter_source("source")
    if source is not None and (origin is None or origin.name != "ENVIRONMENT"):
        raise SettingError(
            "There can be only one source",
            received=f"--camera {camera} and a --source",
            fix="Leave one of them out",
        )
    return str(camera)


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


def make_source_options(
    *,
    size_wh: tuple[int, int],
    rate_hz: float | None,
    pixel_format: str | None,
    rotate_degrees: int,
    flip: str,
) -> "SourceOptions":
    """Check what a source is asked for; a camera that gives snapshots is asked at that rate too.

    Raises:
        SettingError: A value is out of its range.
    """
    from edge.sources.options import SourceOptions

    options = SourceOptions(
        size_wh=size_wh,
        rate_hz=rate_hz,
        pixel_format=None if pixel_format is None else pixel_format.upper(),
        rotate_degrees=rotate_degrees,
        flip=flip,
    )
    return options if rate_hz is None else replace(options, snapshot_seconds=1.0 / rate_hz)


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


def check_max_fps(rate_hz: float | None) -> float | None:
    """Return a rate that can be kept to; `None` is none.

    Raises:
        SettingError: Zero, negative or not finite.
    """
    if rate_hz is not None and not 0.001 <= rate_hz < math.inf:
        raise SettingError(
            "--max-fps must be a number of frames per second from 0.001",
            received=str(rate_hz),
            fix="Write for example --max-fps 5, or leave it out",
        )
    return rate_hz


def parse_cpus(text: str) -> frozenset[int]:
    """Read numbers of processor cores.

    Raises:
        SettingError: Not of the form 0-1,3.

    Example:
        >>> sorted(parse_cpus("0-1,3"))
        [0, 1, 3]
    """
    cpus: set[int] = set()
    for part in text.split(","):
        match = _CPUS.fullmatch(part.strip())
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise SettingError(
                "--cpus must be numbers of processor cores", received=text, fix="Write --cpus 0-1,3"
            )
        cpus.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(cpus)


def keep_to_cpus(text: str) -> None:
    """Let this process and those that it starts run on some processor cores only.

    Raises:
        SettingError: There are no such cores, or the system does not let one choose.
    """
    cpus = parse_cpus(text)
    if not hasattr(os, "sched_setaffinity"):
        raise SettingError(
            "--cpus needs Linux", received="another system", fix="Leave it out, or use --max-fps"
        )
    allowed = os.sched_getaffinity(0)
    if not cpus <= allowed:
        raise SettingError(
            f"--cpus must name cores that this process may use: {_list_numbers(allowed)}",
            received=text,
            fix="Name some of these",
        )
    os.sched_setaffinity(0, cpus)


def _list_numbers(numbers: set[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))


def list_labels(labels: Sequence[str]) -> str:
    """Name the labels in a line, the first ten of them.

    Example:
        >>> list_labels(["cat", "dog", "none"])
        'cat, dog, none'
    """
    more = len(labels) - _MOST_LABELS
    return ", ".join(labels[:_MOST_LABELS]) + (f" and {more} more" if more > 0 else "")

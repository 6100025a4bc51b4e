"""What a configuration says, as frozen dataclasses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edge.address import parse_address
from edge.errors import SettingError
from edge.interpreter import RUNTIMES
from edge.settings import setting

if TYPE_CHECKING:
    from edge.region import Region
    from edge.rules import RuleSpec
    from edge.store.settings import StoreSettings

FLIPS = ("none", "horizontal", "vertical", "both")
"""As `edge.sources.options.FLIPS`, which loads OpenCV."""

TRUSTS = ("synchronized", "always")
"""When the clock on the wall is believed."""

_SIZE = re.compile(r"[1-9]\d{0,3}x[1-9]\d{0,3}")
_PIXEL_FORMAT = re.compile(r"[A-Za-z0-9]{3,4}")
_ROTATIONS = (0, 90, 180, 270)
_LONGEST_PLACE = 64
_RUNTIMES = ("auto", *RUNTIMES)


def _check_size(text: str) -> None:
    if not _SIZE.fullmatch(text):
        raise SettingError(
            "must be width and height in pixels",
            received=repr(text),
            fix='Write for example "640x480"',
        )


def _check_pixel_format(text: str) -> None:
    if not _PIXEL_FORMAT.fullmatch(text):
        raise SettingError(
            "must be the four letters of a pixel format", received=repr(text), fix='Write "MJPG"'
        )


def _check_rotation(degrees: int) -> None:
    if degrees not in _ROTATIONS:
        raise SettingError(
            "must be 0, 90, 180 or 270 degrees", received=str(degrees), fix="Write one of these"
        )


def _check_region(text: str) -> None:
    from edge.region import parse_region

    parse_region(text)


def _check_place(text: str) -> None:
    if not text.strip() or len(text) > _LONGEST_PLACE or not text.isprintable():
        raise SettingError(
            f"must be a name of 1 to {_LONGEST_PLACE} characters",
            received=f"{len(text)} characters",
            fix='Write for example "catseye"',
        )


@dataclass(frozen=True, slots=True)
class SourceSection:
    """`[source]`: where the pictures come from.

    Attributes:
        address: For `edge.sources.open_source`; it may hold a password, and `repr` leaves it out.
        size: Picture size to ask a camera for, such as "640x480".
        rate: Frames per second to ask a camera for; what it likes when `None`.
        pixel_format: Such as "MJPG"; what the camera likes when `None`.
        rotate: Degrees clockwise: 0, 90, 180 or 270.
        flip: "none", "horizontal", "vertical" or "both".
    """

    address: str = setting("0", check=parse_address, is_shown=False)
    size: str = setting("640x480", check=_check_size)
    rate: float | None = setting(None, least=0.001, most=1000)
    pixel_format: str | None = setting(None, check=_check_pixel_format)
    rotate: int = setting(0, check=_check_rotation)
    flip: str = setting("none", choices=FLIPS)


@dataclass(frozen=True, slots=True)
class ModelSection:
    """`[model]`: what looks at the pictures.

    Attributes:
        file: The model file; the embedded model when `None`.
        runtime: "auto" or one of `edge.interpreter.RUNTIMES`.
        threads: Of the runtime; measured when `None`.
        thresholds: Scores in [0, 1] by label, in place of the model's.
    """

    file: Path | None = setting(None)
    runtime: str = setting("auto", choices=_RUNTIMES)
    threads: int | None = setting(None, least=1, most=64)
    thresholds: Mapping[str, float] = setting(MappingProxyType({}), least=0, most=1)


@dataclass(frozen=True, slots=True)
class RunSection:
    """`[run]`: how the loop goes.

    Attributes:
        max_fps: Most frames to classify per second; all when `None`.
        motion_gate: Whether the model is spared frames in which nothing moves.
    """

    max_fps: float | None = setting(None, least=0.001, most=1000)
    motion_gate: bool = setting(True)


@dataclass(frozen=True, slots=True)
class ClockSection:
    """`[clock]`: when the time of day is believed.

    Attributes:
        trust: One of `TRUSTS`.
    """

    trust: str = setting("synchronized", choices=TRUSTS)


@dataclass(frozen=True, slots=True)
class RegionsSection:
    """`[regions]`: parts of the frame.

    Attributes:
        watch: For `edge.region.parse_region`; all of the frame when `None`.
    """

    watch: str | None = setting(None, check=_check_region)


@dataclass(frozen=True, slots=True)
class PlaceSection:
    """The keys above all tables.

    Attributes:
        place: Name of this installation.
    """

    place: str = setting("catseye", check=_check_place)


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """`[actions.NAME]`.

    Attributes:
        name: Of the action.
        kind: Such as "gpio".
        settings: An instance of the `Settings` of its class.
    """

    name: str
    kind: str
    settings: Any


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that is right as far as one can tell without trying.

    Attributes:
        path: Of the file, absolute.
        place: Name of this installation.
        source: Where the pictures come from; the path of a recording is absolute.
        model: What looks at them.
        evidence: What was set, as `edge.evidence.parse_evidence` takes it on top of the model's.
        picture: What was set of `edge.sensor.SensorSpec`, in the same form.
        region: What is looked at of a frame; all of it when `None`.
        run: How the loop goes.
        clock_trust: One of `TRUSTS`.
        rules: In the order of the file.
        actions: By name, in the order of the file.
        store: The memory of events; its folder is absolute.
        warnings: What is likely not meant, a line each.
        lines: The line of every key.
    """

    path: Path
    place: str
    source: SourceSection
    model: ModelSection
    evidence: str
    picture: str
    region: "Region | None"
    run: RunSection
    clock_trust: str
    rules: "tuple[RuleSpec, ...]"
    actions: Mapping[str, ActionConfig]
    store: "StoreSettings"
    warnings: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

"""The values that travel from lens to decision, and the seams between the parts.

A seam is a protocol. Implement it to add a source, a runtime or an action of your own; the
fakes in `edge.testing` are the smallest complete examples.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""A picture, `(height, width, 3)`, `uint8`; the name says the order of its colours."""

Grey: TypeAlias = NDArray[np.uint8]
"""A picture of brightness alone, `(height, width)`, `uint8`, 0 (black) to 255 (white)."""

Scores: TypeAlias = NDArray[np.float32]
"""Probabilities in [0, 1] in the order of the model's labels."""

UNKNOWN = "unknown"
"""The label of a picture that no label claims with enough score."""


class Picture(StrEnum):
    """What state the picture of a source is in; only a live one is decided on."""

    LIVE = "live"
    FROZEN = "frozen"
    DARK = "dark"
    BRIGHT = "bright"
    COVERED = "covered"
    BLURRED = "blurred"
    MOVED = "moved"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What one glance at a frame tells, before any model sees it.

    Attributes:
        thumbnail: `(60, 80)`, grey, averaged over areas, see `edge.glance`.
        is_repeat: Whether all pixels are those of the frame before.
    """

    thumbnail: Grey
    is_repeat: bool


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source.

    The arrays of a frame may be overwritten once the next one is read from its source: copy what
    is to be kept.

    Attributes:
        pixels_bgr: `(height, width, 3)`, `uint8`, BGR as OpenCV delivers it.
        index: Number of the frame in its source, from 0, counting frames nobody classified.
        time_seconds: The source's own time: position in a recording, time since the start of
            a camera.
        captured_seconds: Monotonic time at which the source handed the frame over.
        glance: What a glance at it tells; `None` where nobody has looked yet.
        fitted: The frame as the model's input takes it, `(height, width, 3)` of the model, RGB,
            `uint8`; `None` where it has not been made yet.
    """

    pixels_bgr: Pixels
    index: int
    time_seconds: float
    captured_seconds: float
    glance: Glance | None = None
    fitted: Pixels | None = None


@dataclass(frozen=True, slots=True)
class Offline:
    """What a live source hands over while it delivers no frame.

    Attributes:
        reason: What is wrong, in words, without secrets.
        since_seconds: Monotonic time of its last frame, or of the start.
    """

    reason: str
    since_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the model says about one picture.

    Attributes:
        label: The best label, or "unknown" while its score is below its threshold.
        score: Probability of the best label, in [0, 1].
        scores: `(labels,)`, `float32`, calibrated probabilities in the model's order.
        top_label: The best label, whatever its score.
        inference_ms: Time that the interpreter took, in milliseconds.
    """

    label: str
    score: float
    scores: Scores
    top_label: str
    inference_ms: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What is believed after a frame, given the frames before it.

    Attributes:
        label: A label of the model, or "unknown".
        score: Mean probability of the frames that speak for the label, in [0, 1].
        frame: `Frame.index` of the newest frame.
        time_seconds: `Frame.time_seconds` of the newest frame.
        age_ms: Milliseconds from capture of the newest frame to this decision.
        picture: State of the picture; unless it is live, the label is "unknown".
    """

    label: str
    score: float
    frame: int
    time_seconds: float
    age_ms: float
    picture: Picture = Picture.LIVE


@dataclass(frozen=True, slots=True)
class Event:
    """An appearance: from the decision for a label until it is given up.

    It is reported twice, when it starts and when it has ended.

    Attributes:
        label: What appeared.
        start_seconds: The source's time of the first decision for it.
        end_seconds: The source's time of the last decision for it; `None` while it goes on.
        score: Best score of the label in one frame of it so far, in [0, 1].
        frame: `Frame.index` of the frame with that score.
        frame_seconds: `Frame.time_seconds` of that frame.
    """

    label: str
    start_seconds: float
    end_seconds: float | None
    score: float
    frame: int
    frame_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one turn of the loop has seen; the followers get it.

    Attributes:
        picture: State of the picture.
        frame: The frame; `None` while the source is offline.
        prediction: What the model says; `None` where it was not asked.
        decision: What is believed now; `None` while nothing moves or the source is offline.
        events: Events that started or ended with this look.
        is_resting: Whether the model was spared because nothing moves.
        reason: Why the picture is not live, or the frame too old to be decided on; else empty.
    """

    picture: Picture
    frame: Frame | None = None
    prediction: Prediction | None = None
    decision: Decision | None = None
    events: tuple[Event, ...] = ()
    is_resting: bool = False
    reason: str = ""


class FrameSource(Protocol):
    """Where frames come from.

    An implementation must override both methods; `close` may be called more than once and
    from another thread than `read`.
    """

    def read(self) -> Frame | Offline | None:
        """Wait for the next frame and return it; `None` means that the source has ended.

        Only what stands between a source and the loop returns `Offline`, several times a second
        while the source is away; a source itself raises, and is opened again.

        Raises:
            SourceError: The source is lost.
        """

    def close(self) -> None:
        """Release the source; a second call does nothing."""


@runtime_checkable
class SkippingSource(FrameSource, Protocol):
    """A source that can pass over a frame for less than it costs to read it."""

    def skip(self) -> float | None:
        """Pass over the next frame and return its `Frame.time_seconds`.

        Returns:
            `None` where there was no frame to be passed over: the next `read` tells why.
        """


class Interpreter(Protocol):
    """A loaded model, ready to be invoked; every method must be overridden."""

    def input_view(self) -> NDArray[Any]:
        """Return the live input tensor, `(1, height, width, 3)`; drop it before `invoke`."""

    def invoke(self) -> None:
        """Run the model on what the input tensor holds."""

    def output(self) -> Scores:
        """Return the output row, `(labels,)`, `float32`, dequantized."""

    def close(self) -> None:
        """Release the model; a second call does nothing."""


class Follower(Protocol):
    """Something that follows every turn of the loop; both methods must be overridden."""

    def handle(self, look: Look) -> None:
        """Take a look in; called for each frame and while the source is offline, so be quick."""

    def close(self) -> None:
        """Release what the follower holds; a second call does nothing."""


class Clock(Protocol):
    """Monotonic time, passed in wherever time matters; both methods must be overridden."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def wait(self, seconds: float) -> None:
        """Let that many seconds pass; nothing happens for zero or less."""

"""The values that travel from lens to decision, and the seams between the parts.

A seam is a protocol. Implement it to add a source, a runtime or an action of your own; the
fakes in `edge.testing` are the smallest complete examples.
"""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""A picture, `(height, width, 3)`, `uint8`; the name says the order of its colours."""

Scores: TypeAlias = NDArray[np.float32]
"""Probabilities in [0, 1] in the order of the model's labels."""

UNKNOWN = "unknown"
"""The label of a picture that no label claims with enough score."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        pixels_bgr: `(height, width, 3)`, `uint8`, BGR as OpenCV delivers it.
        index: Number of the frame in its source, from 0, counting frames nobody classified.
        time_seconds: The source's own time: position in a recording, time since the start of
            a camera.
        captured_seconds: Monotonic time at which the source handed the frame over.
    """

    pixels_bgr: Pixels
    index: int
    time_seconds: float
    captured_seconds: float


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
    """

    label: str
    score: float
    frame: int
    time_seconds: float
    age_ms: float


class FrameSource(Protocol):
    """Where frames come from.

    An implementation must override both methods; `close` may be called more than once and
    from another thread than `read`.
    """

    def read(self) -> Frame | None:
        """Wait for the next frame and return it; `None` means that the source has ended.

        Raises:
            SourceError: The source is lost.
        """

    def close(self) -> None:
        """Release the source; a second call does nothing."""


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


class Action(Protocol):
    """Something that follows from a decision; both methods must be overridden."""

    def handle(self, decision: Decision) -> None:
        """Act on a decision; called once per classified frame, so be quick."""

    def close(self) -> None:
        """Release what the action holds; a second call does nothing."""


class Clock(Protocol):
    """Monotonic time, passed in wherever time matters; both methods must be overridden."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def wait(self, seconds: float) -> None:
        """Let that many seconds pass; nothing happens for zero or less."""

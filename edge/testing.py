"""Fakes of everything that `edge` gets from outside: frames, models, time, devices.

They are part of the package so that your own sources, actions and rules can be tested without a
camera, a model or waiting. A whole run needs nothing else:

    >>> from edge.classifier import Classifier
    >>> from edge.decision import Decider
    >>> from edge.runtime import run
    >>> labels = ("cat", "none")
    >>> source = FakeSource([blank_frame(0), blank_frame(1)])
    >>> classifier = Classifier(fake_model(labels), FakeInterpreter([(0.1, 0.9), (0.8, 0.2)]))
    >>> thresholds = {"cat": 0.5, "none": 0.5}
    >>> decider = Decider(labels, thresholds=thresholds, evidence=EVERY_FRAME)
    >>> action = RecordingAction()
    >>> summary = run(source, classifier, decider, [action], clock=ManualClock())
    >>> [decision.label for decision in action.handled]
    ['none', 'cat']
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.evidence import EvidenceSpec
from edge.manifest import DecisionSpec, InputSpec, Manifest
from edge.modelfile import ModelFile
from edge.records import UNKNOWN, Decision, Frame, Pixels, Prediction, Scores

_SMALL_WH = (8, 8)
_RATE_HZ = 30.0

EVERY_FRAME = EvidenceSpec(votes=1, window=1, period_seconds=0, hysteresis=0, leave_seconds=0)
"""Rules by which each frame decides for itself."""


def blank_frame(
    index: int = 0,
    *,
    time_seconds: float | None = None,
    captured_seconds: float = 0.0,
    size_wh: tuple[int, int] = _SMALL_WH,
    grey: int = 128,
) -> Frame:
    """Make a frame of one shade of grey.

    Args:
        index: Its number in the source.
        time_seconds: Its time in the source; as at 30 frames per second when `None`.
        captured_seconds: Monotonic time of its capture.
        size_wh: Width and height in pixels.
        grey: 0 (black) to 255 (white).

    Example:
        >>> blank_frame(15).time_seconds
        0.5
    """
    width, height = size_wh
    pixels_bgr = np.full((height, width, 3), grey, np.uint8)
    if time_seconds is None:
        time_seconds = index / _RATE_HZ
    return Frame(pixels_bgr, index, time_seconds, captured_seconds)


def prediction(scores: Mapping[str, float], *, threshold: float = 0.5) -> Prediction:
    """Make the prediction of a model with these labels and scores.

    Example:
        >>> prediction({"cat": 0.3, "none": 0.7}).label
        'none'
    """
    values = np.array(list(scores.values()), np.float32)
    top_label = max(scores, key=lambda label: scores[label])
    score = float(scores[top_label])
    label = top_label if score >= threshold else UNKNOWN
    return Prediction(label, score, values, top_label, inference_ms=1.0)


def fake_model(
    labels: Sequence[str], *, threshold: float = 0.5, size_wh: tuple[int, int] = _SMALL_WH
) -> ModelFile:
    """Make the description of a model that exists only together with a `FakeInterpreter`.

    Args:
        labels: In the order of the interpreter's scores.
        threshold: Of every label.
        size_wh: The interpreter's input.

    Example:
        >>> fake_model(["cat", "none"]).manifest.labels
        ('cat', 'none')
    """
    width, height = size_wh
    manifest = Manifest(
        name="fake",
        labels=tuple(labels),
        input=InputSpec(width=width, height=height),
        decision=DecisionSpec(thresholds=dict.fromkeys(labels, threshold), votes=1, window=1),
    )
    return ModelFile(Path("fake.tflite"), manifest, model_bytes=b"", sha256="0" * 64, size_bytes=0)


class FakeSource:
    """A source that follows a script.

    Args:
        script: What each `read` does: a `Frame` is returned, an exception raised, and a
            `threading.Event` waited for before the script goes on, as by a camera that does
            not answer. At the end of the script the source has ended.

    Attributes:
        is_closed: Whether `close` was called.

    Example:
        >>> source = FakeSource([blank_frame(0)])
        >>> source.read().index, source.read()
        (0, None)
    """

    def __init__(self, script: Iterable[Frame | Exception | threading.Event]) -> None:
        self._script = iter(script)
        self.is_closed = False

    def read(self) -> Frame | None:
        """Take the next step of the script."""
        for step in self._script:
            if isinstance(step, Frame):
                return step
            if isinstance(step, Exception):
                raise step
            step.wait()
        return None

    def close(self) -> None:
        """Remember that it was called."""
        self.is_closed = True


class FakeCapture:
    """A camera device that follows a script; give it to `Camera(open_capture=...)`.

    Args:
        script: What each `read` delivers: a picture, or `None` for a failure. At its end every
            read fails, as after unplugging.
        is_open: Whether the device could be opened.

    Attributes:
        reads: How often a picture was asked for.
        is_closed: Whether the device was released.

    Example:
        >>> from edge.sources.camera import Camera
        >>> device = FakeCapture([blank_frame().pixels_bgr])
        >>> camera = Camera("0", clock=ManualClock(), size_wh=(8, 8),
        ...                 open_capture=lambda name, size_wh: device)
        >>> camera.read().index
        0
    """

    def __init__(self, script: Iterable[Pixels | None], *, is_open: bool = True) -> None:
        self._script = iter(script)
        self.is_open = is_open
        self.is_closed = False
        self.reads = 0

    def read(self) -> Pixels | None:
        """Take the next step of the script."""
        self.reads += 1
        return next(self._script, None)

    def close(self) -> None:
        """Remember that it was called."""
        self.is_closed = True


class FakeInterpreter:
    """A loaded model that says what it was told to say.

    Args:
        rows: Scores of each `invoke`, in turn; the last row stays.
        size_wh: Width and height of its input.

    Attributes:
        seen: What the input tensor held at each `invoke`, `(height, width, 3)`, RGB.
        is_closed: Whether `close` was called.

    Example:
        >>> interpreter = FakeInterpreter([(0.25, 0.75)])
        >>> interpreter.invoke()
        >>> interpreter.output().tolist()
        [0.25, 0.75]
    """

    def __init__(
        self, rows: Sequence[Sequence[float]], *, size_wh: tuple[int, int] = _SMALL_WH
    ) -> None:
        width, height = size_wh
        self._input = np.zeros((1, height, width, 3), np.uint8)
        self._rows = [np.array(row, np.float32) for row in rows]
        self.seen: list[Pixels] = []
        self.is_closed = False

    def input_view(self) -> NDArray[Any]:
        """Return the live input tensor."""
        return self._input

    def invoke(self) -> None:
        """Look at the input and go on to the next row of scores."""
        self.seen.append(self._input[0].copy())

    def output(self) -> Scores:
        """Return the row of the latest `invoke`."""
        return self._rows[min(max(len(self.seen), 1), len(self._rows)) - 1]

    def close(self) -> None:
        """Remember that it was called."""
        self.is_closed = True


class ManualClock:
    """A clock that moves only when it is told to; waiting takes no time.

    Args:
        seconds: What it shows at first.

    Attributes:
        waits: The waits that were asked for, in seconds.

    Example:
        >>> clock = ManualClock()
        >>> clock.wait(1.5)
        >>> clock.advance(1.0)
        >>> clock.monotonic()
        2.5
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.waits: list[float] = []

    def monotonic(self) -> float:
        """Return what the clock shows."""
        return self._seconds

    def wait(self, seconds: float) -> None:
        """Move the clock on by that many seconds, at once."""
        if seconds > 0:
            self.waits.append(seconds)
            self._seconds += seconds

    def advance(self, seconds: float) -> None:
        """Move the clock on, as if something had taken that long."""
        self._seconds += seconds


class RecordingAction:
    """An action that keeps every decision.

    Attributes:
        handled: The decisions, oldest first.
        is_closed: Whether `close` was called.

    Example:
        >>> action = RecordingAction()
        >>> action.handle(Decision("cat", 0.9, frame=0, time_seconds=0.0, age_ms=5.0))
        >>> action.handled[0].label
        'cat'
    """

    def __init__(self) -> None:
        self.handled: list[Decision] = []
        self.is_closed = False

    def handle(self, decision: Decision) -> None:
        """Keep the decision."""
        self.handled.append(decision)

    def close(self) -> None:
        """Remember that it was called."""
        self.is_closed = True

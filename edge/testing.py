"""Fakes of everything that `edge` gets from outside: frames, models, time, devices.

They are part of the package so that your own sources, actions and rules can be tested without a
camera, a model or waiting. A whole run needs nothing else:

    >>> from edge.classifier import Classifier
    >>> from edge.decision import Decider
    >>> from edge.runtime import run
    >>> from edge.watcher import Watcher
    >>> labels = ("cat", "none")
    >>> source = FakeSource([blank_frame(0), blank_frame(1)])
    >>> classifier = Classifier(fake_model(labels), FakeInterpreter([(0.1, 0.9), (0.8, 0.2)]))
    >>> thresholds = {"cat": 0.5, "none": 0.5}
    >>> decider = Decider(labels, thresholds=thresholds, evidence=EVERY_FRAME)
    >>> watcher = Watcher(classifier, decider, clock=(clock := ManualClock()))
    >>> follower = RecordingFollower()
    >>> summary = run(source, watcher, [follower], clock=clock)
    >>> [look.decision.label for look in follower.handled]
    ['none', 'cat']
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.evidence import EvidenceSpec
from edge.manifest import DecisionSpec, InputSpec, Manifest
from edge.modelfile import ModelFile
from edge.occurrence import Instant
from edge.records import UNKNOWN, Clock, Frame, Look, Offline, Pixels, Prediction, Scores

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
        script: What each `read` does: a `Frame` or `Offline` is returned, an exception raised,
            and a `threading.Event` waited for before the script goes on, as by a camera that does
            not answer. At the end of the script the source has ended.

    Attributes:
        is_closed: Whether `close` was called.

    Example:
        >>> source = FakeSource([blank_frame(0)])
        >>> source.read().index, source.read()
        (0, None)
    """

    def __init__(self, script: Iterable[Frame | Offline | Exception | threading.Event]) -> None:
        self._script = iter(script)
        self.is_closed = False

    def read(self) -> Frame | Offline | None:
        """Take the next step of the script."""
        for step in self._script:
            if isinstance(step, Frame | Offline):
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
        settings: What it answers when asked for one of `cv2.CAP_PROP_*`; 0 for any other.

    Attributes:
        reads: How often a picture was asked for.
        is_closed: Whether the device was released.

    Example:
        >>> from edge.sources import SourceOptions
        >>> from edge.sources.camera import Camera
        >>> device = FakeCapture([blank_frame().pixels_bgr])
        >>> camera = Camera("0", clock=ManualClock(), options=SourceOptions(size_wh=(8, 8)),
        ...                 open_capture=lambda name, options: device)
        >>> camera.read().index
        0
    """

    def __init__(
        self,
        script: Iterable[Pixels | None],
        *,
        is_open: bool = True,
        settings: Mapping[int, float] | None = None,
    ) -> None:
        self._script = iter(script)
        self._settings = dict(settings or {})
        self.is_open = is_open
        self.is_closed = False
        self.reads = 0

    def read(self) -> Pixels | None:
        """Take the next step of the script."""
        self.reads += 1
        return next(self._script, None)

    def grab(self) -> bool:
        """Take the next step of the script, and say whether it was a picture."""
        return self.read() is not None

    def get(self, setting: int) -> float:
        """Return what the device was told to answer."""
        return self._settings.get(setting, 0.0)

    def close(self) -> None:
        """Remember that it was called."""
        self.is_closed = True


class FakePicamera2:
    """What picamera2 offers of a camera: a picture that is red at the left and blue at the right.

    Make it the `Picamera2` of a module `picamera2` that the program finds. Names and behaviour
    are those of https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf: the format
    "RGB888" has blue first in memory, "BGR888" red.

    Args:
        camera_num: Which one of the cameras.

    Attributes:
        camera_controls: Of each control the least and the most, and the value at first.
        calls: Names of what was called, oldest first.
        configuration: What `configure` was given.

    Example:
        >>> camera = FakePicamera2()
        >>> main = {"size": (8, 4), "format": "RGB888"}
        >>> camera.configure(camera.create_video_configuration(main=main))
        >>> camera.start()
        >>> camera.capture_array("main", wait=2.0)[0, 0].tolist()
        [0, 0, 255]
    """

    def __init__(self, camera_num: int = 0) -> None:
        self.camera_controls = {"FrameDurationLimits": (16_666, 1_000_000, 33_333)}
        self.calls: list[str] = []
        self.configuration: dict[str, Any] = {}
        self.camera_num = camera_num

    @staticmethod
    def global_camera_info() -> list[dict[str, object]]:
        """List the cameras."""
        return [{"Model": "imx708", "Num": 0}]

    def create_video_configuration(
        self,
        main: Mapping[str, object],
        *,
        buffer_count: int = 6,
        controls: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Put together what `configure` takes; 30 frames per second unless told otherwise."""
        all_controls = {"FrameDurationLimits": (33_333, 33_333), **(controls or {})}
        return {"main": dict(main), "buffer_count": buffer_count, "controls": all_controls}

    def configure(self, configuration: dict[str, Any]) -> None:
        """Take the configuration."""
        self.calls.append("configure")
        self.configuration = configuration

    def start(self) -> None:
        """Begin to deliver."""
        self.calls.append("start")

    def capture_array(self, name: str = "main", wait: float | None = None) -> Pixels:
        """Return the next picture of a stream; a `wait` that passes is a `TimeoutError`."""
        self.calls.append(f"capture_array {name} {wait:g}")
        width, height = self.configuration[name]["size"]
        picture = np.zeros((height, width, 3), np.uint8)
        red, blue = (2, 0) if self.configuration[name]["format"] == "RGB888" else (0, 2)
        picture[:, : width // 2, red] = picture[:, width // 2 :, blue] = 255
        return picture

    def stop(self) -> None:
        """Deliver no more."""
        self.calls.append("stop")

    def close(self) -> None:
        """Let others use it."""
        self.calls.append("close")


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


class RecordingFollower:
    """A follower that keeps every look.

    Attributes:
        handled: The looks, oldest first.
        is_closed: Whether `close` was called.

    Example:
        >>> from edge.records import Look, Picture
        >>> follower = RecordingFollower()
        >>> follower.handle(Look(Picture.LIVE, blank_frame(3)))
        >>> follower.handled[0].frame.index
        3
    """

    def __init__(self) -> None:
        self.handled: list[Look] = []
        self.is_closed = False

    def handle(self, look: Look) -> None:
        """Keep the look."""
        self.handled.append(look)

    def close(self) -> None:
        """Remember that it was called."""
        self.is_closed = True


@dataclass
class ManualWallClock:
    """A wall clock that shows what it is told to; every attribute may be changed at any time.

    Attributes:
        clock: Monotonic; it goes with that one.
        offset_seconds: What Unix time is ahead of it; at first noon of 15 June 2026, UTC.
        boot_id: Of the moments that it returns.
        is_trusted: Of the moments that it returns.
    """

    clock: Clock
    offset_seconds: float = 1_781_524_800.0
    boot_id: str = "boot-1"
    is_trusted: bool = True

    def now(self) -> Instant:
        """Return the moment, by both clocks."""
        now = self.clock.monotonic()
        return Instant(now + self.offset_seconds, now, self.boot_id, self.is_trusted)

"""The window of `edge run --window`: the frame, what is decided, and the rate.

OpenCV's GUI ends the process when it finds no display, so a child process tries it first.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import cv2
import numpy as np

from edge.clock import RateMeter
from edge.errors import MissingExtraError, SettingError
from edge.extras import install_hint
from edge.manifest import InputSpec
from edge.preprocess import seen_box
from edge.records import Clock, Decision, Frame, FrameSource, Pixels

_TITLE = "catseye"
_LONGEST_SIDE = 960
_BAR_HEIGHT = 36
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE = (255, 255, 255)
_END_KEYS = frozenset({ord("q"), ord("Q"), 27})  # 27 is Esc
_TRIAL = "import cv2; cv2.namedWindow('catseye')"
_TRIAL_SECONDS = 20


class Screen(Protocol):
    """Where pictures are shown; `OpenCvScreen` has one, and a test its own."""

    def show(self, picture_bgr: Pixels) -> bool:
        """Show a picture, `(height, width, 3)`, BGR; false once the user wants no more."""

    def close(self) -> None:
        """Take the window away; a second call does nothing."""


class Window:
    """Shows the frames of a source; closing it ends the source.

    It stands between the source and the loop, and among the actions:
    `run(window, classifier, decider, [window], ...)`.

    Args:
        source: Where the frames come from; closed with the window.
        clock: Measures the rate.
        spec: What the model takes: what it does not see of a frame is shown darker.
        screen: Where they are shown; a window of OpenCV unless told otherwise.
    """

    def __init__(
        self,
        source: FrameSource,
        *,
        clock: Clock,
        spec: InputSpec | None = None,
        screen: Screen | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._spec = spec
        self._screen = OpenCvScreen() if screen is None else screen
        self._rate = RateMeter()
        self._frame: Frame | None = None
        self._is_wanted = True

    def read(self) -> Frame | None:
        """Return the source's next frame; `None` at its end or when the window was closed.

        Raises:
            SourceError: The source is lost.
        """
        self._frame = self._source.read() if self._is_wanted else None
        return self._frame

    def handle(self, decision: Decision) -> None:
        """Show the latest frame with what was decided; q, Esc or closing ends the run."""
        if self._frame is None or not self._is_wanted:
            return
        now_seconds = self._clock.monotonic()
        self._rate.add(now_seconds)
        rate_hz = self._rate.rate_hz(now_seconds)
        picture_bgr = draw_decision(
            self._frame.pixels_bgr, decision, rate_hz=rate_hz, spec=self._spec
        )
        self._is_wanted = self._screen.show(picture_bgr)

    def close(self) -> None:
        """Close window and source; a second call does nothing."""
        self._is_wanted = False
        self._screen.close()
        self._source.close()


class OpenCvScreen:
    """A window of OpenCV's GUI build, opened by the first picture."""

    def __init__(self) -> None:
        self._is_open = False

    def show(self, picture_bgr: Pixels) -> bool:
        """Show a picture; false after q, Esc or a click on the window's cross."""
        if not self._is_open:
            os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # about fonts it lacks
            cv2.namedWindow(_TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
            self._is_open = True
        cv2.imshow(_TITLE, picture_bgr)
        if cv2.waitKey(1) & 0xFF in _END_KEYS:
            return False
        try:
            return cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # with its last window, Qt has left
            return False

    def close(self) -> None:
        """Take the window away; a second call does nothing."""
        if self._is_open:
            self._is_open = False
            with suppress(cv2.error):  # the user has closed it
                cv2.destroyAllWindows()


def draw_decision(
    frame_bgr: Pixels, decision: Decision, *, rate_hz: float, spec: InputSpec | None = None
) -> Pixels:
    """Draw what the window shows: the frame, at most 960 pixels long, over a line of text.

    Args:
        frame_bgr: `(height, width, 3)`, `uint8`, BGR.
        decision: What is written below it.
        rate_hz: Decisions per second.
        spec: What the model takes: what it does not see of the frame is darkened.

    Returns:
        A new array, `(height, width, 3)`, `uint8`, BGR.
    """
    height, width = frame_bgr.shape[:2]
    factor = min(1.0, _LONGEST_SIDE / max(height, width))
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    canvas = np.zeros((size_wh[1] + _BAR_HEIGHT, size_wh[0], 3), np.uint8)
    cv2.resize(frame_bgr, size_wh, dst=canvas[: size_wh[1]], interpolation=cv2.INTER_AREA)
    if spec is not None:
        _darken_unseen(canvas[: size_wh[1]], spec)
    text = f"{decision.label} {decision.score:.2f}   {rate_hz:.1f} fps   {decision.age_ms:.0f} ms"
    cv2.putText(canvas, text, (10, canvas.shape[0] - 11), _FONT, 0.6, _WHITE, 1, cv2.LINE_AA)
    return canvas


def _darken_unseen(shown_bgr: Pixels, spec: InputSpec) -> None:
    left, top, right, bottom = seen_box(shown_bgr.shape[1::-1], spec)
    for unseen in (
        shown_bgr[:top],
        shown_bgr[bottom:],
        shown_bgr[top:bottom, :left],
        shown_bgr[top:bottom, right:],
    ):
        unseen //= 3


def check_window(
    *, environment: Mapping[str, str] | None = None, platform: str = sys.platform
) -> None:
    """Find out whether a window can be opened here.

    Args:
        environment: The process's own when `None`.
        platform: As `sys.platform` has it.

    Raises:
        MissingExtraError: OpenCV is the build without windows.
        SettingError: There is no display, or it does not answer.
    """
    if not cv2.currentUIFramework():
        raise MissingExtraError(
            "A window needs the extra 'window'",
            received="the build of OpenCV that has no windows",
            fix=f"Run: {install_hint('window')}; "
            "then: pip install --force-reinstall --no-deps opencv-python",
        )
    if environment is None:
        environment = os.environ
    has_display = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    if platform.startswith("linux"):
        if not has_display:
            raise _no_display("neither DISPLAY nor WAYLAND_DISPLAY is set")
        _try_display(environment)


def _try_display(environment: Mapping[str, str]) -> None:
    try:
        trial = subprocess.run(
            [sys.executable, "-P", "-c", _TRIAL],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _no_display("a display that does not answer") from error
    if trial.returncode != 0:
        lines = trial.stderr.decode(errors="replace").split("\n")
        raise _no_display(next((line for line in lines if line), "a display that refuses"))


def _no_display(received: str) -> SettingError:
    return SettingError(
        "A window needs a display",
        received=received,
        fix="Run it in a desktop session, or over ssh with ssh -X, or set DISPLAY (often :0)",
    )

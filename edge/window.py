"""The window of `edge run --window`: where it is shown, and what its keys do.

OpenCV's GUI ends the process when it finds no display, so a child process tries it first.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

import cv2

from edge.errors import MissingExtraError, SettingError
from edge.extras import install_hint
from edge.painting import Painter
from edge.records import Look, Picture, Pixels

_TITLE = "catseye"
_END_KEYS = frozenset({"q", "\x1b"})  # q and Esc
_TRIAL = "import cv2; cv2.namedWindow('catseye')"
_TRIAL_SECONDS = 20


class Screen(Protocol):
    """Where pictures are shown; `OpenCvScreen` has one, and a test its own."""

    def show(self, picture_bgr: Pixels) -> str:
        """Show a picture, `(height, width, 3)`, BGR, and return the key that was pressed.

        Empty if none was; "q" if the user has closed the window.
        """

    def close(self) -> None:
        """Take the window away; a second call does nothing."""


class Window:
    """An action that shows frames with what is believed; q, Esc or its cross ends the run.

    Key m shows what moves, h the line with the keys.

    Args:
        painter: Draws what is shown.
        when_closed: Called once the user wants no more.
        screen: Where it is shown; a window of OpenCV unless told otherwise.
    """

    def __init__(
        self,
        painter: Painter,
        *,
        when_closed: Callable[[], None],
        screen: Screen | None = None,
    ) -> None:
        self._painter = painter
        self._when_closed = when_closed
        self._screen = OpenCvScreen() if screen is None else screen
        self._is_wanted = True

    def handle(self, look: Look) -> None:
        """Show the look, and do what the user asks for."""
        is_last = look.frame is None and look.picture is not Picture.OFFLINE
        if is_last or not self._is_wanted:
            return
        key = self._screen.show(self._painter.draw(look))
        if key in _END_KEYS:
            self._is_wanted = False
            self._when_closed()
        elif key:
            self._painter.press(key)

    def close(self) -> None:
        """Close the window; a second call does nothing."""
        self._is_wanted = False
        self._screen.close()


class OpenCvScreen:
    """A window of OpenCV's GUI build, opened by the first picture."""

    def __init__(self) -> None:
        self._is_open = False

    def show(self, picture_bgr: Pixels) -> str:
        """Show a picture and return the key that was pressed; "q" after a click on the cross."""
        if not self._is_open:
            os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # about fonts it lacks
            cv2.namedWindow(_TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
            self._is_open = True
        cv2.imshow(_TITLE, picture_bgr)
        code = cv2.waitKey(1)
        try:
            is_visible = cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # with its last window, Qt has left
            is_visible = False
        if not is_visible:
            return "q"
        return "" if code < 0 else chr(code & 0xFF).lower()

    def close(self) -> None:
        """Take the window away; a second call does nothing."""
        if self._is_open:
            self._is_open = False
            with suppress(cv2.error):  # the user has closed it
                cv2.destroyAllWindows()


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

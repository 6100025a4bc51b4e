import numpy as np
import pytest

from edge import window
from edge.errors import MissingExtraError, SettingError
from edge.painting import Painter
from edge.records import Decision, Look, Picture
from edge.testing import ManualClock, blank_frame
from edge.window import Window, check_window

DECISION = Decision("cat", 0.93, frame=0, time_seconds=0.0, age_ms=12.0)


class FakeScreen:
    def __init__(self, keys=()):
        self.shown = []
        self.closes = 0
        self._keys = iter(keys)

    def show(self, picture_bgr):
        self.shown.append(picture_bgr)
        return next(self._keys, "")

    def close(self):
        self.closes += 1


def open_window(keys=()):
    screen, closed = FakeScreen(keys), []
    painter = Painter(clock=ManualClock(), thresholds={"cat": 0.5, "none": 0.5})
    shown = Window(painter, when_closed=lambda: closed.append(True), screen=screen)
    return shown, screen, closed


def look_at(grey):
    return Look(Picture.LIVE, blank_frame(grey=grey), decision=DECISION)


def test_window_shows_the_frame_that_was_looked_at():
    shown, screen, _ = open_window()
    for grey in (90, 91):
        shown.handle(look_at(grey))
    assert [int(picture[0, 0, 0]) for picture in screen.shown] == [90, 91]


@pytest.mark.parametrize("key", ["q", "\x1b"])
def test_window_that_is_closed_ends_the_run(key):
    shown, screen, closed = open_window([key])
    shown.handle(look_at(90))
    shown.handle(look_at(90))
    assert closed == [True]
    assert len(screen.shown) == 1


def test_window_answers_while_the_source_is_away():
    shown, screen, closed = open_window(["", "q"])
    for _ in range(2):
        shown.handle(Look(Picture.OFFLINE, reason="unplugged"))
    assert (len(screen.shown), closed) == (2, [True])


def test_window_shows_nothing_of_the_end():
    shown, screen, _ = open_window()
    shown.handle(Look(Picture.LIVE))
    assert screen.shown == []


def test_window_hands_keys_to_the_painter():
    shown, screen, _ = open_window(["h", "x", "h"])
    for _ in range(4):
        shown.handle(look_at(90))
    heights = [picture.shape[0] for picture in screen.shown]
    assert heights[0] < heights[1] == heights[2] > heights[3]


def test_window_closes_its_screen():
    shown, screen, closed = open_window()
    shown.close()
    shown.handle(look_at(90))
    assert (screen.closes, screen.shown, closed) == (1, [], [])


@pytest.fixture
def with_gui(monkeypatch):
    monkeypatch.setattr(window.cv2, "currentUIFramework", lambda: "QT")


def test_check_window_names_the_extra_for_a_build_without_windows(monkeypatch):
    monkeypatch.setattr(window.cv2, "currentUIFramework", lambda: "")
    with pytest.raises(MissingExtraError, match=r"extra 'window'.*.\[window\]"):
        check_window(environment={"DISPLAY": ":0"})


@pytest.mark.usefixtures("with_gui")
@pytest.mark.parametrize("environment", [{}, {"DISPLAY": ""}])
def test_check_window_asks_for_a_display_on_linux(environment):
    with pytest.raises(SettingError, match=r"neither DISPLAY nor WAYLAND_DISPLAY.*ssh -X"):
        check_window(environment=environment, platform="linux")


@pytest.mark.usefixtures("with_gui")
def test_check_window_trusts_other_systems():
    check_window(environment={}, platform="darwin")


# (what the trial in a child process does, what the message says)
TRIALS = [
    ("raise SystemExit('no protocol')", "no protocol"),
    ("import os; os.abort()", "a display that refuses"),
    ("import threading; threading.Event().wait()", "a display that does not answer"),
]


@pytest.mark.usefixtures("with_gui")
@pytest.mark.parametrize(("trial", "said"), TRIALS)
def test_check_window_survives_a_display_that_kills(monkeypatch, trial, said):
    monkeypatch.setattr(window, "_TRIAL", trial)
    if "Event" in trial:
        monkeypatch.setattr(window, "_TRIAL_SECONDS", 0.5)
    with pytest.raises(SettingError, match=f"A window needs a display.*{said}"):
        check_window(environment={"DISPLAY": ":0"}, platform="linux")


@pytest.mark.usefixtures("with_gui")
def test_check_window_is_content_with_a_display_that_answers(monkeypatch):
    monkeypatch.setattr(window, "_TRIAL", "")
    check_window(environment={"WAYLAND_DISPLAY": "wayland-0"}, platform="linux")


class FakeGui:
    """The functions of OpenCV's GUI; its window can be closed by the user."""

    WINDOW_AUTOSIZE = WINDOW_GUI_NORMAL = WND_PROP_VISIBLE = 0
    error = window.cv2.error

    def __init__(self):
        self.calls = []
        self.key = -1
        self.is_visible = True

    def namedWindow(self, title, flags):  # noqa: N802
        self.calls.append("open")

    def imshow(self, title, picture):
        self.calls.append("show")

    def waitKey(self, milliseconds):  # noqa: N802
        return self.key

    def getWindowProperty(self, title, setting):  # noqa: N802
        if not self.is_visible:
            raise self.error("NULL guiReceiver (please create a window)")
        return 1.0

    def destroyAllWindows(self):  # noqa: N802
        self.calls.append("close")
        self.getWindowProperty("", 0)


@pytest.fixture
def gui(monkeypatch):
    fake = FakeGui()
    monkeypatch.setattr(window, "cv2", fake)
    return fake


def test_screen_opens_with_the_first_picture_and_closes_once(gui):
    screen = window.OpenCvScreen()
    screen.close()
    picture_bgr = np.zeros((4, 4, 3), np.uint8)
    assert screen.show(picture_bgr) == ""
    assert screen.show(picture_bgr) == ""
    screen.close()
    screen.close()
    assert gui.calls == ["open", "show", "show", "close"]


@pytest.mark.parametrize(("pressed", "key"), [("q", "q"), ("Q", "q"), ("\x1b", "\x1b"), ("m", "m")])
def test_screen_tells_the_key_that_was_pressed(gui, pressed, key):
    gui.key = ord(pressed)
    assert window.OpenCvScreen().show(np.zeros((4, 4, 3), np.uint8)) == key


def test_screen_notices_that_it_was_closed(gui):
    screen = window.OpenCvScreen()
    gui.is_visible = False
    assert screen.show(np.zeros((4, 4, 3), np.uint8)) == "q"
    screen.close()

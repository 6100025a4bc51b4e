import numpy as np
import pytest

from edge import window
from edge.errors import MissingExtraError, SettingError
from edge.manifest import InputSpec, Region
from edge.records import Decision
from edge.testing import FakeSource, ManualClock, blank_frame
from edge.window import Window, check_window, draw_decision

DECISION = Decision("cat", 0.93, frame=0, time_seconds=0.0, age_ms=12.0)


class FakeScreen:
    def __init__(self, *, closes_after=None):
        self.shown = []
        self.closes = 0
        self._closes_after = closes_after

    def show(self, picture_bgr):
        self.shown.append(picture_bgr)
        return len(self.shown) != self._closes_after

    def close(self):
        self.closes += 1


def open_window(frames=3, **settings):
    source = FakeSource([blank_frame(index, grey=90 + index) for index in range(frames)])
    screen = FakeScreen(**settings)
    return Window(source, clock=ManualClock(), screen=screen), source, screen


def test_window_shows_the_frame_that_was_decided():
    shown, _, screen = open_window()
    for index in range(2):
        assert shown.read().index == index
        shown.handle(DECISION)
    assert [int(picture[0, 0, 0]) for picture in screen.shown] == [90, 91]


def test_window_that_is_closed_ends_the_source():
    shown, source, screen = open_window(closes_after=1)
    shown.read()
    shown.handle(DECISION)
    assert shown.read() is None
    shown.handle(DECISION)
    assert len(screen.shown) == 1
    assert not source.is_closed


def test_window_passes_the_end_on():
    shown, _, screen = open_window(frames=0)
    assert shown.read() is None
    shown.handle(DECISION)
    assert screen.shown == []


def test_window_closes_screen_and_source():
    shown, source, screen = open_window()
    shown.close()
    assert (source.is_closed, screen.closes) == (True, 1)
    assert shown.read() is None


# (size of the frame, size of the picture)
SIZES = [
    ((640, 480), (640, 516)),
    ((1920, 1080), (960, 576)),  # at most 960 pixels long
    ((1080, 1920), (540, 996)),
    ((8, 8), (8, 44)),
]


@pytest.mark.parametrize(("size_wh", "shown_wh"), SIZES)
def test_draw_decision_puts_a_line_below_the_frame(size_wh, shown_wh):
    frame_bgr = blank_frame(size_wh=size_wh, grey=200).pixels_bgr
    picture_bgr = draw_decision(frame_bgr, DECISION, rate_hz=29.97)
    assert picture_bgr.shape == (shown_wh[1], shown_wh[0], 3)
    assert (picture_bgr[: shown_wh[1] - 36] == 200).all()
    if shown_wh[0] > 100:
        assert picture_bgr[shown_wh[1] - 36 :].max() > 200  # there is text
    assert (frame_bgr == 200).all()


def test_draw_decision_darkens_what_the_model_does_not_see():
    frame_bgr = blank_frame(size_wh=(640, 480), grey=150).pixels_bgr
    spec = InputSpec(96, 96, resize="crop", region=Region(0.0, 0.0, 1.0, 0.5))
    picture_bgr = draw_decision(frame_bgr, DECISION, rate_hz=30.0, spec=spec)[:480]
    assert (picture_bgr[:240, 200:440] == 150).all()
    picture_bgr[:240, 200:440] = 50
    assert (picture_bgr == 50).all()
    assert (frame_bgr == 150).all()


def test_draw_decision_leaves_a_frame_alone_that_is_seen_whole():
    frame_bgr = blank_frame(size_wh=(64, 48), grey=150).pixels_bgr
    for spec in (InputSpec(96, 96), InputSpec(96, 96, resize="letterbox")):
        shown_bgr = draw_decision(frame_bgr, DECISION, rate_hz=30.0, spec=spec)
        assert (shown_bgr[:48] == 150).all()


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
    assert screen.show(picture_bgr)
    assert screen.show(picture_bgr)
    screen.close()
    screen.close()
    assert gui.calls == ["open", "show", "show", "close"]


@pytest.mark.parametrize(
    ("key", "is_wanted"), [("q", False), ("Q", False), ("\x1b", False), ("a", True)]
)
def test_screen_ends_with_q_and_escape(gui, key, is_wanted):
    gui.key = ord(key)
    assert window.OpenCvScreen().show(np.zeros((4, 4, 3), np.uint8)) is is_wanted


def test_screen_notices_that_it_was_closed(gui):
    screen = window.OpenCvScreen()
    gui.is_visible = False
    assert not screen.show(np.zeros((4, 4, 3), np.uint8))
    screen.close()

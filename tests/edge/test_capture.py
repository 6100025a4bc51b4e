"""From lens to loop with real processes: order, ends, errors, secrets, what is left behind."""

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from capture_sources import HASTY, LIMITS, WAIT_SECONDS, first_words
from colour_model import write_colour_model

from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.classifier import Classifier
from edge.errors import CatseyeError, SettingError, SourceError, SourceRefusedError
from edge.interpreter import open_interpreter
from edge.modelfile import read_model_file
from edge.records import Frame, Offline
from edge.region import parse_region
from edge.scripted import read_time, write_mode
from edge.sources.options import SourceOptions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
SECRET = "hunter2"
URL = f"rtsp://admin:{SECRET}@camera.invalid/live?token={SECRET}"


@pytest.fixture(autouse=True)
def _finds_sources(monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def opened():
    """Open captures with short limits, and close them in the end."""
    sources = []

    def open_it(address, name, *, limits=LIMITS, stop=None, **how):
        request = LensRequest(str(address), opener=name, **{"is_live": False, **how})
        sources.append(CaptureProcess(request, limits=limits, stop=stop))
        return sources[-1]

    yield open_it
    for source in sources:
        source.close()


@pytest.fixture
def camera(opened, tmp_path):
    """Open a camera that a file leads; return it and the file."""

    def open_it(mode="ok", **how):
        script = tmp_path / "script.txt"
        write_mode(script, mode)
        options = how.pop("options", SourceOptions(size_wh=(64, 48)))
        name = "edge.scripted:ScriptedSource"
        return opened(script, name, is_live=True, options=options, **how), script

    return open_it


def next_frame(source):
    end_seconds = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end_seconds:
        seen = source.read()
        if isinstance(seen, Frame):
            return seen
    pytest.fail("no frame in time")


def is_gone(pid):
    """Whether a process ends in time."""
    end_seconds = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end_seconds:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":  # nobody has asked yet how it ended
            return True
        threading.Event().wait(0.01)
    return False


def test_every_frame_of_a_recording_comes_in_order_and_whole(opened):
    source = opened(300, "capture_sources:Counting", every_frame=True)
    for index in range(300):
        frame = source.read()
        assert frame.index == index
        assert (frame.pixels_bgr == index % 256).all()
        assert frame.time_seconds == pytest.approx(index / 1000)
    assert source.read() is None
    assert source.read() is None


def test_paced_recording_ends_with_its_last_frame_whatever_is_dropped(opened):
    source = opened(200, "capture_sources:Counting")
    indexes = [frame.index for frame in iter(source.read, None)]
    assert indexes == sorted(set(indexes))
    assert indexes[-1] == 199


def test_newest_frame_comes_first_and_the_index_counts_those_dropped(camera):
    source, _ = camera(options=SourceOptions(size_wh=(64, 48), rate_hz=200.0))
    first = next_frame(source)
    threading.Event().wait(0.3)
    now_seconds = time.monotonic()
    frame = next_frame(source)
    assert frame.index > first.index + 10
    assert now_seconds - read_time(frame.pixels_bgr) < 0.25
    assert frame.captured_seconds == read_time(frame.pixels_bgr)


def test_frames_are_fitted_for_a_reader_that_keeps_up_and_only_for_whom_it_is_wanted(
    camera, tmp_path
):
    model = read_model_file(write_colour_model(tmp_path / "colours.tflite"))
    source, _ = camera(input=model.manifest.input)
    next_frame(source)
    assert next_frame(source).fitted.shape == (6, 8, 3)
    source.needs_fitted = False
    for _ in range(3):
        last = next_frame(source)
    assert last.fitted is None


# (region, how the picture is turned)
VIEWS = [
    (None, SourceOptions()),
    ("0.1,0.2,0.7,0.9", SourceOptions()),
    ("0,0 1,0 0.5,1", SourceOptions(rotate_degrees=90, flip="horizontal")),
]


@pytest.mark.parametrize(("text", "options"), VIEWS)
def test_fitted_frame_is_classified_as_its_pixels_are(opened, tmp_path, text, options):
    region = None if text is None else parse_region(text)
    model = read_model_file(write_colour_model(tmp_path / "colours.tflite"))
    source = opened(
        5,
        "capture_sources:Pictures",
        every_frame=True,
        input=model.manifest.input,
        region=region,
        options=options,
    )
    turned = (80, 60) if options.rotate_degrees else (60, 80)
    with Classifier(model, open_interpreter(model.model_bytes), region=region) as classifier:
        for frame in iter(source.read, None):
            assert frame.pixels_bgr.shape[:2] == turned
            assert frame.fitted is not None
            part = frame.pixels_bgr if region is None else region.apply(frame.pixels_bgr)
            expected = classifier.classify(part).scores.copy()
            assert (classifier.classify_frame(frame).scores == expected).all()
            bare = Frame(frame.pixels_bgr, 0, 0.0, 0.0)
            assert (classifier.classify_frame(bare).scores == expected).all()
    assert frame.index == 4


# (opener, what the error says)
BROKEN = [
    ("Damaged", "must be intact.*rubbish"),
    ("Crashing", r"must be readable.*its decoder ended \(SIGABRT\)"),
    ("Hanging", "must be readable.*does not answer"),
    ("break_down", "errors of catseye only.*ZeroDivisionError"),
]


@pytest.mark.parametrize(("name", "text"), BROKEN)
def test_recording_that_fails_raises_and_is_not_opened_again(opened, name, text):
    source = opened(9, f"capture_sources:{name}", every_frame=True, limits=HASTY)
    with pytest.raises(SourceError, match=text):
        list(iter(source.read, None))
    with pytest.raises(SourceError, match=text):
        source.read()


@pytest.mark.parametrize("is_live", [True, False])
def test_wrong_setting_is_raised_live_or_not(opened, is_live):
    source = opened("x", "capture_sources:misread", is_live=is_live)
    with pytest.raises(SettingError, match=r"must have a name.*Received: x.*Name one"):
        next_frame(source)


def test_refusal_is_raised_at_first_and_waited_out_later(camera):
    source, script = camera("refused")
    with pytest.raises(SourceRefusedError, match=r"must let you in.*Ask for it"):
        next_frame(source)
    source, script = camera("ok")
    next_frame(source)
    for mode in ("crash", "refused"):
        write_mode(script, mode)
        while not isinstance(source.read(), Offline):
            pass
    write_mode(script, "ok")
    assert isinstance(next_frame(source), Frame)


@pytest.mark.parametrize("name", ["leak", "break_down"])
def test_secrets_are_in_no_message_no_log_and_no_process_list(opened, caplog, name):
    caplog.set_level(logging.DEBUG)
    source = opened(URL, f"capture_sources:{name}", is_live=True)
    assert SECRET not in first_words(source.pid)
    seen = [source.read() for _ in range(3)]
    assert {type(each) for each in seen} == {Offline}
    shown = f"{seen} {caplog.text} {source._request!r}"
    assert SECRET not in shown
    assert "camera.invalid" in caplog.text
    source = opened(URL, f"capture_sources:{name}")
    with pytest.raises(CatseyeError) as caught:
        source.read()
    assert SECRET not in f"{caught.value} {caught.value.received} {caught.value.fix}"


def test_stop_ends_a_read_that_waits(camera):
    stop = threading.Event()
    source, _ = camera("block-open", stop=stop)
    threading.Timer(0.2, stop.set).start()
    started_seconds = time.monotonic()
    while source.read() is not None:
        pass
    assert time.monotonic() - started_seconds < 1.0
    assert stop.is_set()


@pytest.mark.parametrize("mode", ["ok", "block-open"])
def test_close_ends_the_process_even_from_another_thread(camera, mode):
    source, _ = camera(mode)
    pid = source.pid
    if mode == "ok":
        next_frame(source)
    closer = threading.Timer(0.1, source.close)
    closer.start()
    while source.read() is not None:
        pass
    closer.join(WAIT_SECONDS)
    assert source.pid is None
    assert not Path(f"/proc/{pid}").exists()
    source.close()
    assert source.read() is None


# A parent that prints the number of its capture process and waits
PARENT = """
import sys, threading
from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
def work():
    source = CaptureProcess(LensRequest(sys.argv[1], is_live=True,
                                        opener="edge.scripted:ScriptedSource"))
    source.read()
    print(source.pid, flush=True)
    threading.Event().wait()
work() if sys.argv[2] == "main" else threading.Thread(target=work).start()
"""


@pytest.mark.parametrize(
    ("mode", "thread"),
    [
        ("ok", "main"),
        ("ok", "other"),
        ("block-open", "main"),
    ],
)
def test_process_ends_with_its_parent_even_if_that_is_killed(tmp_path, mode, thread):
    script = tmp_path / "script.txt"
    write_mode(script, mode)
    command = [sys.executable, "-c", PARENT, str(script), thread]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert is_gone(pid)


def test_nothing_is_left_of_thirty_openings(tmp_path):
    def holdings():
        gc.collect()
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(children)

    script = tmp_path / "script.txt"
    write_mode(script, "ok")
    counts = []
    request = LensRequest(str(script), is_live=True, opener="edge.scripted:ScriptedSource")
    with CaptureProcess(request, limits=LIMITS) as source:
        for _ in range(31):
            next_frame(source)
            counts.append(holdings())
            killed = source.pid
            os.kill(killed, signal.SIGKILL)
            while source.pid == killed and not isinstance(source.read(), Offline):
                pass  # one that is replaced within 0.15 s was never offline
    assert set(counts[1:]) == {counts[0]}
    fds, threads, children = holdings()
    assert (fds, threads, children) < counts[0]


def test_size_that_changes_is_handed_over(camera):
    source, script = camera()
    assert next_frame(source).pixels_bgr.shape == (48, 64, 3)
    write_mode(script, "small")
    shapes = {next_frame(source).pixels_bgr.shape for _ in range(30)}
    assert (24, 32, 3) in shapes


def test_frames_that_differ_are_no_repeats(opened):
    source = opened(4, "capture_sources:Counting", every_frame=True)
    assert [frame.glance.is_repeat for frame in iter(source.read, None)] == [False] * 4

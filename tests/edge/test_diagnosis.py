import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from colour_model import build_colour_model, write_colour_model

from edge import diagnosis, interpreter, modelfile
from edge.diagnosis import (
    Check,
    check_board,
    check_cameras,
    check_model,
    check_opencv,
    check_picamera,
    check_power,
    check_python,
    check_runtimes,
    check_window,
    diagnose,
    has_gui,
)
from edge.hardware import CameraDevice, DeviceUser, decode_power
from edge.v4l2 import CameraMode


def absent(name):
    raise ImportError(f"libGL.so.1: cannot open shared object file ({name})")


def with_gui(information):
    return lambda _: SimpleNamespace(getBuildInformation=lambda: information)


def test_everything_is_looked_at(tmp_path):
    checks = list(diagnose(write_colour_model(tmp_path / "colours.tflite")))
    names = {check.name for check in checks}
    assert {"python", "runtime", "opencv", "window", "model", "extra demo"} <= names
    assert {check.status for check in checks} <= {"ok", "warn"}


@pytest.mark.parametrize(
    ("version", "status"), [((3, 10, 9), "warn"), ((3, 12, 1), "ok"), ((3, 14, 0), "warn")]
)
def test_python_version(monkeypatch, version, status):
    monkeypatch.setattr(sys, "version_info", version)
    check = check_python()
    assert check.status == status
    assert ".".join(map(str, version)) in check.found


def test_installed_runtime_is_ok():
    assert Check("runtime", "ok", f"litert {interpreter.runtime_version('litert')}") in list(
        check_runtimes()
    )


def test_no_runtime_is_a_failure(monkeypatch):
    monkeypatch.setattr(interpreter, "find_spec", lambda _: None)
    (check,) = check_runtimes()
    assert (check.status, check.found) == ("fail", "no TFLite runtime is installed")
    assert "pip install ai-edge-litert" in check.fix


def test_runtime_that_does_not_load_fails_only_when_it_is_the_only_one(monkeypatch):
    monkeypatch.setattr(interpreter, "find_spec", lambda name: None if name == "tensorflow" else 1)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    assert [check.status for check in check_runtimes()] == ["ok", "warn"]
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    checks = list(check_runtimes())
    assert [check.status for check in checks] == ["fail", "fail"]
    assert "does not load" in checks[0].found


def test_opencv_that_does_not_load_is_a_failure_with_its_fix():
    check = check_opencv(absent)
    assert check.status == "fail"
    assert "libGL" in check.found
    assert "opencv-python-headless" in check.fix


def test_two_opencv_builds_are_named(monkeypatch):
    monkeypatch.setattr(diagnosis.metadata, "version", lambda _: "5.0")
    check = check_opencv()
    assert check.status == "ok"
    assert "opencv-python 5.0, opencv-python-headless 5.0" in check.found


@pytest.mark.parametrize(
    ("information", "has"),
    [
        ("  GUI:                           NONE\n", False),
        ("  GUI:                           QT5\n    QT:   YES", True),
        ("  GUI: \n    GTK+:  YES (ver 3.24)\n", True),
        ("nothing of the kind", False),
    ],
)
def test_gui_is_read_from_the_build_information(information, has):
    assert has_gui(information) is has


@pytest.mark.parametrize(
    ("importer", "display", "status", "found"),
    [
        (absent, "", "warn", "no OpenCV"),
        (with_gui("GUI: NONE"), ":0", "ok", "not installed (optional)"),
        (with_gui("GUI: QT5"), "", "ok", "GUI build, but no display here"),
        (with_gui("GUI: QT5"), ":0", "ok", "GUI build and a display"),
    ],
)
def test_window_needs_gui_and_display(monkeypatch, importer, display, status, found):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    check = check_window(importer)
    assert (check.status, check.found) == (status, found)


def test_model_intact_foreign_damaged_and_absent(tmp_path):
    path = write_colour_model(tmp_path / "colours.tflite")
    assert check_model(path).status == "ok"
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(build_colour_model())
    assert (check_model(foreign).status, check_model(foreign).fix) == (
        "fail",
        "Make the model with edge convert",
    )
    path.write_bytes(path.read_bytes()[:300])
    assert "damaged" in check_model(path).found
    assert check_model(path).fix == "Copy the file again, or convert it again"
    assert "No such file" in check_model(tmp_path / "absent.tflite").found


def test_embedded_model_that_is_damaged_is_put_back_from_the_clone(tmp_path, monkeypatch):
    path = write_colour_model(tmp_path / "pets.tflite")
    path.write_bytes(path.read_bytes()[:300])
    monkeypatch.setattr(modelfile, "default_model_path", lambda: path)
    for check in (check_model(), check_model(path)):
        assert "git checkout edge/models/pets.tflite" in check.fix


WEBCAM = CameraDevice(
    Path("/dev/video0"), "HD Webcam", True, "uvcvideo", Path("/dev/v4l/by-id/usb-Maker_HD-index0")
)
RECEIVER = CameraDevice(Path("/dev/video0"), "rp1-cfe-csi2_ch0", True, "rp1-cfe")


@pytest.fixture
def linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")


def look_at(*cameras, modes=(), users=()):
    return list(check_cameras(cameras, modes=lambda _: modes, users=lambda _: users))


def test_a_camera_is_named_with_its_path_that_stays(linux):
    (check,) = look_at(WEBCAM)
    assert (check.status, check.found) == ("ok", "/dev/video0 (HD Webcam)")
    assert "/dev/v4l/by-id/usb-Maker_HD-index0" in check.fix
    (check,) = look_at(CameraDevice(Path("/dev/video2"), "Spare", is_permitted=True))
    assert (check.status, check.fix) == ("ok", "")


def test_a_camera_that_may_not_be_opened_names_the_group(linux):
    forbidden = CameraDevice(Path("/dev/video2"), "Spare", is_permitted=False)
    (check,) = look_at(forbidden, modes=(CameraMode("MJPG", (640, 480), ()),))
    assert (check.status, check.found) == ("warn", "/dev/video2 (Spare): no permission")
    assert "usermod -aG video" in check.fix


def test_a_camera_in_use_names_who_uses_it(linux):
    users = (DeviceUser(os.getpid(), "python"), DeviceUser(4711, "motion"), DeviceUser(12, "cam"))
    (check,) = look_at(WEBCAM, users=users)
    assert check.status == "warn"
    assert check.found == "/dev/video0 (HD Webcam): in use by motion (4711), cam (12)"
    assert "Close" in check.fix
    (check,) = look_at(WEBCAM, users=users[:1])  # this very program
    assert check.status == "ok"


def test_formats_are_listed_with_sizes_and_rates(linux):
    modes = (
        CameraMode("MJPG", (1920, 1080), (30.0, 7.5)),
        CameraMode("MJPG", (640, 480), (30.0,)),
        CameraMode("YUYV", (640, 480), ()),
    )
    _, *formats = look_at(WEBCAM, modes=modes)
    assert {(check.name, check.status) for check in formats} == {("camera format", "ok")}
    assert [check.found for check in formats] == [
        "/dev/video0 MJPG: 1920x1080 at 30/7.5 Hz, 640x480 at 30 Hz",
        "/dev/video0 YUYV: 640x480",
    ]


def test_no_camera_at_all_leads_to_the_demo(linux):
    (check,) = look_at()
    assert (check.status, "demo:" in check.fix) == ("warn", True)


def test_a_camera_module_is_led_to_picamera2(linux):
    (check,) = look_at(RECEIVER, modes=(CameraMode("pBAA", (640, 480), ()),))
    assert check.status == "ok"
    assert "camera module" in check.found
    assert check.fix == "Use edge run --source picamera2:"


def with_cameras(*cameras):
    known = SimpleNamespace(global_camera_info=lambda: list(cameras))
    return lambda _: SimpleNamespace(Picamera2=known)


def raiser(error):
    def fail(_):
        raise error

    return fail


# (cameras that Linux knows, what importing picamera2 does, status, found, fix)
PICAMERAS = [
    ([RECEIVER], absent, "warn", "not installed", "apt install python3-picamera2"),
    ([], absent, "ok", "not installed", "For a camera module"),  # a webcam needs none
    ([WEBCAM], raiser(ValueError("numpy.dtype size changed")), "ok", "numpy.dtype", "system-site"),
    ([RECEIVER], raiser(RuntimeError("no /dev/media0")), "warn", "does not start", "again"),
    ([RECEIVER], with_cameras("imx708"), "ok", "cameras: 1", "--source picamera2:"),
    ([RECEIVER], with_cameras(), "warn", "cameras: 0", "ribbon cable"),
    ([], with_cameras(), "ok", "cameras: 0", "ribbon cable"),
]


@pytest.mark.parametrize(("cameras", "importer", "status", "found", "fix"), PICAMERAS)
def test_what_a_camera_module_needs(monkeypatch, cameras, importer, status, found, fix):
    monkeypatch.setenv("LIBCAMERA_LOG_LEVELS", "*:ERROR")  # so that it is put back afterwards
    (check,) = check_picamera(cameras, board="Raspberry Pi 5 Model B", import_module=importer)
    assert (check.name, check.status) == ("picamera2", status)
    assert found in check.found
    assert fix in check.fix


def test_other_machines_are_not_asked_for_picamera2():
    assert list(check_picamera([], board="Some Server", import_module=absent)) == []


def test_cameras_are_not_listed_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    (check,) = check_cameras()
    assert check.status == "ok"


def test_raspberry_pi_is_named_and_asked_for_nothing_that_is_not_used():
    (board,) = check_board("Raspberry Pi 4 Model B Rev 1.4")
    assert (board.status, board.fix) == ("ok", "")
    assert list(check_board("Some Server")) == []


def test_heat_and_voltage(monkeypatch):
    monkeypatch.setattr(diagnosis, "read_temperature", lambda: 84.6)
    monkeypatch.setattr(diagnosis, "read_power", lambda: decode_power(0x50001))
    heat, power = check_power()
    assert (heat.status, heat.found) == ("warn", "85 °C")
    assert power.found == "supply voltage too low; processor throttled, earlier"
    monkeypatch.setattr(diagnosis, "read_temperature", lambda: 40.0)
    monkeypatch.setattr(diagnosis, "read_power", lambda: decode_power(0))
    assert [check.status for check in check_power()] == ["ok", "ok"]
    monkeypatch.setattr(diagnosis, "read_temperature", lambda: None)
    monkeypatch.setattr(diagnosis, "read_power", lambda: None)
    assert list(check_power()) == []

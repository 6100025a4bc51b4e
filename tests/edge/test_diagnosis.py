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
    check_power,
    check_python,
    check_runtimes,
    check_window,
    diagnose,
    has_gui,
)
from edge.hardware import CameraDevice, decode_power


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


def test_cameras_and_their_permission(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    cameras = [
        CameraDevice(Path("/dev/video0"), "HD Webcam", is_permitted=True),
        CameraDevice(Path("/dev/video2"), "Spare", is_permitted=False),
    ]
    permitted, refused = check_cameras(cameras)
    assert (permitted.status, refused.status) == ("ok", "warn")
    assert "usermod -aG video" in refused.fix
    (none,) = check_cameras([])
    assert (none.status, "demo:" in none.fix) == ("warn", True)


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

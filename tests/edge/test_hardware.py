import os
import subprocess
import sys

import pytest

from edge import hardware
from edge.hardware import (
    DeviceUser,
    board_name,
    decode_power,
    find_cameras,
    find_users,
    quiet_libcamera,
    read_power,
    read_temperature,
)


@pytest.fixture
def camera_folders(tmp_path):
    """A webcam with two nodes, and a second camera without a name."""
    devices, classes = tmp_path / "dev", tmp_path / "classes"
    devices.mkdir()
    for node, index, name in (("video0", "0", "HD Webcam"), ("video1", "1", "HD Webcam")):
        (devices / node).touch()
        (classes / node).mkdir(parents=True)
        (classes / node / "index").write_text(index + "\n")
        (classes / node / "name").write_text(name + "\n")
    (devices / "video10").touch()
    (devices / "videowall").touch()
    return devices, classes


def test_cameras_are_listed_once(camera_folders):
    cameras = find_cameras(*camera_folders)
    assert [(camera.device.name, camera.name) for camera in cameras] == [
        ("video0", "HD Webcam"),
        ("video10", "unnamed"),
    ]
    assert all(camera.is_permitted for camera in cameras)


def test_a_path_that_stays_is_found(camera_folders):
    devices, classes = camera_folders
    folder = devices / "v4l" / "by-id"
    folder.mkdir(parents=True)
    (folder / "usb-Maker_HD-video-index0").symlink_to("../../video0")
    (folder / "usb-Maker_HD-video-index1").symlink_to("../../video1")
    (folder / "usb-Gone").symlink_to("../../video7")
    first, second = find_cameras(devices, classes)
    assert first.stable == folder / "usb-Maker_HD-video-index0"
    assert second.stable is None


def process(folder, pid, name, *links):
    """Describe a process as the kernel does."""
    (folder / str(pid) / "fd").mkdir(parents=True)
    (folder / str(pid) / "comm").write_text(f"{name}\n")
    for number, link in enumerate(links):
        (folder / str(pid) / "fd" / str(number)).symlink_to(link)


def test_who_has_a_device_open_is_found(tmp_path):
    device, stable = tmp_path / "video0", tmp_path / "by-id"
    device.touch()
    stable.symlink_to(device)
    processes = tmp_path / "proc"
    process(processes, 4711, "motion", "/dev/null", device, device)
    process(processes, 12, "other", "/dev/video1", "socket:[3]")
    process(processes, 9, "camd", device)
    (processes / "self").mkdir()
    (processes / "77").mkdir()  # ended, or another user's: nothing can be read
    expected = (DeviceUser(9, "camd"), DeviceUser(4711, "motion"))
    assert find_users(device, processes) == find_users(stable, processes) == expected


def test_libcamera_is_quiet_unless_the_user_has_set_it(monkeypatch):
    monkeypatch.setenv("LIBCAMERA_LOG_LEVELS", "*:DEBUG")
    quiet_libcamera()
    assert os.environ["LIBCAMERA_LOG_LEVELS"] == "*:DEBUG"
    monkeypatch.delenv("LIBCAMERA_LOG_LEVELS")
    quiet_libcamera()
    assert os.environ["LIBCAMERA_LOG_LEVELS"] == "*:ERROR"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_this_very_process_is_found_by_the_file_it_has_open(tmp_path):
    path = tmp_path / "file"
    with path.open("w"):
        assert [user.pid for user in find_users(path)] == [os.getpid()]
    assert find_users(path) == ()


def test_no_devices_folder_is_no_camera(tmp_path):
    assert find_cameras(tmp_path / "dev", tmp_path / "classes") == []


def test_board_name_is_without_its_closing_zero(tmp_path):
    (tmp_path / "model").write_text("Raspberry Pi 5 Model B Rev 1.0\0")
    assert board_name(tmp_path / "model") == "Raspberry Pi 5 Model B Rev 1.0"
    assert board_name(tmp_path / "absent") == ""


def test_temperature_is_the_highest(tmp_path):
    for zone, text in (("thermal_zone0", "48312\n"), ("thermal_zone1", "61000\n")):
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "temp").write_text(text)
    (tmp_path / "thermal_zone2").mkdir()
    assert read_temperature(tmp_path) == 61.0
    assert read_temperature(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("bits", "now", "since_boot"),
    [
        (0x0, (), ()),
        (0x1, ("supply voltage too low",), ()),
        (0x50005, ("supply voltage too low", "processor throttled"), ()),
        (0x80000, (), ("close to the temperature limit, earlier",)),
    ],
)
def test_power_bits_are_put_into_words(bits, now, since_boot):
    assert (decode_power(bits).now, decode_power(bits).since_boot) == (now, since_boot)


@pytest.mark.parametrize("answer", [None, "", "error=1", "throttled=no"])
def test_firmware_that_says_nothing_useful_is_unknown(answer):
    assert read_power(lambda *_: answer) is None


def test_firmware_is_asked(monkeypatch, tmp_path):
    tool = tmp_path / "vcgencmd"
    tool.write_text("#!/bin/sh\n[ $1 = get_throttled ] && echo throttled=0x50000\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    power = read_power()
    assert power is not None
    assert power.now == ()
    assert len(power.since_boot) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        OSError("no such tool"),
        subprocess.TimeoutExpired("vcgencmd", 3),
        subprocess.CalledProcessError(1, "vcgencmd"),
    ],
)
def test_firmware_tool_that_fails_is_unknown(monkeypatch, trouble):
    def fail(*_, **__):
        raise trouble

    monkeypatch.setattr(hardware.shutil, "which", lambda _: "/usr/bin/vcgencmd")
    monkeypatch.setattr(hardware.subprocess, "run", fail)
    assert read_power() is None

"""What this machine has and lacks for running a model on a camera; each finding with its fix.

It must work where NumPy, OpenCV or the runtime do not load: what needs them is imported on use.
"""

import importlib
import os
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from edge import __version__
from edge.errors import CatseyeError
from edge.extras import INSTALL_PICAMERA, install_hint
from edge.hardware import (
    CameraDevice,
    DeviceUser,
    board_name,
    find_cameras,
    find_users,
    quiet_libcamera,
    read_power,
    read_temperature,
)
from edge.v4l2 import CameraMode, list_modes

OK = "ok"
WARN = "warn"
FAIL = "fail"

_HOT_CELSIUS = 80.0  # a Raspberry Pi slows itself down from here
_REINSTALL_OPENCV = (
    "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python-headless"
)
_RESTORE = (
    "In your clone of catseye: git checkout edge/models/pets.tflite, then "
    "pip install --force-reinstall --no-deps ."
)
_EXTRAS = {
    "desktop": ("tensorflow", "edge train and edge convert"),
    "demo": ("skimage", "edge run --source demo:"),
    "gpio": ("gpiozero", "outputs of a Raspberry Pi"),
    "mqtt": ("paho", "actions of kind mqtt"),
}

Importer = Callable[[str], ModuleType]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at, such as "runtime".
        status: "ok"; "warn", something does not work or work well; "fail", `edge run` cannot work.
        found: What is there.
        fix: What to do about it, or how to get more; may be empty.
    """

    name: str
    status: str
    found: str
    fix: str = ""


def diagnose(model: Path | None = None) -> Iterator[Check]:
    """Look at everything, one finding after the other.

    Args:
        model: The model file that is to run; the embedded one when `None`.
    """
    yield check_python()
    yield from check_runtimes()
    yield check_opencv()
    yield check_window()
    yield check_model(model)
    yield from check_cameras()
    yield from check_picamera()
    yield from check_board()
    yield from check_power()
    yield from check_extras()


def check_python() -> Check:
    """Look at Python's version and width."""
    bits = struct.calcsize("P") * 8
    version = ".".join(str(part) for part in sys.version_info[:3])
    found = f"{version}, {bits} bit, catseye {__version__}"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("python", WARN, found, "Use Python 3.11, 3.12 or 3.13")
    return Check("python", OK, found)


def check_runtimes() -> Iterator[Check]:
    """Look at the TFLite runtimes for devices, loading each."""
    try:
        from edge.interpreter import DEVICE_RUNTIMES, INSTALL_RUNTIME, available_runtimes
    except ImportError as error:
        yield Check("runtime", FAIL, f"NumPy does not load ({error})", "pip install numpy")
        return
    found = [_try_runtime(name) for name in available_runtimes() if name in DEVICE_RUNTIMES]
    has_one = any(check.status == OK for check in found)
    for check in found:
        yield check if has_one else replace(check, status=FAIL)
    if not found:
        yield Check("runtime", FAIL, "no TFLite runtime is installed", INSTALL_RUNTIME)


def check_opencv(import_module: Importer = importlib.import_module) -> Check:
    """Look at OpenCV, which reads cameras and resizes frames."""
    try:
        cv2 = import_module("cv2")
    except ImportError as error:
        return Check("opencv", FAIL, f"it does not load ({error})", _REINSTALL_OPENCV)
    builds = _installed("opencv-python", "opencv-python-headless", "opencv-contrib-python")
    found = f"{cv2.__version__} ({', '.join(builds) or 'not from pip'})"
    if len(builds) > 1:
        fix = "If --window fails: pip install --force-reinstall --no-deps opencv-python"
        return Check("opencv", OK, f"{found}; the build installed last is the one in use", fix)
    return Check("opencv", OK, found)


def check_window(import_module: Importer = importlib.import_module) -> Check:
    """Look at what `edge run --window` needs: OpenCV's GUI build and a display."""
    try:
        information = str(import_module("cv2").getBuildInformation())
    except ImportError:
        return Check("window", WARN, "no OpenCV", _REINSTALL_OPENCV)
    if not has_gui(information):
        return Check("window", OK, "not installed (optional)", install_hint("window"))
    is_unix_desktop = sys.platform.startswith("linux")
    if is_unix_desktop and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Check("window", OK, "GUI build, but no display here", "Run it on the desktop")
    return Check("window", OK, "GUI build and a display")


def has_gui(build_information: str) -> bool:
    """Tell from `cv2.getBuildInformation()` whether OpenCV can open windows."""
    for line in build_information.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "GUI":
            return value.strip() != "NONE"
    return False


def check_model(model: Path | None = None) -> Check:
    """Look at the model file: is it there, made for us, and intact.

    Args:
        model: The file; the embedded one when `None`.
    """
    try:
        from edge.inspection import DAMAGED, INTACT, inspect_file
        from edge.modelfile import default_model_path

        found = inspect_file(model or default_model_path())
    except CatseyeError as error:
        return Check("model", FAIL, error.received, error.fix)
    except ImportError as error:
        return Check("model", FAIL, f"not looked at ({error})", "Mend the points above first")
    if found.verdict == INTACT and found.manifest is not None:
        labels = ", ".join(found.manifest.labels)
        return Check("model", OK, f"{found.path}: {found.manifest.name} ({labels}), intact")
    fix = "Make the model with edge convert"
    if found.verdict == DAMAGED:
        is_embedded = model is None or model.resolve() == default_model_path().resolve()
        fix = _RESTORE if is_embedded else "Copy the file again, or convert it again"
    return Check("model", FAIL, f"{found.path}: {found.verdict} ({found.reason})", fix)


def check_cameras(
    cameras: Sequence[CameraDevice] | None = None,
    *,
    modes: Callable[[Path], Sequence[CameraMode]] = list_modes,
    users: Callable[[Path], Sequence[DeviceUser]] = find_users,
) -> Iterator[Check]:
    """Look at the cameras that Linux knows and what they offer; no picture is asked for.

    Args:
        cameras: What to judge; found out when `None`.
        modes: Asks one what it offers.
        users: Finds who uses one.
    """
    if not sys.platform.startswith("linux"):
        yield Check("camera", OK, "cameras are not listed on this system", "Try edge run -c 0")
        return
    cameras = find_cameras() if cameras is None else cameras
    for camera in cameras:
        yield _judge_camera(camera, users(camera.device))
        if camera.is_permitted and not camera.is_receiver:
            yield from _list_formats(camera.device, modes(camera.device))
    if not cameras:
        fix = "Plug one in; without one try edge run --source demo: or a video file"
        yield Check("camera", WARN, "no camera under /dev/video*", fix)


def check_picamera(
    cameras: Sequence[CameraDevice] | None = None,
    *,
    board: str | None = None,
    import_module: Importer = importlib.import_module,
) -> Iterator[Check]:
    """Look at what a camera module of a Raspberry Pi needs; other machines have nothing to say.

    Args:
        cameras: Those that Linux knows; found out when `None`.
        board: The board's name; found out when `None`.
        import_module: Loads picamera2.
    """
    if "Raspberry Pi" not in (board_name() if board is None else board):
        return
    cameras = find_cameras() if cameras is None else cameras
    is_needed = any(camera.is_receiver for camera in cameras)
    quiet_libcamera()
    try:
        cameras_known = len(import_module("picamera2").Picamera2.global_camera_info())
    except (ImportError, AttributeError, ValueError) as error:  # ValueError: another NumPy's
        found = f"not installed, or it does not load ({error})"
        fix = f"For a camera module: {INSTALL_PICAMERA}"
        yield Check("picamera2", WARN if is_needed else OK, found, fix)
        return
    except (RuntimeError, OSError) as error:
        fix = "Start the Raspberry Pi again; see what rpicam-hello --list-cameras says"
        yield Check("picamera2", WARN, f"libcamera does not start ({error})", fix)
        return
    if cameras_known:
        fix = "Use edge run --source picamera2:"
    else:
        fix = "For a camera module: check the ribbon cable with the power off"
    is_lost = is_needed and not cameras_known
    yield Check("picamera2", WARN if is_lost else OK, f"cameras: {cameras_known}", fix)


def check_board(board: str | None = None) -> Iterator[Check]:
    """Name the Raspberry Pi; other machines have nothing to say.

    Args:
        board: The board's name; found out when `None`.
    """
    board = board_name() if board is None else board
    if "Raspberry Pi" in board:
        yield Check("board", OK, board)


def check_power() -> Iterator[Check]:
    """Look at heat and supply voltage, where the machine tells."""
    celsius = read_temperature()
    if celsius is not None:
        is_hot = celsius >= _HOT_CELSIUS
        fix = "Add a heat sink or fan; use fewer threads" if is_hot else ""
        yield Check("heat", WARN if is_hot else OK, f"{celsius:.0f} °C", fix)
    power = read_power()
    if power is not None:
        troubles = power.now + power.since_boot
        found = "; ".join(troubles) or "no trouble since the start"
        fix = "Use the supply made for this board and a short cable" if troubles else ""
        yield Check("power", WARN if troubles else OK, found, fix)


def check_extras() -> Iterator[Check]:
    """Look at the optional parts; none is needed to run a model."""
    for extra, (module, purpose) in _EXTRAS.items():
        if find_spec(module) is None:
            fix = f"For {purpose}: {install_hint(extra)}"
            yield Check(f"extra {extra}", OK, "not installed (optional)", fix)
        else:
            yield Check(f"extra {extra}", OK, "installed")


def _judge_camera(camera: CameraDevice, users: Sequence[DeviceUser]) -> Check:
    name = f"{camera.device} ({camera.name})"
    if camera.is_receiver:
        found = f"{name}: raw data of a camera module, which libcamera makes pictures of"
        return Check("camera", OK, found, "Use edge run --source picamera2:")
    if not camera.is_permitted:
        fix = "sudo usermod -aG video $USER, then log in again"
        return Check("camera", WARN, f"{name}: no permission", fix)
    others = ", ".join(f"{user.name} ({user.pid})" for user in users if user.pid != os.getpid())
    if others:
        return Check("camera", WARN, f"{name}: in use by {others}", "Close that program first")
    stays = f"A name that stays when cameras are moved: {camera.stable}" if camera.stable else ""
    return Check("camera", OK, name, stays)


def _list_formats(device: Path, modes: Sequence[CameraMode]) -> Iterator[Check]:
    """Name sizes and rates, one finding for each pixel format."""
    formats = dict.fromkeys(mode.pixel_format for mode in modes)
    for name in formats:
        offers = (_name_mode(mode) for mode in modes if mode.pixel_format == name)
        yield Check("camera format", OK, f"{device} {name}: {', '.join(offers)}")


def _name_mode(mode: CameraMode) -> str:
    size = f"{mode.size_wh[0]}x{mode.size_wh[1]}"
    return (
        f"{size} at {'/'.join(f'{rate:g}' for rate in mode.rates_hz)} Hz" if mode.rates_hz else size
    )


def _try_runtime(name: str) -> Check:
    from edge.interpreter import load_runtime, runtime_version

    try:
        load_runtime(name)
        version = runtime_version(name)
    except CatseyeError as error:
        return Check("runtime", WARN, f"{name}: {error.received}", error.fix)
    return Check("runtime", OK, f"{name} {version}")


def _installed(*distributions: str) -> list[str]:
    found = []
    for name in distributions:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found

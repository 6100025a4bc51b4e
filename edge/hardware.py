"""What Linux and the Raspberry Pi's firmware say about the machine: cameras, heat, voltage."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.v4l2 import can_capture, driver_name, query_capability

_TIMEOUT_SECONDS = 3.0
_NUMBER = re.compile(r"\d+")

# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
_POWER_BITS = {
    0: "supply voltage too low",
    1: "processor slowed down",
    2: "processor throttled",
    3: "close to the temperature limit",
}
_SINCE_BOOT_SHIFT = 16

# Parts of a Raspberry Pi's picture pipeline that deliver pictures, but only of what they are fed.
_PIPELINE_DRIVERS = frozenset({"bcm2835-isp", "pispbe", "rpivid", "rpi-hevc-dec"})

# What a camera module's ribbon cable ends in: raw data of the sensor, for libcamera only.
_RECEIVER_DRIVERS = frozenset({"unicam", "bcm2835-unicam", "rp1-cfe"})

ToolRunner = Callable[..., str | None]


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """A camera that the system lists.

    Attributes:
        device: Such as `/dev/video0`.
        name: What the driver calls it.
        is_permitted: Whether this user may open it.
        driver: The kernel's driver, such as "uvcvideo"; empty if the device does not answer.
        stable: Its path under `/dev/v4l/by-id`, which stays when cameras are plugged in another
            order; `None` if it has none.
    """

    device: Path
    name: str
    is_permitted: bool
    driver: str = ""
    stable: Path | None = None

    @property
    def is_receiver(self) -> bool:
        """Whether it hands out the raw data of a Raspberry Pi's camera module, and no pictures."""
        return is_receiver(self.driver)


@dataclass(frozen=True, slots=True)
class DeviceUser:
    """A process that has a device open.

    Attributes:
        pid: Its number.
        name: Of its program.
    """

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Power:
    """What the firmware of a Raspberry Pi noticed about its supply and heat.

    Attributes:
        now: Troubles at this moment.
        since_boot: Troubles that have gone.
    """

    now: tuple[str, ...]
    since_boot: tuple[str, ...]


def find_cameras(
    devices: Path = Path("/dev"),
    classes: Path = Path("/sys/class/video4linux"),
    *,
    query: Callable[[Path], bytes | None] = query_capability,
) -> list[CameraDevice]:
    """List the video capture devices; a second node of the same camera is left out.

    What does not answer is listed: it may be a camera that this user may not open.

    Args:
        devices: Folder of the device files.
        classes: Folder in which the kernel describes them.
        query: Asks a device what it is, see `edge.v4l2.query_capability`.
    """
    found = []
    for device in sorted(devices.glob("video*"), key=_number):
        if _number(device) < 0 or _read(classes / device.name / "index", "0") != "0":
            continue
        capability = query(device)
        if capability is not None and not can_capture(capability):
            continue
        driver = "" if capability is None else driver_name(capability)
        if driver in _PIPELINE_DRIVERS:
            continue
        name = _read(classes / device.name / "name", "unnamed")
        is_permitted = os.access(device, os.R_OK | os.W_OK)
        found.append(CameraDevice(device, name, is_permitted, driver, _stable_path(device)))
    return found


def is_receiver(driver: str) -> bool:
    """Whether a driver is that of a camera module's cable, whose pictures libcamera makes.

    Example:
        >>> is_receiver("rp1-cfe"), is_receiver("uvcvideo")
        (True, False)
    """
    return driver in _RECEIVER_DRIVERS


def quiet_libcamera() -> None:
    """Keep libcamera's notices off standard error, unless the user has said what it is to write."""
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")


def find_users(device: Path, processes: Path = Path("/proc")) -> tuple[DeviceUser, ...]:
    """Find the processes that have a device open; those of other users show to root only.

    Args:
        device: Such as `/dev/video0`, or a link to it.
        processes: Folder in which the kernel describes them.

    Example:
        >>> find_users(Path("/nowhere"))
        ()
    """
    target = os.path.realpath(device)
    found = []
    for process in processes.iterdir() if processes.is_dir() else ():
        if process.name.isdecimal() and target in _open_files(process / "fd"):
            found.append(DeviceUser(int(process.name), _read(process / "comm", "unnamed")))
    return tuple(sorted(found, key=lambda user: user.pid))


def _open_files(folder: Path) -> set[str]:
    names = set()
    try:
        for entry in folder.iterdir():
            with suppress(OSError):  # closed meanwhile
                names.add(str(entry.readlink()))
    except OSError:  # ended meanwhile, or another user's
        pass
    return names


def _stable_path(device: Path) -> Path | None:
    folder = device.parent / "v4l" / "by-id"
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return None
    return next((link for link in links if link.resolve() == device.resolve()), None)


def board_name(path: Path = Path("/proc/device-tree/model")) -> str:
    """Return the name of the board, such as "Raspberry Pi 5 Model B Rev 1.0", or an empty text."""
    return _read(path, "").strip("\0")


def read_temperature(zones: Path = Path("/sys/class/thermal")) -> float | None:
    """Return the highest temperature that the kernel reports, in degrees Celsius."""
    values = [_read(zone / "temp", "") for zone in zones.glob("thermal_zone*")]
    celsius = [int(value) / 1000.0 for value in values if value.lstrip("-").isdigit()]
    return max(celsius, default=None)


def read_power(run_tool: ToolRunner | None = None) -> Power | None:
    """Ask the firmware of a Raspberry Pi about heat and supply; `None` where it cannot be asked.

    Args:
        run_tool: Runs a program and returns what it prints, or `None`.
    """
    answer = (run_tool or _run_tool)("vcgencmd", "get_throttled")
    match = re.fullmatch(r"throttled=(0x[0-9a-fA-F]+)", (answer or "").strip())
    if match is None:
        return None
    return decode_power(int(match[1], 16))


def decode_power(bits: int) -> Power:
    """Put the bits of `vcgencmd get_throttled` into words.

    Example:
        >>> decode_power(0x50005).now
        ('supply voltage too low', 'processor throttled')
        >>> decode_power(0x10000)
        Power(now=(), since_boot=('supply voltage too low, earlier',))
    """
    now = tuple(text for bit, text in _POWER_BITS.items() if bits >> bit & 1)
    earlier = tuple(
        f"{text}, earlier"
        for bit, text in _POWER_BITS.items()
        if bits >> bit + _SINCE_BOOT_SHIFT & 1 and not bits >> bit & 1
    )
    return Power(now, earlier)


def _run_tool(*command: str) -> str | None:
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _read(path: Path, otherwise: str) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return otherwise


def _number(device: Path) -> int:
    match = _NUMBER.search(device.name)
    return int(match[0]) if match else -1

"""Which boot of the machine this is: monotonic times of another one say nothing."""

import string
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_DIGITS = 32


def read_boot_id(path: Path = _BOOT_ID) -> str:
    """Return what names this boot, 32 hexadecimal digits; empty where the kernel does not tell.

    Args:
        path: Where the kernel tells it.

    Example:
        >>> read_boot_id(Path("/nowhere"))
        ''
    """
    try:
        text = path.read_text(encoding="ascii").strip().replace("-", "").lower()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if len(text) == _DIGITS and set(text) <= set(string.hexdigits) else ""

"""Who goes first when memory is short: the main process before the guard, see proc(5)."""

import os
from contextlib import suppress
from pathlib import Path

_OFFERED = 300
_KEPT = (-500, 0)  # the unit of the service grants the first, everybody has the second


def offer_memory(pid: int | None = None) -> None:
    """Let the kernel end a process before its guards; does nothing where it cannot be said.

    Args:
        pid: Of the process; this one when `None`.
    """
    _adjust(os.getpid() if pid is None else pid, _OFFERED)


def keep_memory(pid: int | None = None) -> None:
    """Let the kernel end a process last, as far as this user may ask for it.

    Args:
        pid: Of the process; this one when `None`.
    """
    for adjustment in _KEPT:
        if _adjust(os.getpid() if pid is None else pid, adjustment):
            return


def _adjust(pid: int, adjustment: int) -> bool:
    with suppress(OSError):  # not on Linux, not allowed, or gone
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(adjustment), encoding="ascii")
        return True
    return False

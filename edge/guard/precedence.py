"""Who goes first: the main process when memory is short, the guard when the processor is.

See proc(5) and sched(7).
"""

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


def run_at_once() -> None:
    """Let the kernel run this process as soon as it has something to do, if this user may ask.

    It is for those that serve an output, and are ready: one that starts takes some tenths of a
    second, which another output's guard would have to wait for.
    """
    with suppress(AttributeError, OSError):  # a scheduler of real time, at the lowest of its ranks
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def _adjust(pid: int, adjustment: int) -> bool:
    with suppress(OSError):  # not on Linux, not allowed, or gone
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(adjustment), encoding="ascii")
        return True
    return False

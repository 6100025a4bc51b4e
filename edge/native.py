"""What native libraries take for themselves, held down in one place.

It must be called before NumPy or OpenCV is imported, and before a thread is started. Child
processes inherit what is in the environment. What a user has set stays.
"""

import os
import sys
from contextlib import suppress

_SETTINGS = {
    # NumPy and OpenCV each bring an OpenBLAS, which starts a thread and takes buffers for every
    # core; nothing from lens to decision multiplies matrices.
    "OPENBLAS_NUM_THREADS": "1",
    # OpenCV starts a thread that stays once it has resized a large picture. With one, a run can no
    # longer fork capture processes when it reloads; and they fit nearly all pictures anyway.
    "OPENCV_FOR_THREADS_NUM": "1",
}
_ARENA_SETTINGS = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
_M_ARENA_MAX = -8  # of mallopt(3)


def spare_memory() -> None:
    """Let libraries that are loaded from now on take no more than a live run needs.

    Example:
        >>> spare_memory()
        >>> os.environ["OPENBLAS_NUM_THREADS"]
        '1'
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if sys.platform == "linux" and not any(name in os.environ for name in _ARENA_SETTINGS):
        _share_one_heap()


def _share_one_heap() -> None:
    """Let all threads take memory from one heap.

    glibc gives threads heaps of their own, up to eight per core, and hands them on: every reload
    starts new threads, each of which may get another's. In time all grow to what the hungriest
    thread ever needed, and what is free in one is of no use to the others. The environment would be
    too late, as it is read when a process starts.
    """
    import ctypes  # NumPy needs it as well

    with suppress(AttributeError):  # another C library, which has no such heaps
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)

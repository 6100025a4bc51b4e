import os
import platform
import subprocess
import sys
import textwrap

import pytest

from edge.integrity import child_environment
from edge.native import spare_memory


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    spare_memory()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "4"


def test_children_inherit_it(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    spare_memory()
    assert child_environment()["OPENBLAS_NUM_THREADS"] == "1"


def test_edge_run_comes_to_it_before_numpy_and_opencv_are_loaded():
    program = "import sys, edge.cli.app, edge.cli.run; print({'numpy', 'cv2'} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


HEAPS = """
    import ctypes, threading
    from edge.native import spare_memory
    spare_memory()
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    together = threading.Barrier(4)
    def take():
        libc.malloc(ctypes.c_size_t(10_000))
        together.wait()
    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    libc.fopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
    libc.malloc_info(0, stream)
    libc.fflush(stream)
"""


# what the user has set, and how many heaps five threads have then
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps of threads are those of glibc")
@pytest.mark.parametrize(("most", "heaps"), [(None, 1), ("3", 3)])
def test_all_threads_share_a_heap_unless_the_user_has_set_otherwise(monkeypatch, most, heaps):
    for name in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    if most is not None:
        monkeypatch.setenv("MALLOC_ARENA_MAX", most)
    command = [sys.executable, "-c", textwrap.dedent(HEAPS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("<heap nr=") == heaps


LARGE_PICTURE = """
    import os
    from edge.native import spare_memory
    spare_memory()
    import cv2, numpy
    picture = numpy.zeros((720, 1280, 3), numpy.uint8)
    cv2.resize(picture, (640, 360), interpolation=cv2.INTER_AREA)
    print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted on Linux")
def test_a_program_that_has_resized_a_large_picture_has_one_thread_and_may_fork():
    command = [sys.executable, "-c", textwrap.dedent(LARGE_PICTURE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"

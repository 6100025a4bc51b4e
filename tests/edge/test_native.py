import os
import subprocess
import sys

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

"""What the benchmarks of the live loop stand on: the made network, the environments, the memory."""

import os
import subprocess
import sys

import pytest


@pytest.fixture(autouse=True)
def _benchmarks(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")


def test_made_network_is_a_model_file_that_takes_longer_with_more_layers(tmp_path):
    from sized_network import LABELS, build_network, write_sized_model

    from edge.classifier import open_classifier
    from edge.testing import blank_frame

    layers, milliseconds = write_sized_model(tmp_path / "made.tflite", 0.5)
    assert layers >= 1
    assert milliseconds > 0
    assert len(build_network(4)) > len(build_network(2))
    with open_classifier(tmp_path / "made.tflite", threads=1) as classifier:
        assert classifier.classify(blank_frame().pixels_bgr).top_label in LABELS


def test_environment_is_named_by_what_is_in_it(tmp_path):
    from environments import Environment, NotMadeError, environment_folder, is_made
    from environments import make_environment as make

    one, other = Environment("one", ("numpy<2",)), Environment("one", ("numpy<3",))
    assert environment_folder(one, tmp_path) != environment_folder(other, tmp_path)
    assert not is_made(one, tmp_path)
    with pytest.raises(NotMadeError, match=r"no Python 9\.9"):
        make(Environment("one", (), version="9.9"), tmp_path)


def test_worker_answers_each_block_with_a_duration_per_frame(repository):
    from edge.modelfile import default_model_path

    script = repository / "benchmarks/live_workers.py"
    command = [sys.executable, script, "litert", default_model_path(), "1"]
    done = subprocess.run(command, input="3\n1\n", capture_output=True, text=True, check=True)
    assert [line.count(",") for line in done.stdout.splitlines()] == [3, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_that_of_a_process_and_its_children():
    from start_and_memory import family, mapped_alone_mb, mapped_mb, pss_mb

    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        assert 1 < pss_mb(child.pid) < 50
        assert mapped_mb(child.pid).total() == pytest.approx(pss_mb(child.pid), rel=0.2)
        assert mapped_alone_mb([child.pid]) >= 0.9 * pss_mb(child.pid)
        child.communicate(b"\n")
    assert pss_mb(child.pid) == 0.0


@pytest.mark.parametrize(
    ("mapping", "group"),
    [
        ("/x/site-packages/numpy.libs/libopenblas.so", "NumPy"),
        ("/x/site-packages/opencv_python_headless.libs/libavcodec.so", "OpenCV"),
        ("/memfd:frames (deleted)", "frames in shared memory"),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "libraries of the system"),
        ("[vdso]", "other"),
    ],
)
def test_mapping_is_counted_to_who_has_made_it(mapping, group):
    from start_and_memory import group_of

    assert group_of(mapping) == group

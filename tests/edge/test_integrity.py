import os
import stat
import subprocess

import numpy as np
import pytest
from colour_model import LABELS, build_colour_model, picture_bgr, write_colour_model

from edge import golden, integrity
from edge.errors import CatseyeError, ModelFileError
from edge.integrity import REFUSED, verify_model
from edge.manifest import DecisionSpec, GoldenExample, InputSpec, Manifest
from edge.modelfile import read_model_file, write_model_file


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, without any verdict."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path):
    return read_model_file(write_colour_model(tmp_path / "colours.tflite"))


@pytest.fixture
def children(monkeypatch):
    """Replaces the child process; `outcome` is how it ends, `calls` what was started."""

    class Children:
        outcome = subprocess.CompletedProcess([], 0, b"", b"")

        def run(self, command, **_):
            self.calls.append(command)
            if isinstance(self.outcome, Exception):
                raise self.outcome
            return self.outcome

        def end(self, returncode, stdout=b"", stderr=b""):
            self.outcome = subprocess.CompletedProcess([], returncode, stdout, stderr)

    children = Children()
    children.calls = []
    monkeypatch.setattr(integrity.subprocess, "run", children.run)
    return children


def test_first_use_is_checked_and_remembered(cache, model, children):
    verify_model(model)
    verify_model(model)
    assert len(children.calls) == 1
    assert children.calls[0][-2:] == [model.sha256, "litert"]
    assert [path.name.partition("-")[0] for path in cache.rglob("verified/*")] == [model.sha256]


def test_real_child_accepts_an_intact_model(cache, model):
    verify_model(model)
    assert any(cache.rglob("verified/*"))


def test_changed_file_is_checked_again(cache, tmp_path, model, children):
    verify_model(model)
    write_colour_model(model.path, thresholds=dict.fromkeys(LABELS, 0.1))
    verify_model(read_model_file(model.path))
    assert len(children.calls) == 2


def test_failed_check_is_not_remembered(cache, model, children):
    children.end(REFUSED, stdout=b"golden example 1 is off by 0.700, over 0.05")
    for _ in range(2):
        with pytest.raises(ModelFileError, match=r"intact.*colours.tflite: golden example 1 is"):
            verify_model(model)
    assert len(children.calls) == 2


@pytest.mark.parametrize(
    ("returncode", "message"),
    [(-6, "SIGABRT"), (-11, "SIGSEGV"), (-7, "SIGBUS")],
)
def test_crash_of_the_child_is_a_damaged_model(cache, model, children, returncode, message):
    children.end(returncode)
    with pytest.raises(ModelFileError, match=f"crashes the runtime litert .{message}"):
        verify_model(model)


def test_hang_of_the_child_is_a_damaged_model(cache, model, children):
    children.outcome = subprocess.TimeoutExpired([], 5)
    with pytest.raises(ModelFileError, match="no answer within 5 s"):
        verify_model(model, timeout_seconds=5)


@pytest.mark.parametrize(
    ("returncode", "stderr", "message"),
    [
        (-9, b"", "Received: SIGKILL: nothing said"),  # out of memory: says nothing about the model
        (1, b"Traceback\nImportError: no numpy", "exit code 1: ImportError: no numpy"),
    ],
)
def test_child_that_cannot_run_accuses_nobody(cache, model, children, returncode, stderr, message):
    children.end(returncode, stderr=stderr)
    with pytest.raises(CatseyeError, match=message) as caught:
        verify_model(model)
    assert not isinstance(caught.value, ModelFileError)


def test_unwritable_cache_is_no_error(tmp_path, monkeypatch, model, children):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    verify_model(model)
    verify_model(model)
    assert len(children.calls) == 2


def make_empty(verdict):
    verdict.write_bytes(b"")  # as a power failure leaves it


def make_other(verdict):
    verdict.write_text(f"passed {'0' * 64}-litert\n")


def make_folder(verdict):
    verdict.unlink()
    verdict.mkdir()


def make_link(verdict):
    verdict.rename(verdict.with_name("good"))
    verdict.symlink_to("good")


def make_open_to_others(verdict):
    verdict.chmod(0o666)


def give_away(verdict):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(verdict, 12345, 12345)


@pytest.mark.parametrize(
    "poison", [make_empty, make_other, make_folder, make_link, make_open_to_others, give_away]
)
def test_poisoned_verdict_is_not_believed(cache, model, children, poison):
    verify_model(model)
    (verdict,) = cache.rglob("verified/*")
    poison(verdict)
    verify_model(model)
    assert len(children.calls) == 2


def test_verdict_is_for_this_user_only_and_leaves_no_temporary(cache, model, children):
    verify_model(model)
    (verdict,) = cache.rglob("verified/*")
    assert stat.S_IMODE(verdict.stat().st_mode) == 0o600


def test_relative_cache_and_absent_home_are_no_error(monkeypatch, model, children):
    def no_home():
        raise RuntimeError

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(integrity.Path, "home", no_home)
    verify_model(model)
    assert len(children.calls) == 1


def test_wrong_answer_to_a_golden_example_is_refused(cache, tmp_path):
    wrong = (GoldenExample(picture_bgr("red", size_wh=(4, 4)), (0.0, 1.0, 0.0)),)  # shows blue
    path = write_colour_model(tmp_path / "wrong.tflite", golden=wrong)
    with pytest.raises(ModelFileError, match=r"golden example 1 is off by 0\.9"):
        verify_model(read_model_file(path))


def test_temperature_does_not_change_golden_answers(cache, tmp_path):
    path = write_colour_model(tmp_path / "soft.tflite", temperature=3.0)
    golden.check_golden(read_model_file(path), runtime="litert")


def test_model_without_golden_examples_must_run(cache, tmp_path):
    path = write_colour_model(tmp_path / "bare.tflite", golden=())
    golden.check_golden(read_model_file(path), runtime="litert")


def test_child_accepts_and_refuses_by_its_exit_code(capsys, monkeypatch, model):
    monkeypatch.setattr(golden, "_limit_memory", lambda: None)  # this process has more to do
    assert golden.main(model.path, model.sha256, "litert") == 0
    monkeypatch.setattr(golden, "GOLDEN_TOLERANCE", 0.0)
    assert golden.main(model.path, model.sha256, "litert") == REFUSED
    assert capsys.readouterr().out.startswith("golden example 1 is off by 0.0")


def test_child_says_that_memory_is_short(capsys, monkeypatch, model):
    def run_out(*_, **__):
        raise MemoryError

    monkeypatch.setattr(golden, "_limit_memory", lambda: None)
    monkeypatch.setattr(golden, "check_golden", run_out)
    assert golden.main(model.path, model.sha256, "litert") == REFUSED
    assert capsys.readouterr().out == "it asks for more than 1 GiB of memory"


def test_model_that_loads_and_does_not_run_is_refused(monkeypatch, model):
    def fail(_):
        raise RuntimeError("Input tensor 72 lacks data")

    monkeypatch.setattr(golden, "golden_scores", fail)
    with pytest.raises(ModelFileError, match=r"does not run \(Input tensor 72 lacks data\)"):
        golden.check_golden(model, runtime="litert")


def test_golden_scores_that_are_no_numbers_prove_nothing(tmp_path):
    nothing = (GoldenExample(picture_bgr("red", size_wh=(4, 4)), (float("nan"),) * 3),)
    path = write_colour_model(tmp_path / "nan.tflite", golden=nothing)
    with pytest.raises(ModelFileError, match="golden"):
        golden.check_golden(read_model_file(path), runtime="litert")


def test_scores_that_are_no_numbers_are_refused(monkeypatch, model):
    monkeypatch.setattr(golden, "golden_scores", lambda _: [np.array([np.nan, 0, 0], np.float32)])
    with pytest.raises(ModelFileError, match="its scores are no numbers"):
        golden.check_golden(model, runtime="litert")


def test_child_says_that_a_file_changed_meanwhile(capsys, model):
    assert golden.main(model.path, "0" * 64, "litert") == REFUSED
    assert capsys.readouterr().out == "it changed while it was read"


def test_model_of_absurd_size_is_refused_and_nothing_dies(cache, tmp_path):
    huge = build_colour_model(size_wh=(4096, 4096), dtype="float32", batch=64)  # 13 GB a tensor
    path = tmp_path / "huge.tflite"
    manifest = Manifest(
        "huge",
        LABELS,
        InputSpec(4096, 4096, dtype="float32"),
        DecisionSpec(dict.fromkeys(LABELS, 0.5)),
    )
    write_model_file(path, model_bytes=huge, manifest=manifest)
    with pytest.raises(ModelFileError, match=r"huge\.tflite: \w"):
        verify_model(read_model_file(path))


def test_child_finds_this_package_from_any_folder(cache, model, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    verify_model(model)


def test_environment_of_the_child_keeps_the_callers_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert integrity.child_environment()["PYTHONPATH"].split(os.pathsep)[-1] == "/somewhere"

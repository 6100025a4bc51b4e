import json
import os
import stat
import subprocess

import pytest
from colour_model import LABELS, write_colour_model

from edge import integrity
from edge.errors import CatseyeError, ModelFileError, NotVerifiableError
from edge.integrity import NOT_VERIFIABLE, REFUSED, verify_model
from edge.modelfile import read_model_file
from edge.threads import usable_cores


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
    assert children.calls[0][-3:] == [model.sha256, "litert", str(usable_cores())]
    assert [path.name.partition("-")[0] for path in cache.rglob("verified/*")] == [model.sha256]


def test_measured_threads_are_remembered(cache, model, children):
    children.end(0, stdout=b"INFO: created a delegate\nthreads 1\nthreads 2\n")
    assert verify_model(model) == 2
    children.end(0, stdout=b"threads 1\nthreads 1\n")
    assert verify_model(model) == 2
    assert len(children.calls) == 1


def test_other_number_of_cores_is_measured_anew(cache, model, children, monkeypatch):
    for cores, threads in ((2, 2), (1, 1)):
        monkeypatch.setattr(integrity, "usable_cores", lambda cores=cores: cores)
        children.end(0, stdout=f"threads {threads}\n".encode())
        assert verify_model(model) == threads
    assert [call[-1] for call in children.calls] == ["2", "1"]


def test_nothing_is_measured_for_a_file_that_is_not_remembered(cache, model, children):
    verify_model(model, is_remembered=False)
    assert children.calls[0][-1] == "1"


@pytest.mark.parametrize(
    "outcome",
    [
        subprocess.CompletedProcess([], -6, b"threads 1\n", b""),
        subprocess.TimeoutExpired([], 5, output=b"threads 1\n"),
    ],
)
def test_end_on_more_threads_is_no_fault_of_the_model(cache, model, children, outcome):
    children.outcome = outcome
    assert verify_model(model) == 1
    assert any(cache.rglob("verified/*"))


def test_real_child_accepts_an_intact_model(cache, model):
    verify_model(model)
    assert any(cache.rglob("verified/*"))


def test_changed_file_is_checked_again(cache, tmp_path, model, children):
    verify_model(model)
    write_colour_model(model.path, thresholds=dict.fromkeys(LABELS, 0.1))
    verify_model(read_model_file(model.path))
    assert len(children.calls) == 2


def said(rule, received, fix):
    """Return what a child says of a model that it refuses, after words of a library."""
    parts = {"rule": rule, "received": received, "fix": fix}
    return b"INFO: created a delegate\n" + json.dumps(parts).encode() + b"\n"


def test_failed_check_says_what_the_child_says_and_is_not_remembered(cache, model, children):
    children.end(REFUSED, stdout=said("It must answer", "1 is off by 0.700", "Copy it"))
    for _ in range(2):
        with pytest.raises(ModelFileError) as caught:
            verify_model(model)
        error = caught.value
        assert (error.rule, error.fix) == ("It must answer", "Copy it")
        assert error.received == f"{model.path}: 1 is off by 0.700"
        assert not isinstance(error, NotVerifiableError)
    assert len(children.calls) == 2


def test_model_for_a_newer_runtime_passes_once_that_is_there(cache, model, children):
    children.end(NOT_VERIFIABLE, stdout=said("The runtime must be newer", "version 99", "Run: pip"))
    with pytest.raises(NotVerifiableError, match=r"newer\. Received: .*: version 99\. Run: pip"):
        verify_model(model)
    assert not any(cache.rglob("*"))
    children.end(0)
    verify_model(model)
    assert len(children.calls) == 2


@pytest.mark.parametrize("stdout", [b"", b"Aborted", b"[]", b"{}", b'{"rule": "a"}'])
def test_child_that_refuses_without_saying_why_means_damage(cache, model, children, stdout):
    children.end(REFUSED, stdout=stdout)
    with pytest.raises(ModelFileError, match=r"must be intact\. Received: .*colours.tflite: \S"):
        verify_model(model)


def test_verdict_on_a_file_to_be_thrown_away_is_not_kept(cache, model):
    verify_model(model, is_remembered=False)
    assert not any(cache.rglob("*"))


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
    verdict.write_text(f"passed {'0' * 64}-litert\nthreads 1\n")


def make_short(verdict):
    verdict.write_text(verdict.read_text().removesuffix("threads 1\n"))


def make_absurd(verdict):
    verdict.write_text(verdict.read_text().replace("threads 1", "threads 99"))


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
    "poison",
    [
        *(make_empty, make_other, make_short, make_absurd),
        *(make_folder, make_link, make_open_to_others, give_away),
    ],
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


def test_child_finds_this_package_from_any_folder(cache, model, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    verify_model(model)


def test_environment_of_the_child_keeps_the_callers_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert integrity.child_environment()["PYTHONPATH"].split(os.pathsep)[-1] == "/somewhere"

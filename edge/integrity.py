"""Makes sure that a model works on this machine before it is loaded for the first time.

A damaged model can abort the process that loads it, and a flipped bit often changes its answers
without any error. So a file not seen before first proves itself on its golden examples in a child
process (`edge.golden`), which also times it on one thread and on more. The verdict is remembered by
the file's hash, so that later starts are free.
"""

import json
import logging
import os
import platform
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from edge import __version__
from edge.errors import CatseyeError, ModelFileError, NotVerifiableError
from edge.interpreter import AUTO, choose_runtime, load_runtime, runtime_version
from edge.modelfile import ModelFile, damaged
from edge.threads import DEFAULT_THREADS, parse_threads, usable_cores

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 120.0
"""For the child process: a second on a desktop, several on a Pi Zero."""

REFUSED = 3
"""Exit code of the child for a model that fails; `describe_refusal` is on its standard output."""

NOT_VERIFIABLE = 4
"""Exit code of the child for a model that needs a newer runtime; likewise."""

_CHILD = "edge.golden"
_THREADS = "threads "
_DAMAGE_SIGNALS = frozenset({"SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGXCPU"})


def verify_model(
    model: ModelFile,
    *,
    runtime: str = AUTO,
    timeout_seconds: float = TIMEOUT_SECONDS,
    is_remembered: bool = True,
) -> int:
    """Run a model's golden examples in a child process, unless it has passed here before.

    Args:
        model: A file whose content hash is right.
        runtime: One of `edge.interpreter.RUNTIMES`, or "auto".
        timeout_seconds: After which the child is stopped and the model refused.
        is_remembered: Note down that it has passed; not for a file that is thrown away. That a
            model has failed is never noted down: it may pass with the next runtime.

    Returns:
        How many threads to give to the runtime: those measured when the file was checked; 1 where
        that cannot be remembered.

    Raises:
        NotVerifiableError: The runtime is too old for the model.
        ModelFileError: The model crashes, hangs, does not load or answers otherwise than when
            it was made.
        MissingExtraError: The runtime is not installed or does not load.
        CatseyeError: The child cannot run.
    """
    runtime = choose_runtime(runtime)
    verdict = _verdict_path(model, runtime)
    remembered = None if verdict is None else _recall(verdict)
    if remembered is not None:
        return remembered
    logger.info("model %s: first use, checking it with %s", model.path, runtime)
    load_runtime(runtime)  # what is wrong with it shall not be taken for the model's fault
    if verdict is None or not is_remembered:
        return _run_child(model, runtime, cores=1, timeout_seconds=timeout_seconds)
    threads = _run_child(model, runtime, cores=usable_cores(), timeout_seconds=timeout_seconds)
    _remember(verdict, threads)
    return threads


def _run_child(model: ModelFile, runtime: str, *, cores: int, timeout_seconds: float) -> int:
    """Check a model; return the number of threads that the child has measured for that many cores.

    With one core nothing is measured.
    """
    arguments = (str(model.path.absolute()), model.sha256, runtime, str(cores))
    try:
        child = subprocess.run(
            child_command(_CHILD, *arguments),
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        if _has_passed(error.stdout or b""):
            return DEFAULT_THREADS
        raise damaged(model.path, f"no answer within {timeout_seconds:g} s") from error
    if child.returncode == 0:
        return parse_threads(_last_line(child.stdout).removeprefix(_THREADS))
    if _has_passed(child.stdout):
        return DEFAULT_THREADS  # it runs, but not on several
    if child.returncode in (REFUSED, NOT_VERIFIABLE):
        raise _refusal(model.path, child)
    name = _signal_name(child.returncode)
    if name in _DAMAGE_SIGNALS:
        raise damaged(model.path, f"it crashes the runtime {runtime} ({name})")
    lines = child.stderr.decode(errors="replace").strip().splitlines() or ["nothing said"]
    raise CatseyeError(
        "The check of a model not seen before must be able to run",
        received=f"{name or f'exit code {child.returncode}'}: {lines[-1]}",
        fix="Free some memory and run it again; edge doctor shows what else may be missing",
    )


def describe_threads(threads: int) -> str:
    """Return a line for the parent of a child: the model has passed, and runs on so many."""
    return f"{_THREADS}{threads}\n"


def _has_passed(stdout: bytes) -> bool:
    return _last_line(stdout).startswith(_THREADS)


def _last_line(stdout: bytes) -> str:
    """Return the last line of a child; what a library has written before it is passed over."""
    return stdout.decode(errors="replace").strip().rpartition("\n")[2]


def describe_refusal(path: Path, error: ModelFileError) -> str:
    """Return a line for the parent of a child: the three parts of an error, as JSON."""
    received = error.received.removeprefix(f"{path}: ")
    return json.dumps({"rule": error.rule, "received": received, "fix": error.fix})


def _refusal(path: Path, child: subprocess.CompletedProcess[bytes]) -> ModelFileError:
    """Return the child's error."""
    said = child.stdout.decode(errors="replace").strip()
    try:
        parts = json.loads(_last_line(child.stdout))
        rule, received, fix = (str(parts[name]) for name in ("rule", "received", "fix"))
    except (ValueError, KeyError, TypeError):
        return damaged(path, said or "no reason given")
    kind = NotVerifiableError if child.returncode == NOT_VERIFIABLE else ModelFileError
    return kind(rule, received=f"{path}: {received}", fix=fix)


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this package in a process of its own."""
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment() -> dict[str, str]:
    """Return the environment in which a child finds this very package, wherever it was started."""
    package_parent = str(Path(__file__).absolute().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    paths = [package_parent, *([inherited] if inherited else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _signal_name(returncode: int) -> str:
    """Return the name of the signal that ended a child, or an empty text."""
    if returncode >= 0:
        return ""
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def _verdict_path(model: ModelFile, runtime: str) -> Path | None:
    """Return the file that says whether the model has passed here, if there can be one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():  # the specification says to ignore a relative one
        try:
            cache = Path.home() / ".cache"
        except RuntimeError:
            return None
    machine = f"{platform.machine()}x{usable_cores()}"  # fewer cores are given other threads
    facts = (model.sha256, runtime, runtime_version(runtime), machine, __version__)
    return cache / "catseye" / "verified" / "-".join(facts)


def _recall(verdict: Path) -> int | None:
    """Return the threads in a verdict that is whole and written by nobody but this user or root."""
    try:
        status = verdict.lstat()
        is_own = not hasattr(os, "geteuid") or status.st_uid in (0, os.geteuid())
        is_closed = os.name == "nt" or not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not (stat.S_ISREG(status.st_mode) and is_own and is_closed):
            return None
        said = verdict.read_bytes()
    except OSError:
        return None
    threads = parse_threads(_last_line(said).removeprefix(_THREADS))
    return threads if said == _verdict_text(verdict, threads) else None


def _remember(verdict: Path, threads: int) -> None:
    """Note that a model has passed; where that cannot be written, the next start checks again."""
    try:
        verdict.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=verdict.parent)  # for this user only
        with os.fdopen(handle, "wb") as file:
            file.write(_verdict_text(verdict, threads))
        Path(temporary).replace(verdict)
    except OSError as error:
        logger.info("verdict %s: not remembered (%s)", verdict, error)


def _verdict_text(verdict: Path, threads: int) -> bytes:
    """Return what a verdict says; one that was cut short by a power failure says less."""
    return f"passed {verdict.name}\n{describe_threads(threads)}".encode()

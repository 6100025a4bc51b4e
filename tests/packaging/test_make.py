"""`make demo` and `make test`: what they repeat, what they leave alone, what they find missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = [
    "awk",
    "bash",
    "dirname",
    "env",
    "grep",
    "make",
    "rm",
    "sh",
    "tail",
    "tee",
    "test",
    "touch",
    "uname",
]
SHOW_ARGUMENTS = '#!/bin/sh\nfor argument in "$@"; do printf "<%s>" "$argument"; done\n'


@pytest.fixture
def project(repository, tmp_path):
    """A copy of what make reads."""
    folder = tmp_path / "a project"
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(repository / "Makefile", folder)
    shutil.copy(repository / "pyproject.toml", folder)
    for path in (repository / "requirements").iterdir():
        shutil.copy(path, folder / "requirements")
    return folder


@pytest.fixture
def installed(project):
    """A finished environment, whose `edge` shows its arguments."""
    programs = project / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "activate").write_text(f"VIRTUAL_ENV='{project}/.venv'\n")
    (programs / "edge").write_text(SHOW_ARGUMENTS)
    (programs / "edge").chmod(0o755)
    (project / ".venv/installed").touch()
    return project


@pytest.fixture
def tools(tmp_path):
    """A PATH with the tools that setting up needs, and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def make(project, *arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "SOURCE"):  # of `make test` itself
        inherited.pop(name, None)
    return subprocess.run(
        ["make", *arguments],
        cwd=project,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ([], "demo:"),
        (["SOURCE=0"], "0"),
        (["SOURCE=my clip.mp4"], "my clip.mp4"),
        (['SOURCE=it\'s a "clip".mp4'], 'it\'s a "clip".mp4'),
    ],
)
def test_demo_runs_the_source_and_installs_nothing_again(installed, arguments, source):
    done = make(installed, "demo", *arguments)
    assert (done.stdout, done.stderr) == (f"<run><--source><{source}>", "")


def change_pins(project):
    path = project / "requirements/runtime.txt"
    later = (project / ".venv/installed").stat().st_mtime + 10
    os.utime(path, (later, later))


def remove_python(project):
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/a/python/that/was/removed")


def move(project):
    (project / ".venv/bin/activate").write_text("VIRTUAL_ENV='/elsewhere/.venv'\n")


def break_off(project):
    (project / ".venv/installed").unlink()


@pytest.mark.parametrize("change", [change_pins, remove_python, move, break_off])
def test_demo_sets_up_again_after_a_change(installed, change):
    change(installed)
    assert "setup.sh .venv" in make(installed, "--dry-run", "demo").stdout


def test_demo_without_a_suitable_python_says_what_to_install(project, tools):
    done = make(project, "demo", PATH=str(tools))
    assert done.returncode == 2
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert "sudo apt install python3 python3-venv" in done.stderr
    assert not (project / ".venv").exists()


def test_demo_with_an_unsuitable_python_names_it(project, tools):
    done = make(project, "demo", f"PYTHON={tools}/python2.7", PATH=str(tools))
    assert f"{tools}/python2.7" in done.stderr


def test_demo_without_the_venv_module_names_the_package(project, tools):
    python = tools / "python3"
    python.write_text(
        f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    done = make(project, "demo", PATH=str(tools))
    assert done.returncode == 2
    assert f"({python}) comes without its venv module" in done.stderr
    assert "sudo apt install python3-venv" in done.stderr


@pytest.mark.slow
def test_demo_without_a_network_says_so(project, tmp_path):
    done = make(
        *(project, "demo", f"PYTHON={sys.executable}"),
        PIP_INDEX_URL="http://127.0.0.1:9/simple",  # nothing listens there
        PIP_CONFIG_FILE=os.devnull,
        PIP_CACHE_DIR=str(tmp_path / "no cache"),
    )
    assert done.returncode == 2
    assert "the packages could not be downloaded: no network" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / ".venv/installed").exists()


def test_ci_runs_what_people_run(repository):
    script = (repository / ".ci/run").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == "make test"
    assert os.access(repository / ".ci/run", os.X_OK)
    assert Path(repository / "requirements/setup.sh").stat().st_mode & 0o111

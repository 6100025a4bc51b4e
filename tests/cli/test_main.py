import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest
import typer

from edge import __version__
from edge.cli import app, commands, main
from edge.cli.output import emit_text
from edge.errors import DataError, SettingError, SourceError

HEAVY = {
    "tensorflow",
    "tf_keras",
    "keras",
    "cv2",
    "numpy",
    "PIL",
    "ai_edge_litert",
    "tflite_runtime",
}
LIGHT_START = f"""
from edge.cli import main
code = main(sys.argv[1:])
print(*sorted({HEAVY} & sys.modules.keys()), code, file=sys.stderr)
"""


@pytest.fixture
def verb(monkeypatch):
    """Make `edge verb` run a function of the test's choice."""

    def install(function):
        source = commands.CommandSource("verb", module="nowhere", attribute="verb")
        monkeypatch.setattr(app, "sources", lambda: iter([source]))
        monkeypatch.setattr(app, "load_target", lambda source: function)
        app._listed_commands.cache_clear()

    yield install
    app._listed_commands.cache_clear()


def run_edge(*arguments, code="from edge.cli import main; sys.exit(main())", **environment):
    """Run Python code as the command line is run, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; {code}", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_main_shows_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"edge {__version__} (catseye)\n"


def test_main_lists_every_verb_with_a_summary(capsys):
    assert main(["--help"]) == 0
    listed = dict(re.findall(r"^  (\w+) *(.*)$", capsys.readouterr().out, re.MULTILINE))
    verbs = {
        "run",
        "classify",
        "evaluate",
        "bench",
        "inspect",
        "doctor",
        "train",
        "convert",
        "data",
    }
    assert verbs <= listed.keys()
    assert all(listed[verb] for verb in verbs), "a verb without a summary"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["train", "--help"],
        ["convert", "--help"],
        ["data", "--help"],
        ["data", "check", "--help"],
        ["nonsense"],
    ],
)
def test_main_imports_nothing_heavy_before_a_verb_runs(arguments):
    done = run_edge(*arguments, code=LIGHT_START)
    expected = "2" if arguments == ["nonsense"] else "0"
    assert done.stderr.splitlines()[-1].split() == [expected]


def test_main_names_the_nearest_verb(capsys):
    assert main(["clasify", "cat.jpg"]) == 2
    assert "Did you mean 'classify'?" in capsys.readouterr().err


def test_main_without_a_verb_is_wrong_usage(capsys):
    assert main([]) == 2
    assert "Usage: edge" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError, 1),
        (SourceError, 1),  # an OSError too, which Typer must not take for its own
        (SettingError, 2),
    ],
)
def test_main_reports_an_error_in_three_parts(verb, capsys, error, code):
    def fail():
        raise error("Rule", received="this", fix="Do that")

    verb(fail)
    assert main(["verb"]) == code
    assert capsys.readouterr() == ("", "edge: Rule. Received: this. Do that.\n")


def test_main_shows_the_traceback_when_asked(verb, capsys, monkeypatch):
    def fail():
        raise DataError("Rule", received="this", fix="Do that")

    verb(fail)
    monkeypatch.setenv("EDGE_DEBUG", "1")
    assert main(["verb"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_main_returns_the_code_of_a_partial_failure(verb):
    def fail():
        raise typer.Exit(1)

    verb(fail)
    assert main(["verb"]) == 1


def test_main_ends_a_verb_on_interrupt(verb, capsys):
    def fail():
        raise KeyboardInterrupt

    verb(fail)
    assert main(["verb"]) == 1
    assert capsys.readouterr().err == "edge: interrupted\n"


def test_main_runs_a_verb_that_is_a_group(verb, capsys):
    group = typer.Typer()
    group.command("explore")(lambda: emit_text("explored"))
    group.command("check")(lambda: emit_text("checked"))
    verb(group)
    assert main(["verb", "check"]) == 0
    assert capsys.readouterr().out == "checked\n"


def test_main_refuses_an_unknown_log_level(capsys, monkeypatch):
    monkeypatch.setenv("EDGE_LOG", "loud")
    assert main(["--version"]) == 2
    assert "Received: 'loud'. Use one of debug, info, warning, error." in capsys.readouterr().err


UNEXPECTED = """
from edge.cli import app, commands, main
def verb(): raise ZeroDivisionError("by zero")
app.sources = lambda: iter([commands.CommandSource("verb", module="edge.cli", attribute="main")])
app.load_target = lambda source: verb
sys.exit(main(["verb"]))
"""


def test_main_reports_an_unexpected_error_in_one_line():
    done = run_edge(code=UNEXPECTED)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Received: ZeroDivisionError: by zero. Run it again with EDGE_DEBUG=1" in done.stderr


def test_main_lets_the_traceback_of_an_unexpected_error_through_when_asked():
    done = run_edge(code=UNEXPECTED, EDGE_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_main_reports_an_unexpected_error_of_a_thread_in_one_line():
    code = "import threading; from edge.cli import main; main(['--version']);"
    code += "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()"
    done = run_edge(code=code)
    assert done.stderr.count("\n") == 1
    assert "Received: ZeroDivisionError: division by zero" in done.stderr


def test_main_leaves_hooks_of_a_host_program_alone(monkeypatch, capsys):
    host_hooks = (lambda *_: None, lambda _: None)
    monkeypatch.setattr(sys, "excepthook", host_hooks[0])
    monkeypatch.setattr(threading, "excepthook", host_hooks[1])
    assert main(["--version"]) == 0
    assert (sys.excepthook, threading.excepthook) == host_hooks


def test_main_ends_quietly_when_the_reader_of_its_output_has_gone():
    code = "import sys; sys.stdin.readline(); from edge.cli import main; sys.exit(main(['--help']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    _, errors = process.communicate("go\n", timeout=60)
    assert (process.returncode, errors) == (1, "")


EARLY = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
from edge.cli import app, main
build = app.build_command
def build_late():
    os.kill(os.getpid(), signal.Signals[sys.argv[1]])
    return build()
app.build_command = build_late
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_signal_before_the_verb_is_known_ends_a_run_with_its_summary(number):
    done = run_edge(number, "run", "--source", "demo:", "--json", code=EARLY)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["frames_classified"] == 0


def test_signal_before_another_verb_ends_the_process():
    done = run_edge("SIGTERM", "inspect", code=EARLY)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "")
    done = run_edge("SIGINT", "inspect", code=EARLY)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "edge: interrupted\n")
    done = run_edge("SIGINT", "--version", code=EARLY)
    assert (done.returncode, done.stderr) == (1, "edge: interrupted\n")


@pytest.mark.parametrize("arguments", [["--version"], ["run", "--size", "big"], ["inspect"]])
def test_main_leaves_signals_as_it_found_them(arguments):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    main(arguments)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


@pytest.mark.parametrize(
    ("closed", "arguments", "code", "written"),
    [
        (1, ["inspect"], 0, ("", "")),
        (1, ["--version"], 0, ("", "")),
        (1, ["clasify"], 2, ("", "Did you mean 'classify'?")),
        (2, ["clasify"], 2, ("", "")),  # what is for people does not end up in the results
        (2, ["inspect", "absent.tflite", "--json"], 1, ("", "")),
    ],
)
def test_main_does_without_a_stream_that_was_closed(closed, arguments, code, written):
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m edge "$@" {closed}>&-', sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    for found, expected in zip((done.stdout, done.stderr), written, strict=True):
        assert expected in found
        assert bool(expected) == bool(found)


def test_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "edge", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"edge {__version__} (catseye)\n"

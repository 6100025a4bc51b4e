"""Runs the part of the pet-door guide that needs no hardware: every line, in the page's order."""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from ports import free_port

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "pet-door.md").read_text()
EDGE = Path(sys.executable).parent / "edge"
WAIT = "for _ in $(seq 150); do edge status > status.txt 2>&1 && break; sleep 0.2; done\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs mosquitto's tools"),
    pytest.mark.skipif(importlib.util.find_spec("skimage") is None, reason="needs the extra demo"),
    pytest.mark.skipif(importlib.util.find_spec("paho") is None, reason="needs the extra mqtt"),
]


def section(title):
    """Return a section of the page, up to the next heading of any kind."""
    return re.search(rf"^#+ {title}\n(.*?)(?=^#+ |\Z)", PAGE, re.M | re.S)[1]


def blocks(title, language="sh"):
    return re.findall(rf"^```{language}\n(.*?)^```", section(title), re.M | re.S)


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


class Walk:
    """A folder in which the page is followed; a free port stands for each of the page's."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {"1883": str(free_port()), "8080": str(free_port())}
        tools = folder / "bin"
        tools.mkdir()
        (tools / "edge").symlink_to(EDGE)
        (tools / "python3").symlink_to(sys.executable)
        self.environment = {
            **os.environ,
            "PATH": f"{tools}:{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/bin",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def localize(self, text):
        for documented, port in self.ports.items():
            text = text.replace(documented, port)
        return text

    def sh(self, text):
        """Run a block as one script; what it started and left running is ended with it."""
        lines = [line for line in text.splitlines() if not line.startswith("sudo ")]
        script = self.localize("\n".join(lines)) + "\n"
        script = script.replace("sleep 5\n", WAIT)  # a slow machine takes longer
        process = subprocess.Popen(
            ["bash", "-e", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.extend(process.stdout), daemon=True)
        reader.start()
        code = process.wait(300)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        reader.join(20)
        process.stdout.close()
        assert code == 0, f"{script}\n{''.join(said)}"
        return "".join(said)

    def read(self, name):
        return (self.folder / name).read_text()


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    return Walk(tmp_path_factory.mktemp("door"))


@pytest.fixture(scope="module")
def broker(walk):
    """The broker that Debian's package would have started."""
    process = subprocess.Popen(
        ["mosquitto", "-p", walk.ports["1883"]],
        env=walk.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until_seconds = time.monotonic() + 20
    while not is_open(walk.ports["1883"]):
        assert time.monotonic() < until_seconds, "the broker does not start"
        time.sleep(0.05)
    yield process
    process.terminate()
    process.wait(10)


def test_guide_without_hardware(walk):
    written, stand_ins, dry, real = blocks("Try it without hardware")
    walk.sh(written)
    checked = walk.sh(stand_ins)
    assert "claimed, de-energised (closed)" in checked
    assert "fail " not in checked
    assert walk.sh(dry).count("let the cat in: would do door, journal") == 1
    doubting = walk.read("edge.toml").replace("\nveto_score = 0.9 ", "\nveto_score = 0.5 ")
    (walk.folder / "doubting.toml").write_text(doubting)
    doubted = walk.sh(dry.replace("edge.toml", "doubting.toml"))
    assert "would not act, vetoed" in doubted
    assert "would do" not in doubted
    said = walk.sh(real)
    levels = [line.split(",")[1] for line in walk.read("door-pin.csv").splitlines()]
    assert "1" in levels
    assert levels[-1] == "0"
    assert '"label": "cat"' in walk.read("events.jsonl")
    assert re.search(r"^ +1 .* cat .* kept +kept", said, re.M)
    assert len(list((walk.folder / "photos/cat").iterdir())) == 1


def test_guide_with_a_broker_and_a_web_server(walk, broker):
    (program,) = blocks("With a broker and a web server", "python")
    (actions,) = blocks("With a broker and a web server", "toml")
    (walk.folder / "hook.py").write_text(walk.localize(program))
    with (walk.folder / "edge.toml").open("a") as file:
        file.write(walk.localize("\n" + actions))
    (lines,) = blocks("With a broker and a web server")
    walk.sh(lines)
    assert '"rule": "let the cat in"' in walk.read("hooks.txt")
    heard = walk.read("heard.txt")
    assert '"let the cat in"' in heard
    assert re.findall(r"availability (\w+)", heard) == ["online", "offline"]
    assert "output/door/state open" in heard


def test_guide_breaks_it(walk, broker):
    kill, mend = blocks("Break it")
    assert walk.sh(kill).splitlines()[-1].endswith(",0")
    levels = [line.split(",")[1] for line in walk.read("door-pin.csv").splitlines()]
    assert levels[-2:] == ["1", "0"]  # it was energised when it died
    said = walk.sh(mend)
    assert "door: mode auto, closed" in said
    assert "mode auto, closed" in said.partition("picture")[2]

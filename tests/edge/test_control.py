"""The control socket, with real sockets and a real second process."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from edge.control import SOCKET_NAME, Answers, ControlServer, FolderLock, Outputs, ask
from edge.control.lock import is_held
from edge.control.status_record import read_status, write_status
from edge.control.wire import LONGEST_QUESTION
from edge.errors import NotRunningError, SettingError, StoreError
from edge.status import ActionStatus, EventStatus, OutputStatus, Status, StoreStatus

WHOLE = Status(
    "porch",
    "live",
    vetoed=frozenset(["let in"]),
    suspect=frozenset(["feed"]),
    event=EventStatus("cat", 0.9, 1_800_000_000.0, is_over=True),
    outputs=(OutputStatus("door", "auto", is_energised=False, is_open=False),),
    actions=(ActionStatus("tell", "mqtt", done=3),),
    store=StoreStatus(3, 1000, 2000),
    troubles=("under-voltage",),
)


class FakeOutput:
    """An output that only remembers its mode."""

    def __init__(self, name):
        self.name = name
        self.mode = "auto"

    def check(self):
        yield "claimed"

    def set_mode(self, mode):
        self.mode = mode

    def output_status(self):
        is_open = self.mode == "open"
        return OutputStatus(self.name, self.mode, is_energised=is_open, is_open=is_open)


@pytest.fixture
def outputs():
    outputs = Outputs()
    outputs.own({"door": FakeOutput("door"), "light": FakeOutput("light")})
    return outputs


@pytest.fixture
def server(tmp_path, outputs):
    server = ControlServer(tmp_path, Answers(lambda: WHOLE, lambda: 0.25, outputs))
    yield server
    server.close()


def connect(folder):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5.0)
    connection.connect(str(folder / SOCKET_NAME))
    return connection


def talk(folder, question):
    with connect(folder) as connection:
        connection.sendall(question)
        return connection.makefile().readline()


def test_ask_returns_the_whole_status(tmp_path, server):
    answer = ask(tmp_path, "status")
    assert answer["idle_seconds"] == 0.25
    assert read_status(answer) == WHOLE


def test_ask_puts_one_output_or_all_into_a_mode(tmp_path, server):
    answer = ask(tmp_path, "door", mode="lock", output="door")
    assert [(one["name"], one["mode"]) for one in answer["outputs"]] == [("door", "lock")]
    answer = ask(tmp_path, "door", mode="open", output=None)
    modes = [(one["name"], one["mode"], one["is_open"]) for one in answer["outputs"]]
    assert modes == [("door", "open", True), ("light", "open", True)]


@pytest.mark.parametrize(
    ("command", "values", "rule", "received"),
    [
        # another command
        ("reboot", {}, "A question must be one of status, door", "'reboot'"),
        # a mode that there is not
        ("door", {"mode": "ajar"}, "The mode of an output must be one of", "'ajar'"),
        # an output that there is not
        (
            "door",
            {"mode": "open", "output": "gate"},
            "An output must be one of the configuration: door, light",
            "'gate'",
        ),
    ],
)
def test_ask_raises_what_the_instance_refuses(tmp_path, server, command, values, rule, received):
    with pytest.raises(SettingError, match="must be one of") as caught:
        ask(tmp_path, command, **values)
    assert caught.value.rule.startswith(rule)
    assert caught.value.received == received


def test_ask_tells_that_nothing_runs(tmp_path):
    with pytest.raises(NotRunningError, match=r"must be running\. Received: none that answers"):
        ask(tmp_path, "status")
    with pytest.raises(NotRunningError, match="Start it: edge run --config"):
        ask(tmp_path / "missing", "status")


def test_ask_tells_that_it_starts(tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(NotRunningError, match="one that starts or ends at this moment"):
        ask(tmp_path, "status")
    lock.close()
    with pytest.raises(NotRunningError, match="none that answers"):
        ask(tmp_path, "status")
    assert not is_held(tmp_path, locks=tmp_path / "none")


def test_ask_tells_that_it_hangs(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET_NAME))
        listener.listen()
        with pytest.raises(NotRunningError, match=r"must answer\. Received: nothing in time"):
            ask(tmp_path, "status", timeout_seconds=0.2)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        # the end of the stream
        (b"", "in a line of JSON. Received: none"),
        # no JSON
        (b"hello\n", "in a line of JSON"),
        # an error of another make
        (b'{"error": 3}\n', "as it is laid down"),
    ],
)
def test_ask_refuses_what_is_no_answer(tmp_path, answer, text):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET_NAME))
        listener.listen()

        def reply():
            connection, _ = listener.accept()
            with connection:
                connection.recv(LONGEST_QUESTION)
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(NotRunningError, match=text):
            ask(tmp_path, "status")
        thread.join()


def test_ask_names_permissions(tmp_path, server):
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    program = (
        "import os, sys; from pathlib import Path; from edge.control import ask\n"
        "from edge.errors import NotRunningError\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: ask(Path(sys.argv[1]), 'status')\n"
        "except NotRunningError as error: print(error.rule)"
    )
    if os.getuid() != 0:
        pytest.skip("needs root, to become another user")
    found = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert found.stdout.startswith("Only the user and the group of the running edge run may ask")


def test_server_keeps_others_out(tmp_path, server):
    mode = (tmp_path / SOCKET_NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o660
    assert not (tmp_path / "control.new").exists()


def test_server_replaces_a_socket_that_was_left_behind(tmp_path, outputs):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / SOCKET_NAME))
    with pytest.raises(NotRunningError):
        ask(tmp_path, "status")
    server = ControlServer(tmp_path, Answers(lambda: WHOLE, lambda: 0.0, outputs))
    assert ask(tmp_path, "status")["place"] == "porch"
    server.close()
    server.close()
    assert not (tmp_path / SOCKET_NAME).exists()


def test_server_refuses_a_path_that_is_too_long(tmp_path):
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    with pytest.raises(SettingError, match="short enough for a socket in it, 107 bytes"):
        ControlServer(folder, lambda question: {})


def test_server_refuses_a_folder_without_room_for_a_socket(tmp_path):
    with pytest.raises(StoreError, match="must be writable, for the control socket"):
        ControlServer(tmp_path / "missing", lambda question: {})


@pytest.mark.parametrize(
    "question",
    [
        # no JSON
        b"status\n",
        # no object
        b"[1, 2]\n",
        # no text
        b"\xff\xfe\x00\n",
        # too long for one question
        b"x" * LONGEST_QUESTION,
        # nested deeper than the reader goes
        b"[" * (LONGEST_QUESTION - 1) + b"\n",
    ],
)
def test_server_answers_nonsense_with_an_error(tmp_path, server, question):
    answer = json.loads(talk(tmp_path, question))
    assert answer["error"]["rule"].startswith("A question must be a line of JSON of at most 4096")
    assert ask(tmp_path, "status")["place"] == "porch"


def test_server_hangs_up_on_the_silent_and_serves_others(tmp_path, server):
    silent = [connect(tmp_path) for _ in range(12)]
    start_seconds = time.monotonic()
    assert ask(tmp_path, "status", timeout_seconds=10.0)["place"] == "porch"
    assert time.monotonic() - start_seconds < 5.0
    for connection in silent:
        connection.close()


def test_server_survives_a_client_that_leaves(tmp_path, server):
    for _ in range(20):
        with connect(tmp_path) as connection:
            connection.sendall(b'{"command": "status"}\n')
    assert ask(tmp_path, "status")["place"] == "porch"


def test_lock_lets_one_instance_in(tmp_path):
    lock = FolderLock(tmp_path / "memory")
    with pytest.raises(StoreError, match="another one is already running with"):
        FolderLock(tmp_path / "memory")
    lock.close()
    lock.close()
    FolderLock(tmp_path / "memory").close()


def test_lock_needs_a_folder_to_write_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="The store folder must be writable"):
        FolderLock(tmp_path / "file")


def test_outputs_tells_who_listens(outputs):
    told = []
    outputs = Outputs(when_set=lambda name, mode: told.append((name, mode)))
    outputs.own({"door": FakeOutput("door")})
    outputs.set_mode("lock", "door")
    assert told == [("door", "lock")]
    assert [one.mode for one in outputs.statuses()] == ["lock"]


def test_read_status_names_another_version():
    record = write_status(WHOLE)
    assert read_status(record | {"new": 1}) == WHOLE
    del record["outputs"]
    with pytest.raises(NotRunningError, match="of the same version"):
        read_status(record)

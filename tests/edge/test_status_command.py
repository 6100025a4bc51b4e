"""`edge status`: in lines for people and as JSON, from a control socket of this process."""

import json

import pytest

from edge.cli import main
from edge.cli.status import describe_status
from edge.control import Answers, ControlServer, Outputs
from edge.status import ActionStatus, EventStatus, OutputStatus, Status, StoreStatus

WHOLE = Status(
    "porch",
    "live",
    source="rtsp://***@camera/1",
    model="pets",
    uptime_seconds=100_000.0,
    fps=14.2,
    age_ms=31.4,
    label="cat",
    vetoed=frozenset(["let in", "feed"]),
    suspect=frozenset(["let in"]),
    event=EventStatus("cat", 0.97, 1_800_000_000.0, is_over=False),
    outputs=(OutputStatus("door", "open", is_energised=True, is_open=True, trouble="stuck"),),
    actions=(
        ActionStatus("door", "gpio", done=3),
        ActionStatus("tell", "mqtt", done=1, failed=2, dropped=4, waiting=5, trouble="refused"),
    ),
    store=StoreStatus(12, 3_400_000, 5_000_000_000, waiting=6, lost_snapshots=7, trouble="full"),
    celsius=61.7,
    troubles=("under-voltage",),
    is_clock_trusted=True,
)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text('place = "porch"\n')
    (tmp_path / "memory").mkdir()
    return path


@pytest.fixture
def serve(tmp_path, config):
    servers = []

    def serve_it(status=WHOLE, idle_seconds=0.1):
        answers = Answers(lambda: status, lambda: idle_seconds, Outputs())
        servers.append(ControlServer(tmp_path / "memory", answers))

    yield serve_it
    for server in servers:
        server.close()


def call(capsys, *arguments):
    code = main(["status", *map(str, arguments)])
    return code, capsys.readouterr()


def test_status_says_everything_in_lines(capsys, serve, config):
    serve()
    code, captured = call(capsys, "--config", config)
    assert (code, captured.err) == (0, "")
    lines = dict(line.split(None, 1) for line in captured.out.splitlines() if line[0] != " ")
    assert lines["picture"] == "live, cat"
    assert lines["source"] == (
        "rtsp://***@camera/1, model pets: 14.2 frames per second, 31 ms from frame to label, "
        "up 1 d 3 h"
    )
    assert lines["event"].startswith("cat 0.97, 2027-01-1")
    assert lines["event"].endswith("goes on")
    assert lines["veto"] == "holds back feed, let in"
    assert lines["suspect"] == "let in: held back again and again, see edge events list"
    assert lines["door"] == "gpio: 3 done, 0 failed"
    assert "           mode open, open, energised; stuck" in captured.out
    assert lines["tell"] == "mqtt: 1 done, 2 failed, 4 dropped, 5 waiting; refused"
    assert lines["memory"] == ("12 events, 3.4 MB, 5000 MB free, 6 waiting, 7 pictures lost; full")
    assert lines["machine"] == "62 degrees Celsius, under-voltage"
    assert lines["clock"] == "right"


def test_status_leaves_out_what_there_is_not():
    lines = list(describe_status(Status("porch", "offline", reason="unplugged", source="0")))
    assert lines[0] == "picture    offline (unplugged)"
    assert len(lines) == 3


def test_status_is_json_for_machines(capsys, serve, config):
    serve()
    code, captured = call(capsys, "--config", config, "--json")
    record = json.loads(captured.out)
    assert code == 0
    assert (record["place"], record["vetoed"]) == ("porch", ["feed", "let in"])
    assert record["suspect"] == ["let in"]
    assert record["outputs"][0]["trouble"] == "stuck"
    assert record["idle_seconds"] == 0.1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_status_of_a_loop_that_hangs_is_a_failure(capsys, serve, config, options):
    serve(idle_seconds=12.3)
    code, captured = call(capsys, "--config", config, *options)
    assert code == 1
    text = (
        '"idle_seconds": 12.3' if options else "loop       hangs: it has looked at nothing for 12 s"
    )
    assert text in captured.out


def test_status_without_an_instance_is_a_failure(capsys, config):
    code, captured = call(capsys, "--config", config)
    assert (code, captured.out) == (1, "")
    assert "An edge run with this configuration must be running. Received: none" in captured.err


def test_status_needs_a_configuration(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("EDGE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    code, captured = call(capsys)
    assert code == 2
    assert "Name one with --config, or make one with edge init webcam" in captured.err

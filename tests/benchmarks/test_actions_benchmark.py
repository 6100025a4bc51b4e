"""A small run of the benchmark of a hanging action and of an outage."""

import pytest


@pytest.fixture(autouse=True)
def _benchmarks(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")


def test_nothing_is_lost_and_nothing_waits(capsys, monkeypatch):
    import actions

    monkeypatch.setattr("sys.argv", ["actions.py", "--events", "20", "--submits", "500"])
    actions.main()
    _, submits, outage = capsys.readouterr().out.splitlines()
    assert submits.startswith("hand-over to a hanging action: median 0.0")
    assert outage.startswith("webhook without a server, with a restart: 20 events, 0 lost, 0 twice")

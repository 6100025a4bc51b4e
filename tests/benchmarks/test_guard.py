"""A small run of the benchmark that lets faults come over a guarded output."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def _benchmarks(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")


def test_no_schedule_overruns_and_every_death_releases(capsys):
    from guard import FAULTS, run

    run(schedules=60, deaths=6)
    *faults, hits, schedules, alone, both = capsys.readouterr().out.splitlines()
    assert len(faults) == len(FAULTS)
    assert hits.endswith("while the output was energised")
    assert "60 schedules" in schedules
    assert ": 0 overruns of 0.3 + 0.5 s, longest 0." in schedules
    assert "off within 1 s 6 of 6 times" in alone
    assert "off within 2 s 6 of 6 times" in both


def test_every_fault_is_dealt_out():
    """A schedule picks among all of them, so that a thousand have each about two hundred times."""
    from guard import FAULTS

    assert len(FAULTS) == 9
    assert all(fault.__doc__ for fault in FAULTS)

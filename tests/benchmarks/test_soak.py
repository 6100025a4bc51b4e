"""A short run of the benchmark that lets faults come over a whole door."""

import sys

import pytest

from edge.sources.demo.actors import find_photos

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.slow,
]


@pytest.fixture(autouse=True)
def _benchmarks(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")


@pytest.mark.skipif(find_photos() is None, reason="the demo's photos are those of scikit-image")
def test_soak_is_healed_and_holds_as_much_as_before(tmp_path, capsys):
    from soak import FAULTS, LONGEST_SECONDS, SLACK_SECONDS, show, soak

    found = soak(tmp_path, minutes=0.75, fault_seconds=1.0)
    assert len(found.faults) == len(FAULTS) == 6
    assert found.unhealed == []
    assert found.events >= len(FAULTS)
    assert found.worst_seconds < LONGEST_SECONDS + SLACK_SECONDS
    assert found.exit_code == 0
    for what in ("files", "threads", "processes"):
        values = [getattr(one, what) for one in found.settled()]
        assert max(values) - min(values) <= 2, what
    show(found)
    lines = capsys.readouterr().out.splitlines()
    assert "The guard is killed" in lines[0]
    assert "not well again in 30 s: 0" in "\n".join(lines)
    assert lines[-1] == "exit code: 0"


def test_slope_is_that_of_the_line_through_what_was_held():
    from soak import Holdings, Soak

    held = [Holdings(float(hour * 3600), 10**8 + hour * 10**6, 1, 1, 1) for hour in range(24)]
    assert Soak(holdings=held).slope_mb_per_day() == pytest.approx(24.0)
    assert Soak(holdings=held[:1]).slope_mb_per_day() == 0.0

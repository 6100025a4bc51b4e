"""The soak runs, disturbs, and finds what a run holds."""

import os
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def _benchmarks(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")


def test_a_short_soak_with_each_fault_goes_on_to_its_end(tmp_path, capsys):
    import soak

    soak.soak(tmp_path, minutes=0.3, fault_seconds=4.0)
    said = capsys.readouterr().out
    rows = {line.split()[0]: line for line in said.splitlines()}
    assert "5 faults" in rows["slope"]
    assert int(rows["events"].split()[1]) >= 3
    assert "off at the end" in rows["pin"]
    assert float(rows["pin"].split()[3]) <= soak.LONGEST_SECONDS + 0.5
    assert rows["exit"] == "exit    0"


def test_slope_leaves_the_first_fifth_out():
    from soak import SECONDS_PER_DAY, Sample, slope_mb_per_day

    warm_up = [Sample(float(second), 10.0 * second, 1, 1, 1) for second in range(10)]
    after = [Sample(float(s), 90.0 + 2 * s / SECONDS_PER_DAY, 1, 1, 1) for s in range(20, 101)]
    assert slope_mb_per_day([*warm_up, *after]) == pytest.approx(2.0)


def test_a_sample_is_that_of_the_process():
    from soak import take_sample

    before = take_sample(os.getpid(), 1.0)
    with open(os.devnull):  # noqa: PTH123 - a file that is open is what is wanted
        assert take_sample(os.getpid(), 2.0).descriptors == before.descriptors + 1
    assert before.resident_mb > 1

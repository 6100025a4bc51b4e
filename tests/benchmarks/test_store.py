"""The benchmark of the memory runs, and finds what it should, with small numbers."""

from benchmarks import store


def test_kills_lose_no_acknowledged_event(tmp_path):
    text = store.measure_kills(tmp_path, kills=2)
    assert text.startswith("2 kills: 0 of ")
    assert text.endswith("sound 2")


def test_torn_logs_are_survived(tmp_path):
    assert store.measure_torn_logs(tmp_path, cuts=6).endswith("only the tail missing, 6")


def test_retention_stays_below_the_limit(tmp_path):
    assert "over the limit 0 times of 100" in store.measure_retention(tmp_path, days=2)

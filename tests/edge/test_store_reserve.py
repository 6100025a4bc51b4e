"""Room that is kept on the disk."""

import os

from small_disk import mounted

from edge.store.reserve import Reserve


def test_reserve_does_not_fill_the_disk_itself(tmp_path):
    with mounted(tmp_path / "disk", "size=1m") as disk:
        reserve = Reserve(disk.folder / "reserve", 600_000)
        assert not reserve.restore()
        assert not reserve.leaves_room(1)
        assert not (disk.folder / "reserve").exists()


def test_reserve_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert not Reserve(tmp_path / "reserve", 1000).restore()
    assert not (tmp_path / "reserve").exists()


def test_reserve_of_nothing_is_always_whole(tmp_path):
    reserve = Reserve(tmp_path / "reserve", 0)
    assert reserve.is_whole
    assert reserve.leaves_room(10**12)
    assert not reserve.release()

import logging

import pytest
from clips import BLUE, GREEN, RED, write_picture

from edge.errors import SourceError
from edge.sources.folder import PictureFolder
from edge.testing import ManualClock


def test_pictures_come_in_the_order_of_their_names(tmp_path):
    for name, colour in (("b.png", GREEN), ("a.png", RED), ("c/a.png", BLUE)):
        write_picture(tmp_path / name, colour)
    frames = list(iter(PictureFolder(tmp_path, clock=ManualClock(3.0)).read, None))
    assert [int(frame.pixels_bgr[0, 0].argmax()) for frame in frames] == [2, 1, 0]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.time_seconds for frame in frames] == [0.0, 1.0, 2.0]
    assert {frame.captured_seconds for frame in frames} == {3.0}


def test_the_period_can_be_chosen(tmp_path):
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / name)
    source = PictureFolder(tmp_path, period_seconds=0.25)
    assert [frame.time_seconds for frame in iter(source.read, None)] == [0.0, 0.25]


def test_an_unreadable_picture_is_named_and_skipped(tmp_path, caplog):
    write_picture(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_text("<html>404</html>")
    write_picture(tmp_path / "c.png")
    with caplog.at_level(logging.WARNING):
        frames = list(iter(PictureFolder(tmp_path).read, None))
    assert [frame.index for frame in frames] == [0, 1]
    assert len(caplog.messages) == 1
    assert "b.jpg: it holds text (HTML or XML); skipped" in caplog.text


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / ".hidden.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"no picture in it.*jpg, png"):
        PictureFolder(tmp_path)


def test_a_folder_whose_pictures_are_all_unreadable_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    source = PictureFolder(tmp_path)
    with pytest.raises(SourceError, match="none that can be decoded"):
        source.read()


def test_a_picture_that_vanished_is_skipped(tmp_path, caplog):
    write_picture(tmp_path / "a.png")
    gone = write_picture(tmp_path / "b.png")
    source = PictureFolder(tmp_path)
    gone.unlink()
    assert len(list(iter(source.read, None))) == 1
    assert "b.png" in caplog.text


def test_a_folder_that_may_not_be_opened_says_so(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(SourceError, match="Permission denied"):
        PictureFolder(tmp_path)

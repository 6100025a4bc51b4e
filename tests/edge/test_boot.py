import re

import pytest

from edge.boot import read_boot_id


def test_read_boot_id_is_the_same_throughout_a_boot():
    assert re.fullmatch("[0-9a-f]{32}", read_boot_id())
    assert read_boot_id() == read_boot_id()


def test_read_boot_id_as_the_kernel_writes_it(tmp_path):
    (tmp_path / "boot_id").write_text("D8E1F6A0-0001-4c3b-9f00-0123456789ab\n")
    assert read_boot_id(tmp_path / "boot_id") == "d8e1f6a000014c3b9f000123456789ab"


@pytest.mark.parametrize("text", [None, "", "nonsense", "ü", "g" * 32])
def test_read_boot_id_where_the_kernel_does_not_tell(tmp_path, text):
    path = tmp_path / "boot_id"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert read_boot_id(path) == ""

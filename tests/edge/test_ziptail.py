import io
import struct
import time
import zipfile

import pytest

from edge.ziptail import TailError, pack_tail, split_tail

FRONT = b"\x1c\x00\x00\x00TFL3" + bytes(range(256))
MEMBERS = {"labels.txt": b"cat\ndog\n", "manifest.json": b"{}"}


def zipped(front, members, compression=zipfile.ZIP_STORED):
    """Write an archive behind some bytes as Python's own zipfile does."""
    buffer = io.BytesIO(front)
    with zipfile.ZipFile(buffer, "a", compression) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, content, compress_type=compression)
    return buffer.getvalue()


def test_packed_is_what_zipfile_writes():
    assert FRONT + pack_tail(len(FRONT), MEMBERS) == zipped(FRONT, MEMBERS)


def test_packed_is_what_zipfile_reads():
    with zipfile.ZipFile(io.BytesIO(FRONT + pack_tail(len(FRONT), MEMBERS))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS


def test_split_is_the_way_back():
    assert split_tail(FRONT + pack_tail(len(FRONT), MEMBERS)) == (FRONT, MEMBERS)
    assert split_tail(FRONT) == (FRONT, {})


def test_archives_of_others_are_read_too():
    data = zipped(FRONT, MEMBERS, zipfile.ZIP_DEFLATED)
    assert split_tail(data) == (FRONT, MEMBERS)


def lying(data, size_bytes):
    """Let the directory claim another size for its first file."""
    at = data.index(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", size_bytes) + data[at + 28 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        # 64 MB in 64 KB
        (zipped(FRONT, {"labels.txt": bytes(1 << 26)}, zipfile.ZIP_DEFLATED), "over 4 MiB"),
        # the same, claiming to be small
        (lying(zipped(FRONT, {"a": bytes(1 << 26)}, zipfile.ZIP_DEFLATED), 9), "cannot be read"),
        # claiming to be 4 GiB
        (lying(zipped(FRONT, MEMBERS), 0xFFFFFFFE), "over 4 MiB"),
        # many small ones that make a large one
        (zipped(FRONT, {f"{n}.txt": bytes(1 << 18) for n in range(20)}), "over 4 MiB"),
        # more than anybody needs
        (zipped(FRONT, {f"{n}.txt": b"" for n in range(1000)}), "lists 1000 files"),
    ],
)
def test_bombs_are_refused_at_once(data, reason):
    started = time.process_time()
    with pytest.raises(TailError, match=reason):
        split_tail(data)
    assert time.process_time() - started < 1.0


def test_directory_that_is_counted_twice_is_refused():
    """The records of zip64 stand before the end and count more than it says."""
    data = FRONT + pack_tail(len(FRONT), MEMBERS)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(data) - 22, 1)
    with pytest.raises(TailError, match="more than 4 GiB"):
        split_tail(data[:-22] + locator + data[-22:])


def test_end_within_the_end_is_not_taken_for_it():
    """The directory's place in the file may read like the mark of the end."""
    tail = bytearray(pack_tail(0, dict.fromkeys(map(str, range(1000)), b"")))
    tail[-6:-2] = b"PK\x05\x06"
    with pytest.raises(TailError, match="lists 1000 files"):
        split_tail(bytes(tail))


def test_name_twice_is_refused():
    first = pack_tail(len(FRONT), MEMBERS)
    doubled = first.replace(b"manifest.json", b"labels.txt\0\0\0")
    with pytest.raises(TailError, match=r"stands twice|cannot be read"):
        split_tail(FRONT + doubled)

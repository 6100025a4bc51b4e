"""A file over HTTP comes whole, whatever connection and server do; loopback only."""

import json
import urllib.request
from dataclasses import replace
from email.message import Message

import pytest
from archive_server import Archive, serve
from archives import SHA256, ZIP, Silent, check_whole, get

from edge.errors import DataError
from edge.testing import ManualClock
from train.data.catalogue import CATALOGUE, SPECIES
from train.data.download import StayEncrypted
from train.data.fetch import fetch


def test_cut_connection_is_resumed_from_where_it_broke(tmp_path):
    archive = Archive(ZIP, cuts=[5_000, 7_000, 0, 1])
    get(archive, tmp_path / "photos")
    check_whole(tmp_path / "photos")
    asked = [(request.get("Range"), request.get("If-Range")) for request in archive.requests]
    assert asked == [
        (None, None),
        ("bytes=5000-", '"one"'),
        ("bytes=12000-", '"one"'),
        ("bytes=12000-", '"one"'),  # nothing came in between
        ("bytes=12001-", '"one"'),
    ]


def test_download_goes_on_in_the_next_call(tmp_path):
    with pytest.raises(DataError, match=r"arrive in full.*9,000 bytes.*goes on where it stopped"):
        get(Archive(ZIP, cuts=[9_000] + [0] * 30), tmp_path / "photos")
    assert not (tmp_path / "photos").exists()
    (part,) = tmp_path.glob("photos.download/*.part")
    note = part.with_name(part.name + ".json")
    archive = Archive(ZIP)
    with serve(archive) as address:  # another port: the note must name the address that is asked
        url = f"{address}/{CATALOGUE['cats-vs-dogs'].file_name}"
        note.write_text(json.dumps({**json.loads(note.read_text()), "url": url}))
        data_set = replace(CATALOGUE["cats-vs-dogs"], url=url, sha256=SHA256, size_bytes=len(ZIP))
        fetch(
            data_set,
            tmp_path / "photos",
            grouping=SPECIES,
            clock=ManualClock(),
            progress=Silent(),
        )
    check_whole(tmp_path / "photos")
    assert [request.get("Range") for request in archive.requests] == ["bytes=9000-"]


def test_part_of_another_address_is_not_gone_on_with(tmp_path):
    with pytest.raises(DataError):
        get(Archive(b"\0" * len(ZIP), cuts=[9_000] + [0] * 30), tmp_path / "photos")
    get(Archive(ZIP), tmp_path / "photos")  # another port is another address
    check_whole(tmp_path / "photos")


def test_changed_archive_is_fetched_anew(tmp_path):
    """The server answers a range for another version with the whole, as If-Range asks."""
    archive = Archive(b"\0" * len(ZIP), cuts=[9_000])

    class Changing(Silent):
        def show(self, stage, *, done, total):
            super().show(stage, done=done, total=total)
            archive.content, archive.etag = ZIP, '"two"'

    with serve(archive) as address:
        known = CATALOGUE["cats-vs-dogs"]
        data_set = replace(
            known, url=f"{address}/{known.file_name}", sha256=SHA256, size_bytes=len(ZIP)
        )
        fetch(
            data_set,
            tmp_path / "photos",
            grouping=SPECIES,
            clock=ManualClock(),
            progress=Changing(),
        )
    check_whole(tmp_path / "photos")


@pytest.mark.parametrize(
    "trouble",
    [
        {"knows_ranges": False, "cuts": [9_000]},  # the whole again
        {"etag": "", "cuts": [9_000]},  # nothing to tell versions by, but a known checksum
        {"etag": 'W/"weak"', "cuts": [9_000]},
        {"statuses": [503, 500, 429]},
        {"has_length": False, "cuts": [9_000]},  # the known size tells
    ],
    ids=str,
)
def test_trouble_on_the_way_is_overcome(tmp_path, trouble):
    get(Archive(ZIP, **trouble), tmp_path / "photos")
    check_whole(tmp_path / "photos")


@pytest.mark.parametrize("trouble", [{"etag": ""}, {"etag": 'W/"weak"'}], ids=str)
def test_part_without_version_or_checksum_is_fetched_anew(tmp_path, trouble):
    archive = Archive(ZIP, cuts=[9_000], **trouble)
    get(archive, tmp_path / "photos", sha256=None, size_bytes=None)
    check_whole(tmp_path / "photos")
    assert [request.get("Range") for request in archive.requests] == [None, None]


LYING = [
    # announces more than it has: cut for ever
    (Archive(ZIP, lie=100), None, r"arrive in full"),
    # announces less than it has, and nobody knows better: what came is no whole zip
    (Archive(ZIP, lie=-100), None, r"whole and safe.*damaged"),
    # the same with a known size
    (Archive(ZIP, lie=-100), len(ZIP), r"lead to the archive of .* bytes"),
    (Archive(ZIP, lie=100), len(ZIP), r"lead to the archive of .* bytes"),
    # answers another range than asked for
    (Archive(ZIP, cuts=[9_000], shift=3), len(ZIP), r"arrive in full.*another range"),
    # says nothing and closes: a break could not be told from the end
    (Archive(ZIP, has_length=False, cuts=[9_000]), None, r"say how long"),
    # a login page
    (Archive(b"<html>", content_type="text/html"), None, r"login page"),
    # another file of the same length
    (Archive(ZIP[:-1] + b"\1"), len(ZIP), r"known under its address"),
    # something else altogether
    (Archive(b"no zip at all"), None, r"whole and safe.*damaged"),
    (Archive(ZIP, statuses=[404]), None, r"must hand it out.*404"),
    (Archive(ZIP, statuses=[302], location="file:///etc/passwd"), None, r"302 .*not allowed"),
    (Archive(ZIP, statuses=[503] * 30), None, r"arrive in full.*503"),
]


@pytest.mark.parametrize(
    ("archive", "size_bytes", "message"), LYING, ids=lambda value: str(value)[:9]
)
def test_server_that_lies_brings_nothing(tmp_path, archive, size_bytes, message):
    sha256 = SHA256 if size_bytes else None
    with pytest.raises(DataError, match=message):
        get(archive, tmp_path / "photos", sha256=sha256, size_bytes=size_bytes)
    assert not (tmp_path / "photos").exists()
    assert [p.name for p in tmp_path.rglob("*.zip")] == []


def test_login_page_does_not_cost_what_has_arrived(tmp_path):
    archive = Archive(ZIP, cuts=[9_000] + [0] * 30)
    with pytest.raises(DataError):
        get(archive, tmp_path / "photos")
    with pytest.raises(DataError, match="login page"):
        get(Archive(b"<html>", content_type="text/html"), tmp_path / "photos")
    (part,) = tmp_path.glob("photos.download/*.part")
    assert part.stat().st_size == 9_000


def test_redirection_never_gives_up_encryption():
    request = urllib.request.Request("https://example.org/a.zip")
    with pytest.raises(DataError, match="must stay encrypted"):
        StayEncrypted().redirect_request(request, None, 302, "Found", {}, "http://example.org/b")
    followed = StayEncrypted().redirect_request(
        request, None, 302, "Found", Message(), "https://example.org/b"
    )
    assert followed.full_url == "https://example.org/b"


def test_no_server_is_said(tmp_path):
    with serve(Archive(ZIP)) as address:
        pass
    data_set = replace(CATALOGUE["cats-vs-dogs"], url=f"{address}/a.zip")
    clock = ManualClock()
    with pytest.raises(DataError, match=r"0 bytes of .*no connection"):
        fetch(data_set, tmp_path / "photos", grouping=SPECIES, clock=clock, progress=Silent())
    assert clock.monotonic() > 10  # it was patient

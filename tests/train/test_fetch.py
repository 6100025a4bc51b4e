"""A public data set comes whole, verified and safely, or it does not come; loopback only."""

import gzip
import hashlib
import io
import json
import stat
import tarfile
import urllib.request
import zipfile
from dataclasses import replace
from email.message import Message
from pathlib import PurePosixPath

import numpy as np
import pytest
from archive_server import Archive, serve
from PIL import Image
from textures import draw_texture

from edge import cli
from edge.errors import CatseyeError, DataError, SettingError
from edge.testing import ManualClock
from train.data import catalogue
from train.data.catalogue import BREED, CATALOGUE, SPECIES, find_data_set
from train.data.download import StayEncrypted
from train.data.fetch import FIRST_USE, KNOWN, REMEMBERED, SOURCE_NAME, fetch
from train.data.unpack import Limits, check_path, unpack
from train.folder import find_photos


class Silent:
    def show(self, stage, *, done, total):
        assert 0 <= done <= (total or done), stage


def jpeg(seed):
    content = io.BytesIO()
    pixels = draw_texture("dots" if seed % 2 else "stripes", np.random.default_rng(seed))
    Image.fromarray(pixels).save(content, "JPEG")
    return content.getvalue()


def cats_vs_dogs_zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("PetImages/", "")
        for number in range(12):
            archive.writestr(f"PetImages/Cat/{number}.jpg", jpeg(2 * number))
            archive.writestr(f"PetImages/Dog/{number}.jpg", jpeg(2 * number + 1))
        archive.writestr("PetImages/Cat/Thumbs.db", b"thumbs")
        archive.writestr("PetImages/Cat/666.jpg", b"")  # empty in the original as well
        archive.writestr("readme[1].txt", "about")
        archive.writestr("MSR-LA - 3467.docx", "licence")
    return content.getvalue()


def oxford_pets_tar(names=("Abyssinian_1", "Abyssinian_2", "beagle_1", "basset_hound_10")):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name in (*(f"images/{name}.jpg" for name in names), "images/Abyssinian_100.mat"):
            entry = tarfile.TarInfo(name)
            picture = jpeg(len(name))
            entry.size = len(picture)
            archive.addfile(entry, io.BytesIO(picture))
    return content.getvalue()


ZIP = cats_vs_dogs_zip()
SHA256, SIZE = hashlib.sha256(ZIP).hexdigest(), len(ZIP)


def get(archive, output, *, name="cats-vs-dogs", sha256=SHA256, size_bytes=SIZE, grouping=None):
    """Fetch from a server that has the archive."""
    with serve(archive) as address:
        known = CATALOGUE[name]
        data_set = replace(
            known, url=f"{address}/{known.file_name}", sha256=sha256, size_bytes=size_bytes
        )
        return fetch(
            data_set,
            output,
            grouping=grouping or data_set.groupings[0],
            clock=ManualClock(),
            progress=Silent(),
        )


def files_under(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def check_whole(output):
    counts = json.loads((output / SOURCE_NAME).read_text())["counts"]
    assert counts == {"cat": 13, "dog": 12}
    assert (output / "dog/3.jpg").read_bytes() == jpeg(7)
    assert [path.name for path in output.parent.iterdir()] == [output.name]  # nothing left beside


def test_cats_vs_dogs_is_laid_out_for_training(tmp_path):
    fetched = get(Archive(ZIP), tmp_path / "photos")
    check_whole(tmp_path / "photos")
    assert fetched.record["checksum"] == KNOWN
    assert fetched.record["left_out"] == 1  # Thumbs.db
    assert (tmp_path / "photos/MSR-LA - 3467.docx").read_text() == "licence"
    photos = find_photos(tmp_path / "photos")
    assert photos.labels == ("cat", "dog")
    assert len(photos.files) == 25


@pytest.mark.parametrize(
    ("grouping", "counts"),
    [
        (SPECIES, {"cat": 2, "dog": 2}),
        (BREED, {"Abyssinian": 2, "basset hound": 1, "beagle": 1}),
    ],
)
def test_oxford_pets_is_laid_out_by_species_or_breed(tmp_path, grouping, counts):
    content = oxford_pets_tar()
    archive = Archive(content, content_type="application/x-gzip")
    fetched = get(
        archive,
        *(tmp_path / "pets",),
        name="oxford-pets",
        grouping=grouping,
        sha256=None,
        size_bytes=None,
    )
    assert fetched.record["counts"] == counts
    assert set(find_photos(tmp_path / "pets").labels) == set(counts)


def test_fetch_again_finds_what_is_there_and_asks_nobody(tmp_path):
    get(Archive(ZIP), tmp_path / "photos")
    silent = Archive(b"")
    fetched = get(silent, tmp_path / "photos")
    assert not fetched.is_new
    assert silent.requests == []


def test_folder_with_something_else_is_never_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"new or empty folder.*something else"):
        get(Archive(ZIP), tmp_path)
    assert files_under(tmp_path) == ["thesis.txt"]


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


def test_checksum_is_remembered_on_first_use_and_held_to(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    archive = Archive(ZIP)
    with serve(archive) as address:
        known = CATALOGUE["cats-vs-dogs"]
        data_set = replace(known, url=f"{address}/{known.file_name}", sha256=None, size_bytes=None)

        def bring(name):
            return fetch(
                data_set,
                tmp_path / name,
                grouping=SPECIES,
                clock=ManualClock(),
                progress=Silent(),
            ).record["checksum"]

        assert bring("one") == FIRST_USE
        assert bring("two") == REMEMBERED
        archive.content = cats_vs_dogs_zip()[:-22] + ZIP[-22:-1] + b"\1"
        with pytest.raises(DataError, match=r"known under its address.*archives\.json"):
            bring("three")
    assert not (tmp_path / "three").exists()


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


def zip_with(name, content=b"x", *, mode=0, copies=1):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for _ in range(copies):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return made.getvalue()


def tar_with(name, *, kind=tarfile.REGTYPE, size=1):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        entry.size = size if kind == tarfile.REGTYPE else 0
        archive.addfile(entry, io.BytesIO(b"\0" * size))
    return made.getvalue()


UNSAFE = [
    ("a.zip", zip_with("../evil.jpg"), "leads elsewhere"),
    ("a.zip", zip_with("/evil.jpg"), "leads elsewhere"),
    ("a.zip", zip_with("a\\..\\evil.jpg"), "leads elsewhere"),
    ("a.zip", zip_with("c:evil.jpg"), "leads elsewhere"),
    ("a.zip", zip_with("PetImages/Cat/1.jpg", b"/etc", mode=stat.S_IFLNK | 0o777), "link"),
    ("a.zip", zip_with("PetImages/Cat/1.jpg", bytes(2_000_000)), "more than it should"),
    ("a.zip", b"PK" + bytes(100), "damaged"),
    ("a.tar.gz", tar_with("../evil.jpg"), "leads elsewhere"),
    ("a.tar.gz", tar_with("/evil.jpg"), "leads elsewhere"),
    ("a.tar.gz", tar_with("images/pug_1.jpg", kind=tarfile.SYMTYPE), "link"),
    ("a.tar.gz", tar_with("images/pug_1.jpg", kind=tarfile.LNKTYPE), "link"),
    ("a.tar.gz", tar_with("images/pug_1.jpg", kind=tarfile.CHRTYPE), "device"),
    ("a.tar.gz", tar_with("elsewhere/zeros", size=2_000_000), "more than it should"),
    ("a.tar.gz", oxford_pets_tar()[:-200], "damaged"),
    ("a.tar.gz", gzip.compress(b"no tar"), "damaged"),
    ("a.tar.gz", oxford_pets_tar(names=("pug_1", "pug_1")), "twice"),
    ("a.tar.gz", oxford_pets_tar(names=("pug_1", "pug_2")), "does not hold the folders"),
]


@pytest.mark.parametrize(("name", "content", "reason"), UNSAFE, ids=lambda value: str(value)[:9])
def test_unsafe_or_damaged_archive_is_refused(tmp_path, name, content, reason):
    archive = tmp_path / "in" / name
    archive.parent.mkdir()
    archive.write_bytes(content)
    place = catalogue.place_cats_vs_dogs if name.endswith("zip") else catalogue.place_oxford_pets
    with pytest.raises(DataError, match=rf"whole and safe.*{reason}"):
        unpack(
            archive,
            tmp_path / "out",
            place=lambda path: place(path, SPECIES),
            limits=Limits(members=10, total_bytes=1_000_000),
        )
    assert not list(tmp_path.rglob("evil*"))


def test_too_many_members_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(ZIP)
    with pytest.raises(DataError, match="more than 10 members"):
        unpack(
            tmp_path / "a.zip", tmp_path / "out", place=lambda _: None, limits=Limits(members=10)
        )


def test_damaged_archive_is_fetched_again_and_not_refused_for_ever(tmp_path):
    with pytest.raises(DataError, match="damaged"):
        get(Archive(b"PK" + bytes(500)), tmp_path / "photos", sha256=None, size_bytes=None)
    get(Archive(ZIP), tmp_path / "photos")
    check_whole(tmp_path / "photos")


def test_path_that_stays_inside_is_taken():
    assert check_path("PetImages/Cat/1.jpg") == PurePosixPath("PetImages/Cat/1.jpg")


def test_catalogue_is_what_the_sources_publish():
    for name, data_set in CATALOGUE.items():
        assert data_set.name == name
        assert data_set.url.startswith("https://")
        assert len(data_set.sha256) == 64
    with pytest.raises(SettingError, match=r"one of cats-vs-dogs, oxford-pets"):
        find_data_set("cifar10")


@pytest.fixture
def local_catalogue(monkeypatch):
    """The catalogue with a small archive on loopback."""
    with serve(Archive(ZIP)) as address:
        known = CATALOGUE["cats-vs-dogs"]
        local = replace(
            known, url=f"{address}/{known.file_name}", sha256=SHA256, size_bytes=len(ZIP)
        )
        monkeypatch.setitem(CATALOGUE, "cats-vs-dogs", local)
        yield local


def test_command_shows_licence_and_citation(capfd, tmp_path, local_catalogue):
    assert cli.main(["data", "fetch", "cats-vs-dogs", "-o", str(tmp_path / "photos")]) == 0
    said = capfd.readouterr()
    assert "cat" in said.out
    assert "25 photos" in said.out
    assert local_catalogue.licence in said.err
    assert local_catalogue.citation in said.err


def test_command_reports_as_json(capfd, tmp_path, local_catalogue):
    arguments = ["data", "fetch", "cats-vs-dogs", "-o", str(tmp_path / "photos"), "--json"]
    assert cli.main(arguments) == 0
    (line,) = capfd.readouterr().out.splitlines()
    record = json.loads(line)
    assert record["path"] == str(tmp_path / "photos")
    assert record["is_new"] is True
    assert record["sha256"] == local_catalogue.sha256
    assert record["counts"] == {"cat": 13, "dog": 12}


def test_command_refuses_what_it_does_not_know(capfd, tmp_path):
    assert cli.main(["data", "fetch", "mnist", "-o", str(tmp_path / "photos")]) == 2
    wrong = ["data", "fetch", "cats-vs-dogs", "--by", "breed", "-o", str(tmp_path / "photos")]
    assert cli.main(wrong) == 2
    assert "--by must be one of species" in capfd.readouterr().err
    assert issubclass(SettingError, CatseyeError)

"""An archive is unpacked whole and into its own folder, or refused."""

import gzip
import io
import stat
import tarfile
import zipfile
from pathlib import PurePosixPath

import pytest
from archives import ZIP, oxford_pets_tar

from edge.errors import DataError
from train.data import catalogue
from train.data.catalogue import SPECIES
from train.data.unpack import Limits, check_path, unpack


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


def test_path_that_stays_inside_is_taken():
    assert check_path("PetImages/Cat/1.jpg") == PurePosixPath("PetImages/Cat/1.jpg")

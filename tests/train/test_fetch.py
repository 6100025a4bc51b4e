"""A public data set comes whole, verified and safely, or it does not come; loopback only."""

import json
from dataclasses import replace

import pytest
from archive_server import Archive, serve
from archives import SHA256, ZIP, Silent, cats_vs_dogs_zip, check_whole, get, oxford_pets_tar

from edge import cli
from edge.errors import CatseyeError, DataError, SettingError
from edge.testing import ManualClock
from train.data.catalogue import BREED, CATALOGUE, SPECIES, find_data_set
from train.data.fetch import FIRST_USE, KNOWN, REMEMBERED, fetch
from train.folder import find_photos


def files_under(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


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


def test_damaged_archive_is_fetched_again_and_not_refused_for_ever(tmp_path):
    with pytest.raises(DataError, match="damaged"):
        get(Archive(b"PK" + bytes(500)), tmp_path / "photos", sha256=None, size_bytes=None)
    get(Archive(ZIP), tmp_path / "photos")
    check_whole(tmp_path / "photos")


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

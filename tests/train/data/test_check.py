"""`edge data check` names everything that is wrong, with the reason, and changes nothing."""

import hashlib
import json
import os
import shutil
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from textures import write_textures

from edge.cli import main


def png_header(width, height):
    fields = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I4s", len(fields), b"IHDR") + fields
    chunk += struct.pack(">I", zlib.crc32(b"IHDR" + fields))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I4s", 0, b"IEND") + b"\xaeB`\x82"


def check(capfd, folder, *options):
    code = main(["data", "check", str(folder), "--json", *options])
    captured = capfd.readouterr()
    return code, json.loads(captured.out), captured.err


def state_of(folder):
    return {
        path: (path.lstat().st_mtime_ns, path.is_file() and hashlib.sha256(path.read_bytes()))
        for path in folder.rglob("*")
        if not path.is_file()
    } | {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def photos(tmp_path):
    return write_textures(tmp_path / "photos", count=30, labels=("dots", "stripes"))


BAD = {
    "empty.jpg": (b"", "empty", "the file is empty"),
    "page.jpg": (b"<html>404</html>", "no picture inside", "it holds text (HTML or XML)"),
    "text.jpg": (b"moved to the attic\n", "no picture inside", "it holds text"),
    "noise.jpg": (bytes(range(256)), "no picture inside", "no picture format known here"),
    "large.png": (png_header(9000, 9000), "too large", "it has 9000x9000"),
    "bomb.png": (png_header(60000, 60000), "too large", "it has far more, as a"),
    "photo.heic": (b"\0\0\0\x18ftypheic" + bytes(16), "unknown format", "convert it to JPEG"),
    "photo.dat": (b"\xff\xd8\xff" + bytes(16), "wrong extension", "holds JPEG but is named .dat"),
}


@pytest.mark.parametrize("name", BAD)
def test_check_names_files_that_cannot_be_used(photos, capfd, name):
    content, kind, reason = BAD[name]
    (photos / "dots" / name).write_bytes(content)
    before = state_of(photos)
    code, report, _ = check(capfd, photos)
    (finding,) = report["findings"]
    assert (finding["path"], finding["kind"]) == (f"dots/{name}", kind)
    assert reason in finding["reason"]
    assert str(photos) not in finding["reason"]
    assert finding["is_bad"]
    assert (code, report["is_passed"], report["bad"]) == (0, True, 1)
    assert state_of(photos) == before


def test_check_names_truncated_files(photos, capfd):
    for number in range(2):
        path = photos / f"dots/00{number}.png"
        path.write_bytes(path.read_bytes()[: 700 + number])
    _, report, _ = check(capfd, photos)
    assert {f["path"] for f in report["findings"] if f["kind"] == "truncated"} == {
        "dots/000.png",
        "dots/001.png",
    }
    assert report["labels"][0]["usable"] == 28


PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8))


def encode_deep_colours(width, height):
    """Return a PNG file with 16 bits per colour, which Pillow reads but does not write."""
    values = np.random.default_rng(4).integers(0, 2**16, (height, width, 3)).astype(">u2")
    done, deep = cv2.imencode(".png", values.astype(np.uint16))
    assert done
    return deep.tobytes()


def write_odd(folder):
    PICTURE.save(folder / "named.png", "JPEG")
    others = [Image.new("RGB", PICTURE.size, colour) for colour in ("red", "blue")]
    PICTURE.save(folder / "moving.webp", save_all=True, append_images=others)
    Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40).save(folder / "deep.png")
    (folder / "deep_colours.png").write_bytes(encode_deep_colours(40, 40))
    PICTURE.convert("CMYK").save(folder / "inks.jpg")
    PICTURE.rotate(180).convert("P").save(folder / "few.png")
    PICTURE.transpose(Image.Transpose.TRANSPOSE).convert("RGBA").save(folder / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    PICTURE.rotate(90).save(folder / "turned.jpg", exif=exif)


def test_check_names_what_is_stored_in_an_unusual_way(photos, capfd):
    write_odd(photos / "dots")
    code, report, _ = check(capfd, photos)
    found = {(f["path"], f["kind"]) for f in report["findings"]}
    assert found == {
        ("dots/named.png", "wrong extension"),
        ("dots/moving.webp", "animation"),
        ("dots/deep.png", "16 bit"),
        ("dots/deep_colours.png", "16 bit"),
        ("dots/inks.jpg", "CMYK"),
        ("dots/few.png", "palette"),
        ("dots/clear.png", "transparent"),
        ("dots/turned.jpg", "turned"),
    }
    assert (code, report["bad"]) == (0, 0)


def test_check_names_links_hidden_files_and_strangers(photos, tmp_path, capfd):
    outside = tmp_path / "elsewhere.png"
    shutil.copy(photos / "dots/000.png", outside)
    (photos / "dots/out.png").symlink_to(outside)
    (photos / "dots/in.png").symlink_to("001.png")
    (photos / "dots/dead.png").symlink_to("nowhere.png")
    (photos / "dots/round").symlink_to("..")
    (photos / ".DS_Store").write_bytes(b"x")
    (photos / "dots/Thumbs.db").write_bytes(b"x")
    (photos / "notes.txt").write_text("notes")
    shutil.copy(photos / "dots/002.png", photos / "lost.png")
    _, report, _ = check(capfd, photos)
    kinds = {f["path"]: (f["kind"], f["is_bad"]) for f in report["findings"]}
    assert kinds == {
        "dots/out.png": ("link outside", False),
        "dots/dead.png": ("dead link", True),
        "dots/round": ("folder link", False),
        ".DS_Store": ("hidden", False),
        "dots/Thumbs.db": ("hidden", False),
        "notes.txt": ("no picture", False),
        "lost.png": ("outside labels", False),
    }


def test_check_leaves_the_folders_of_a_network_drive_alone(photos, capfd):
    for name in ("@eaDir/dots/000.png", "dots/@eaDir/000.png/THUMB_XL.png", "#recycle/9.png"):
        (photos / name).parent.mkdir(parents=True)
        shutil.copy(photos / "stripes/000.png", photos / name)
    code, report, _ = check(capfd, photos)
    assert code == 0
    assert {count["label"]: count["files"] for count in report["labels"]} == {
        "dots": 30,
        "stripes": 30,
    }
    assert {(f["path"], f["kind"]) for f in report["findings"]} == {
        ("@eaDir", "hidden"),
        ("dots/@eaDir", "hidden"),
        ("#recycle", "hidden"),
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_check_names_unreadable_files_and_folders(photos, capfd):
    (photos / "dots/000.png").chmod(0)
    (photos / "dots/closed").mkdir(mode=0)
    _, report, _ = check(capfd, photos)
    found = {f["path"]: (f["kind"], f["reason"]) for f in report["findings"]}
    assert found["dots/000.png"] == ("unreadable", "Permission denied")
    assert found["dots/closed"][0] == "unreadable"
    assert "cannot be looked into (Permission denied)" in found["dots/closed"][1]


def test_check_names_what_the_system_will_not_open(photos, capfd, monkeypatch):
    """As above, for those who may read everything."""
    closed, real_scan = photos / "dots/closed", os.scandir
    closed.mkdir()
    (closed / "inside.png").write_bytes((photos / "dots/000.png").read_bytes())

    def scan(path="."):
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(closed))
        return real_scan(path)

    monkeypatch.setattr(os, "scandir", scan)
    _, report, _ = check(capfd, photos)
    (finding,) = [f for f in report["findings"] if f["path"] == "dots/closed"]
    assert (finding["kind"], finding["is_bad"]) == ("unreadable", True)
    assert "cannot be looked into (Permission denied)" in finding["reason"]


def test_check_finds_copies_near_copies_and_named_groups(photos, capfd):
    shutil.copy(photos / "dots/000.png", photos / "dots/copy.png")
    write_odd(photos / "dots")
    shutil.copy(photos / "dots/named.png", photos / "dots/b.png")
    PICTURE.resize((90, 90)).save(photos / "stripes/twin.jpg", quality=80)
    _, report, _ = check(capfd, photos, "--group-by", r"stripes/(00)")
    groups = {group["kind"]: group for group in report["groups"]}
    assert groups["identical"]["paths"] == ["dots/000.png", "dots/copy.png"]
    assert {"dots/named.png", "stripes/twin.jpg"} <= set(groups["similar"]["paths"])
    assert groups["similar"]["labels"] == ["dots", "stripes"]
    assert groups["named"]["name"] == "00"
    assert len(groups["named"]["paths"]) == 10
    assert any("lie in two labels" in problem for problem in report["problems"])
    dots, stripes = report["labels"]
    assert (stripes["label"], stripes["different"], stripes["independent"]) == ("stripes", 31, 22)
    assert dots["different"] == dots["files"] - 2


def test_check_fails_when_more_than_5_percent_are_bad(photos, capfd):
    for number in range(3):
        (photos / f"dots/bad{number}.jpg").write_bytes(b"")
    code, report, _ = check(capfd, photos)
    assert code == 0  # 3 of 63
    (photos / "dots/bad3.jpg").write_bytes(b"")
    code, report, _ = check(capfd, photos)
    assert code == 1
    assert report["problems"][0] == "4 of 64 files cannot be used, more than 5 %."


def test_check_counts_what_a_telephone_has_stored_as_files(photos, capfd):
    for number in range(90):
        (photos / f"dots/{number}.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(16))
    code, report, _ = check(capfd, photos)
    assert (code, report["bad"]) == (1, 90)
    assert report["problems"][0] == "90 of 150 files cannot be used, more than 5 %."


def test_check_names_all_labels_with_few_photos_in_one_sentence(photos, capfd):
    _, report, _ = check(capfd, photos)
    assert report["problems"] == [
        "Few different photos: dots (30), stripes (30); 100 or more of each label make a result "
        "that can be relied on."
    ]


@pytest.mark.parametrize("pattern", [r"hosue(\d+)", "", "x*"])
def test_check_refuses_a_pattern_that_names_no_photo(photos, capfd, pattern):
    assert main(["data", "check", str(photos), "--group-by", pattern]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "finds nothing in any of 60 paths. Write it for paths such as dots/000.png" in said.err


def test_check_fails_when_a_label_has_too_few(photos, capfd):
    (photos / "few").mkdir()
    for number in range(12):
        shutil.copy(photos / "dots/000.png", photos / f"few/{number}.png")
    code, report, _ = check(capfd, photos)
    assert code == 1
    assert "few has 1 different photos that can be used; at least 10" in report["problems"][0]


def test_check_says_what_is_wrong_with_the_folders(photos, capfd):
    shutil.copytree(photos / "dots", photos / "Dots")
    (photos / "void").mkdir()
    code, report, _ = check(capfd, photos)
    assert code == 1
    assert {(f["path"], f["kind"]) for f in report["findings"]} == {("dots", "case twin")}
    assert any("no picture in" in problem for problem in report["problems"])


def test_check_mentions_imbalance_and_leaks_but_passes(tmp_path, capfd):
    photos = tmp_path / "photos"
    write_textures(photos / "train", count=30, labels=("dots", "stripes"))
    write_textures(photos / "val", count=12, labels=("dots", "stripes"), seed=9)
    write_textures(photos / "train", count=150, labels=("stripes",), seed=3)
    shutil.copy(photos / "train/dots/000.png", photos / "val/dots/leak.png")
    code, report, _ = check(capfd, photos)
    assert code == 0
    text = "\n".join(report["problems"])
    assert "stripes has 162 photos and dots 43" in text
    assert "groups of photos that belong together lie in two parts" in text


def test_check_writes_a_table_for_people(photos, capfd):
    (photos / "dots/page.jpg").write_text("<html>")
    assert main(["data", "check", str(photos)]) == 0
    out = capfd.readouterr().out
    assert "no picture inside" in out
    assert out.splitlines()[-1] == f"{photos}: passed; 1 files cannot be used"
    assert "--json lists all" not in out
    for number in range(4):
        (photos / f"dots/{number}.txt").write_text("a note")
    assert main(["data", "check", str(photos)]) == 0
    assert "There are more than are shown; --json lists all" in capfd.readouterr().out


def test_check_refuses_a_missing_folder(tmp_path, capfd):
    assert main(["data", "check", str(tmp_path / "absent")]) == 1
    assert "which is not there" in capfd.readouterr().err

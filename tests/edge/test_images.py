import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from edge.errors import PictureError
from edge.images import list_pictures, read_picture

# 24x16: red above green on the left, blue above white on the right.
WIDTH, HEIGHT = 24, 16
QUADRANTS_RGB = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
QUADRANTS_RGB[:8, :12] = (255, 0, 0)
QUADRANTS_RGB[8:, :12] = (0, 255, 0)
QUADRANTS_RGB[:8, 12:] = (0, 0, 255)
QUADRANTS_RGB[8:, 12:] = (255, 255, 255)
QUADRANTS_BGR = QUADRANTS_RGB[:, :, ::-1]
PICTURE = Image.fromarray(QUADRANTS_RGB)
CENTRES = [(4, 6), (12, 6), (4, 18), (12, 18)]  # row, column of each quadrant's middle


def save(path, picture, **options):
    picture.save(path, **options)
    return path


def png_header(width, height):
    """Return a PNG that declares a size and holds next to nothing."""
    fields = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I4s", len(fields), b"IHDR") + fields
    chunk += struct.pack(">I", zlib.crc32(b"IHDR" + fields))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I4s", 0, b"IEND") + b"\xaeB`\x82"


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.jpg", {"quality": 95}, 6),
        ("a.jpeg", {"quality": 95, "progressive": True}, 6),
        ("a.png", {}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("a.bmp", {}, 0),
        ("a.gif", {}, 0),
        ("a.tif", {"compression": "tiff_lzw"}, 0),
        ("a.ppm", {}, 0),
    ],
)
def test_formats_give_the_same_pixels(tmp_path, name, options, tolerance):
    pixels_bgr = read_picture(save(tmp_path / name, PICTURE, **options))
    assert pixels_bgr.shape == (HEIGHT, WIDTH, 3)
    assert pixels_bgr.dtype == np.uint8
    assert pixels_bgr.flags.c_contiguous
    for row, column in CENTRES:
        off = np.abs(pixels_bgr[row, column].astype(int) - QUADRANTS_BGR[row, column])
        assert off.max() <= tolerance


def test_content_decides_not_the_suffix(tmp_path):
    path = tmp_path / "photo.jpg"
    PICTURE.save(path, format="PNG")
    np.testing.assert_array_equal(read_picture(path), QUADRANTS_BGR)


@pytest.mark.parametrize("mode", ["P", "RGBA", "RGBX"])
def test_modes_with_colour_keep_it(tmp_path, mode):
    suffix = "tif" if mode == "RGBX" else "png"
    path = save(tmp_path / f"a.{suffix}", PICTURE.convert(mode))
    np.testing.assert_array_equal(read_picture(path), QUADRANTS_BGR)


@pytest.mark.parametrize(
    ("mode", "value", "expected"), [("L", 90, 90), ("1", 1, 255), ("LA", (90, 255), 90)]
)
def test_grey_becomes_three_equal_channels(tmp_path, mode, value, expected):
    path = save(tmp_path / "a.png", Image.new(mode, (5, 4), value))
    np.testing.assert_array_equal(read_picture(path), np.full((4, 5, 3), expected, np.uint8))


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (257, 1), (40_000, 156), (65_535, 255), (100, 0)]
)
def test_sixteen_bit_is_scaled_not_clipped(tmp_path, value, expected):
    values = np.full((4, 5), value, np.uint16)
    path = save(tmp_path / "a.png", Image.fromarray(values))
    np.testing.assert_array_equal(read_picture(path), np.full((4, 5, 3), expected, np.uint8))


def test_sixteen_bit_tiff_is_scaled(tmp_path):
    values = np.full((4, 5), 40_000, np.uint16)
    path = save(tmp_path / "a.tif", Image.fromarray(values))
    assert set(read_picture(path).flat) == {156}


def test_transparent_parts_lie_on_mid_grey(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (255, 0, 0, 255)
    rgba[0, 1] = (255, 0, 0, 0)
    rgba[1, 0] = (255, 0, 0, 128)
    pixels_bgr = read_picture(save(tmp_path / "a.png", Image.fromarray(rgba)))
    assert pixels_bgr[0].tolist() == [[0, 0, 255], [128, 128, 128]]
    assert abs(pixels_bgr[1, 0].astype(int) - [64, 64, 192]).max() <= 1


def test_transparent_palette_colour_lies_on_mid_grey(tmp_path):
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    path = save(tmp_path / "a.png", picture, transparency=1)
    assert read_picture(path).tolist() == [[[0, 0, 255], [128, 128, 128]]]


def test_cmyk_becomes_the_colours_it_prints(tmp_path):
    path = save(tmp_path / "a.jpg", PICTURE.convert("CMYK"), quality=95)
    pixels_bgr = read_picture(path)
    for row, column in CENTRES:
        off = np.abs(pixels_bgr[row, column].astype(int) - QUADRANTS_BGR[row, column])
        assert off.max() <= 6


def test_animation_gives_its_first_frame(tmp_path):
    others = [Image.new("RGB", PICTURE.size, "black")] * 2
    for name in ("a.gif", "a.webp"):
        path = tmp_path / name
        PICTURE.save(path, save_all=True, append_images=others, lossless=True)
        pixels_bgr = read_picture(path)
        assert pixels_bgr[12, 18].tolist() == [255, 255, 255]
        assert pixels_bgr[4, 6].tolist() == [0, 0, 255]


# How the stored picture is turned to be seen upright, per value of the EXIF orientation.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", PICTURE, exif=exif, **options)
    expected_bgr = TURNS[orientation](QUADRANTS_BGR)
    pixels_bgr = read_picture(path)
    assert pixels_bgr.shape == expected_bgr.shape
    off = np.abs(pixels_bgr.astype(int) - expected_bgr)
    assert np.median(off) <= 2


def test_picture_of_several_views_gives_the_first(tmp_path):
    path = tmp_path / "stereo.jpg"
    PICTURE.save(path, "MPO", save_all=True, append_images=[Image.new("RGB", PICTURE.size)])
    assert read_picture(path)[12, 18].min() > 240


def test_nonsense_orientation_is_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 99
    path = save(tmp_path / "a.png", PICTURE, exif=exif)
    np.testing.assert_array_equal(read_picture(path), QUADRANTS_BGR)


def test_one_pixel_is_a_picture(tmp_path):
    path = save(tmp_path / "a.png", Image.new("RGB", (1, 1), (1, 2, 3)))
    assert read_picture(path).tolist() == [[[3, 2, 1]]]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "gif"])
def test_truncated_file_is_an_error_never_half_a_picture(tmp_path, suffix, share):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, {"jpg": "JPEG"}.get(suffix, suffix))
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(stream.getvalue()[: int(len(stream.getvalue()) * share)])
    with pytest.raises(PictureError, match=rf"decode in full.*cut\.{suffix}: "):
        read_picture(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html>404</html>", "it holds text"),
        (b"\n  <?xml version='1.0'?><svg/>", "it holds text"),
        (bytes(range(256)) * 8, "no picture format known here"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture format known"),
        (b"\xff\xd8\xff", "cut.jpg: "),
    ],
)
def test_files_that_are_no_pictures_are_named_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "cut.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=reason):
        read_picture(path)


@pytest.mark.parametrize(
    ("size_wh", "message"),
    [
        ((10_000, 10_000), "at most 50 megapixels. Received: 10000x10000"),
        ((60_000, 60_000), "at most 50 megapixels. Received: far more, as a decompression bomb"),
    ],
)
def test_bombs_are_refused_by_their_header(tmp_path, size_wh, message):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size_wh))
    with pytest.raises(PictureError, match=message):
        read_picture(path)


def test_absent_file_and_folder_are_named(tmp_path):
    with pytest.raises(PictureError, match=r"absent\.jpg: No such file or directory"):
        read_picture(tmp_path / "absent.jpg")
    with pytest.raises(PictureError, match="Is a directory"):
        read_picture(tmp_path)


def test_pipe_is_refused_and_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PictureError, match=r"pipe\.jpg: it is a pipe"):
        read_picture(tmp_path / "pipe.jpg")


def test_mutants_of_every_format_are_read_or_refused(tmp_path):
    chance = np.random.default_rng(2)
    path = tmp_path / "mutant"
    for form in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "PPM"):
        stream = io.BytesIO()
        PICTURE.save(stream, form)
        original = np.frombuffer(stream.getvalue(), np.uint8)
        for _ in range(30):
            mutant = original.copy()
            mutant[chance.integers(0, len(mutant), 3)] = chance.integers(0, 256, 3)
            path.write_bytes(mutant.tobytes())
            try:
                assert read_picture(path).shape[2] == 3
            except PictureError:
                continue


def test_pictures_of_a_folder_are_listed_sorted_and_visible(tmp_path):
    for name in (
        "b.JPG",
        "a.png",
        "sub/c.webp",
        "notes.txt",
        ".hidden.jpg",
        ".git/d.png",
        "._a.jpg",
        "@eaDir/a.png/SYNOPHOTO_THUMB_XL.jpg",
        "sub/#recycle/e.jpg",
        "__MACOSX/f.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in list_pictures(tmp_path)]
    assert found == ["a.png", "b.JPG", "sub/c.webp"]

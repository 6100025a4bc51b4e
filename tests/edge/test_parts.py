"""Multipart streams, cut at any place."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sources.parts import PartError, PartReader


def read_parts(pieces, boundary="frame", *, most_bytes=10_000):
    rest = iter(pieces)
    reader = PartReader(lambda: next(rest, b""), boundary, most_bytes=most_bytes)
    return list(iter(reader.next_part, None))


def cut(data, places):
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


pictures = st.lists(st.binary(max_size=60).map(lambda data: b"\xff\xd8" + data + b"\xff\xd9"))
places = st.lists(st.integers(0, 10_000), max_size=20)


@given(pictures, places)
def test_with_lengths_any_content_comes_out_as_it_went_in(contents, cuts):
    stream = b"".join(
        b"--frame\r\nContent-Type: image/jpeg\r\ncontent-length: %d\r\n\r\n%s\r\n"
        % (len(part), part)
        for part in contents
    )
    assert read_parts(cut(stream + b"--frame--\r\n", cuts)) == contents


@given(pictures, places, st.sampled_from([b"\r\n", b"\n"]))
def test_without_lengths_as_well(contents, cuts, newline):
    stream = b"".join(b"--frame" + newline * 2 + part + newline for part in contents)
    assert read_parts(cut(stream + b"--frame--", cuts)) == contents


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=30))
def test_noise_ends_or_is_refused_but_never_hangs(pieces):
    try:
        parts = read_parts(pieces, most_bytes=500)
    except PartError:
        return
    assert sum(map(len, parts)) <= sum(map(len, pieces))


# (boundary as named in the header, delimiter in the stream)
BOUNDARIES = [
    ("frame", b"--frame"),
    ('"frame"', b"--frame"),
    ("--frame", b"--frame"),  # named with its dashes, sent without more
    ("--frame", b"----frame"),  # as the standard has it
    ("", b"--frame"),  # not named at all
]


@pytest.mark.parametrize(("named", "sent"), BOUNDARIES)
def test_boundaries_as_cameras_write_them(named, sent):
    stream = b"\r\n".join([sent, b"", b"one", sent, b"", b"two", sent + b"--", b""])
    assert read_parts([stream], named) == [b"one", b"two"]


@pytest.mark.parametrize(
    "stream",
    [
        b"--frame\r\nContent-Length: 101\r\n\r\n",
        b"--frame\r\n\r\n" + b"x" * 101,
        b"x" * 101,
    ],
)
def test_a_part_that_is_too_large_is_refused(stream):
    with pytest.raises(PartError, match="100"):
        read_parts([stream, b"x"], most_bytes=100)


def test_a_header_without_end_is_refused():
    with pytest.raises(PartError, match="header does not end"):
        read_parts([b"--frame\r\n", *[b"x: y\r\n" * 1000] * 20], most_bytes=1_000_000)

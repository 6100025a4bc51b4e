import unicodedata

import pytest

from edge.errors import DataError
from edge.labels import check_labels, match_label, parse_labels


def test_parse_labels_keeps_order_unicode_and_spaces():
    assert parse_labels("Mücke die Katze\n 猫 \nnone\n\n") == ("Mücke die Katze", "猫", "none")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at least one label"),  # nothing
        ("\n \n", "at least one label"),  # only blanks
        (
            "cat\n\ndog\n",
            "one line of text.*Name the label",
        ),  # a hole would shift every later label
        ("cat\nCat\n", "twice"),  # folders on a case-insensitive disk would collide
        ("cat\nUnknown\n", "reserved"),  # the outcome below the threshold
    ],
)
def test_parse_labels_refuses(text, reason):
    with pytest.raises(DataError, match=reason):
        parse_labels(text)


def breaks_lines():
    """Return every character that ends a line, is a blank at an end, or is no text at all."""
    every = map(chr, range(0x110000))
    return [c for c in every if len(f"a{c}b".splitlines()) > 1 or unicodedata.category(c) == "Cc"]


@pytest.mark.parametrize("mark", breaks_lines(), ids=ascii)
def test_check_labels_refuses_every_control_character_and_line_break(mark):
    with pytest.raises(DataError, match=r"one line of text, .*Rename .* to 'c a'"):
        check_labels([f"c{mark}a"])


@pytest.mark.parametrize("blank", [c for c in map(chr, range(0x110000)) if c.isspace()], ids=ascii)
def test_check_labels_refuses_blanks_around_a_label(blank):
    for label in (f"{blank}cat", f"cat{blank}"):
        with pytest.raises(DataError, match=r"one line of text, .*to 'cat'"):
            check_labels([label])
    with pytest.raises(DataError, match=r"one line of text.*Name the label"):
        check_labels([blank])


def test_check_labels_refuses_what_no_file_can_hold():
    with pytest.raises(DataError, match="one line of text"):
        check_labels(["caf\udce9"])  # a folder name that is not UTF-8


@pytest.mark.parametrize("label", ["a b", "猫", "👨‍👩‍👧", "n\u0303", "a\u00a0b", "\ufeffcat", "-"])
def test_labels_that_pass_are_read_as_they_were_written(label):
    checked = check_labels([label, "other"])
    text = "".join(f"{one}\n" for one in checked)
    assert parse_labels(text.encode().decode()) == (label, "other")


def test_match_label_ignores_case_and_follows_the_mapping():
    labels = ("cat", "Dog")
    assert match_label("CAT", labels) == "cat"
    assert match_label("dog", labels) == "Dog"
    assert match_label("Hunde", labels, mapping={"hunde": "DOG"}) == "Dog"


def test_match_label_names_the_labels_when_none_fits():
    with pytest.raises(DataError, match=r"cat, dog.*Received: bird.*--map bird=LABEL"):
        match_label("bird", ("cat", "dog"))


def test_match_label_names_the_nearest_of_many():
    breeds = tuple(f"breed {number}" for number in range(1000))
    with pytest.raises(
        DataError, match=r"labels: breed 77, .* and 997 others\. Received: bread 77"
    ):
        match_label("bread 77", breeds)
    with pytest.raises(DataError, match=r"breed 0, breed 1, .* and 980 others\. Received: q"):
        match_label("q", breeds)


def test_match_label_proposes_the_nearest_by_each_of_its_names():
    labels = ("background", "tray", "abaya", "tabby, tabby cat", *map(str, range(30)))
    with pytest.raises(DataError, match="labels: tabby, tabby cat; tray; abaya and 31 ") as caught:
        match_label("tabby", labels)
    assert caught.value.fix.endswith("--map 'tabby=tabby, tabby cat'")

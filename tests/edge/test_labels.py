import pytest

from edge.errors import DataError
from edge.labels import match_label, parse_labels


def test_parse_labels_keeps_order_unicode_and_spaces():
    assert parse_labels("Mücke die Katze\n 猫 \nnone\n\n") == ("Mücke die Katze", "猫", "none")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at least one label"),  # nothing
        ("\n \n", "at least one label"),  # only blanks
        ("cat\n\ndog\n", "one line of text"),  # a hole would shift every later label
        ("cat\nCat\n", "twice"),  # folders on a case-insensitive disk would collide
        ("cat\nUnknown\n", "reserved"),  # the outcome below the threshold
    ],
)
def test_parse_labels_refuses(text, reason):
    with pytest.raises(DataError, match=reason):
        parse_labels(text)


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

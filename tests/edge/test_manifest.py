import pytest

from edge.errors import ModelFileError
from edge.manifest import DecisionSpec, InputSpec, Manifest


def values(**changes):
    manifest = Manifest("m", ("a", "b"), InputSpec(32, 32), DecisionSpec({"a": 0.5, "b": 0.5}))
    return {**manifest.to_dict(), **changes}


def test_from_dict_reads_what_to_dict_wrote():
    assert Manifest.from_dict(values()).to_dict() == values()


INPUT = values()["input"]
DECISION = values()["decision"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "other"}, "field format"),
        ({"format_version": 2}, "git pull, then pip install \\."),
        ({"labels": []}, "at least one label"),
        ({"labels": ["a", "A"]}, "twice"),
        ({"labels": ["a", "c"]}, "thresholds"),  # a label without a threshold
        ({"surprise": 1}, "surprise"),
        ({"input": {**INPUT, "width": 0}}, r"input\.width"),
        ({"input": {**INPUT, "width": 10**9}}, r"input\.width"),
        ({"input": {**INPUT, "resize": "stretchy"}}, r"input\.resize"),
        ({"input": {**INPUT, "colour_order": "BGR"}}, "colour_order"),
        ({"input": {**INPUT, "dtype": "int64"}}, "dtype"),
        ({"input": {**INPUT, "scale": 0.0}}, r"input\.scale"),
        ({"decision": {**DECISION, "votes": 6}}, "votes"),  # 6 of 5
        ({"decision": {**DECISION, "window": 0}}, "window"),
        ({"decision": {**DECISION, "temperature": 0.0}}, "temperature"),
        ({"decision": {**DECISION, "temperature": float("nan")}}, "temperature"),
        ({"decision": {**DECISION, "thresholds": {"a": 1.5, "b": 0.5}}}, "thresholds"),
        ({"golden": [{"width": 2, "height": 2, "rgb": "AAAA", "scores": [1, 0]}]}, "golden"),
        ({"golden": [{"width": 1, "height": 1, "rgb": "!", "scores": [1, 0]}]}, "golden"),
        ({"golden": [{"width": 1, "height": 1, "rgb": "AAAA", "scores": [1]}]}, "golden"),
        ({"golden": [{}]}, "fields of its format version"),
    ],
)
def test_from_dict_refuses(changes, reason):
    with pytest.raises(ModelFileError, match=reason):
        Manifest.from_dict(values(**changes))


def test_from_dict_refuses_a_missing_field():
    incomplete = values()
    del incomplete["decision"]
    with pytest.raises(ModelFileError, match="decision"):
        Manifest.from_dict(incomplete)

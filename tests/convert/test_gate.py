"""What a file may lose, counted in pictures."""

import numpy as np
import pytest

from convert.gate import Limits, find_losses, limits_that_pass
from edge.errors import SettingError

LABELS = ("mine", "other")


def scores(*said):
    """Scores of pictures that are said to show these labels."""
    return np.eye(2, dtype=np.float32)[list(said)] * 0.8 + 0.1


def lose(pictures, wrong, *, limits=None, truth=0):
    """Hold a file that gets the first `wrong` of so many pictures wrong against a perfect one."""
    right = [truth] * pictures
    said = [1 - truth] * wrong + right[wrong:]
    return find_losses(
        scores(*right), scores(*said), np.array(right), labels=LABELS, limits=limits or Limits()
    )


@pytest.mark.parametrize(
    ("pictures", "wrong", "figures"),
    [
        (200, 0, []),
        (200, 1, []),  # exactly 0.5 points, and 99.5 % agreement
        (199, 1, ["accuracy", "recall"]),
        (200, 2, ["accuracy", "recall"]),  # 1 point; exactly 99 % agreement
        (200, 3, ["accuracy", "recall", "agreement"]),
        (60, 1, ["accuracy", "recall", "agreement"]),  # few pictures: one decides
    ],
)
def test_limits_are_met_exactly_or_not_at_all(pictures, wrong, figures):
    assert [loss.figure for loss in lose(pictures, wrong)] == figures


def test_a_gain_elsewhere_does_not_make_up_for_a_label():
    truth = np.array([0] * 300 + [1] * 300)
    before = scores(*[0] * 300, *[1] * 297, 0, 0, 0)
    after = scores(*[1] * 3, *[0] * 297, *[1] * 300)
    found = find_losses(before, after, truth, labels=LABELS, limits=Limits())
    assert [(loss.figure, loss.label, loss.points) for loss in found] == [("recall", "mine", 1.0)]


def test_being_wrong_in_another_way_is_a_disagreement_and_no_loss_of_accuracy():
    labels, truth = ("a", "b", "c"), np.zeros(50, int)
    before, after = (np.eye(3, dtype=np.float32)[[label] + [0] * 49] for label in (1, 2))
    (found,) = find_losses(before, after, truth, labels=labels, limits=Limits())
    assert (found.figure, found.after, found.pictures) == ("agreement", 49, 50)


def test_a_label_without_a_picture_has_no_recall_to_lose():
    found = lose(50, 10)
    assert [loss.label for loss in found] == [None, "mine", None]


def test_a_loss_says_how_many_pictures_it_was():
    accuracy, recall, agreement = map(str, lose(60, 1))
    assert accuracy == (
        "accuracy falls by 1.667 points, over 0.5 (59 instead of 60 of 60 pictures are right)"
    )
    assert recall.startswith("recall of 'mine' falls by 1.667 points")
    assert agreement == (
        "it agrees with the float network on 98.33 % of the pictures, below 99 % "
        "(1 of 60 are decided otherwise)"
    )


@pytest.mark.parametrize(("pictures", "wrong", "few"), [(60, 1, 3), (150, 3, 2), (400, 9, 0)])
def test_a_loss_knows_whether_one_picture_decides(pictures, wrong, few):
    assert sum(loss.is_decided_by_one for loss in lose(pictures, wrong)) == few


@pytest.mark.parametrize(("pictures", "wrong"), [(60, 1), (60, 7), (7, 3), (1000, 26), (3, 3)])
def test_the_limits_that_pass_do(pictures, wrong):
    asked = Limits(max_drop=0.1)
    accepted = limits_that_pass(lose(pictures, wrong, limits=asked), asked)
    assert lose(pictures, wrong, limits=accepted) == ()
    assert accepted.max_drop - wrong * 100 / pictures < 0.011  # and hardly more


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_drop": -0.1}, "--max-drop must be from 0 to 100 points. Received: -0.1"),
        ({"max_drop": 101}, "Received: 101"),
        ({"max_drop": float("nan")}, "Received: nan"),
        ({"min_agreement": 99}, "--min-agreement must be a share from 0 to 1. Received: 99"),
        ({"min_agreement": float("nan")}, "Use for example 0.98"),
    ],
)
def test_limits_that_are_none_are_refused(limits, said):
    with pytest.raises(SettingError, match=said):
        Limits(**limits)

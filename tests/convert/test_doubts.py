"""Labels in another order, and networks that know nothing, are noticed."""

import numpy as np
import pytest

from convert.doubts import doubt_labels

LABELS = ("cat", "dog", "none")
TRUTH = np.repeat([0, 1, 2], [20, 20, 20])


def answer(order, *, wrong=0):
    """Scores of a network that means its outputs in another order, some of them wrong."""
    said = np.array(order)[TRUTH]
    said[:wrong] = (said[:wrong] + 1) % 3
    return np.eye(3, dtype=np.float32)[said]


@pytest.mark.parametrize("wrong", [0, 8])
def test_labels_in_their_order_are_not_doubted(wrong):
    assert doubt_labels(answer([0, 1, 2], wrong=wrong), TRUTH, labels=LABELS) == ""


@pytest.mark.parametrize("wrong", [0, 8])
def test_labels_in_another_order_are_named(wrong):
    doubt = doubt_labels(answer([1, 0, 2], wrong=wrong), TRUTH, labels=LABELS)
    assert doubt.startswith(
        "the labels may be in another order: pictures of 'cat' are mostly called 'dog', pictures "
        "of 'dog' are mostly called 'cat'; "
    )
    assert "'none'" not in doubt


def test_order_of_all_labels_is_found():
    doubt = doubt_labels(answer([1, 2, 0]), TRUTH, labels=LABELS)
    assert "right on 100.0% of the validation pictures, and as they are on 0.0%" in doubt


def test_network_that_always_says_the_same_is_named():
    scores = np.tile(np.float32([0.2, 0.5, 0.3]), (60, 1))
    doubt = doubt_labels(scores, TRUTH, labels=LABELS)
    assert doubt.startswith("the float network is right on 33.3% of the validation pictures, no")
    assert "always says 'cat' (33.3%)" in doubt


def test_network_better_than_chance_is_not_doubted_for_a_label_that_it_misses():
    scores = np.eye(3, dtype=np.float32)[np.repeat([0, 1, 1], 20)]
    assert doubt_labels(scores, TRUTH, labels=LABELS) == ""

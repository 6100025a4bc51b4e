"""Rows of scores and short runs of a decider, for the tests of evidence, decisions and events."""

import numpy as np

from edge.decision import Decider
from edge.evidence import EvidenceSpec
from edge.records import Prediction
from edge.testing import blank_frame

LABELS = ("cat", "dog", "none")
CAT = (0.9, 0.05, 0.05)
DOG = (0.1, 0.85, 0.05)
NONE = (0.0, 0.0, 1.0)
WEAK = (0.4, 0.3, 0.3)
LETTERS = {"c": CAT, "d": DOG, "n": NONE, "w": WEAK, "x": (float("nan"), 0.5, 0.5)}
NAMES = {"cat": "c", "dog": "d", "none": "n", "unknown": "-"}

PERIOD = 0.1
BARE = {"hysteresis": 0, "leave_seconds": 0}  # a rule alone, without what steadies it


def raw_prediction(scores):
    row = np.array(scores, np.float32)
    best = int(row.argmax()) if row.shape == (len(LABELS),) else 0
    top = float(row[best]) if row.shape == (len(LABELS),) else 0.0
    return Prediction(LABELS[best], top, row, LABELS[best], inference_ms=1.0)


def make_decider(*, threshold=0.5, thresholds=None, **rules):
    thresholds = thresholds or dict.fromkeys(LABELS, threshold)
    return Decider(LABELS, thresholds=thresholds, evidence=EvidenceSpec(**rules))


def decide_at(decider, steps):
    """Decide on scores at times."""
    return [
        decider.decide(
            blank_frame(index, time_seconds=seconds), raw_prediction(scores), now_seconds=0.0
        )
        for index, (seconds, scores) in enumerate(steps)
    ]


def decide_all(decider, rows, *, period=PERIOD):
    return decide_at(decider, [(index * period, row) for index, row in enumerate(rows)])


def believed(decider, letters):
    """Decide on a word such as "ccn", a frame per period; return the labels in the same letters."""
    decisions = decide_all(decider, [LETTERS[letter] for letter in letters])
    return "".join(NAMES[decision.label] for decision in decisions)

"""What the scores of a network of others are: probabilities already, or logits before a softmax."""

import numpy as np

from edge.errors import ModelFileError
from edge.records import Scores

PROBABILITIES, INDEPENDENT, LOGITS = "probabilities", "independent", "logits"
ASKED = ("auto", PROBABILITIES, LOGITS)
"""What `--scores` takes."""

_SOFT = ("SOFTMAX", "LOGISTIC")
_ROUNDING = 0.02  # of a score of 1
_SUM_ROUNDING = 0.1  # of a sum of a thousand scores that were rounded to steps of 1/256


def find_score_kind(answers: Scores, *, ending: str, asked: str) -> tuple[str, str]:
    """Find out what a network's scores are.

    Args:
        answers: `(pictures, labels)`, what it says about some pictures.
        ending: Operator that computes them.
        asked: One of `ASKED`.

    Returns:
        "probabilities", "independent" or "logits", and what that rests on.

    Raises:
        ModelFileError: They cannot be what was asked for.

    Example:
        >>> find_score_kind(np.array([[-3.0, 7.5]], np.float32), ending="CONV_2D", asked="auto")[0]
        'logits'
    """
    is_share = bool((answers >= 0).all() and (answers <= 1 + _ROUNDING).all())
    adds_up = is_share and bool(np.allclose(answers.sum(axis=1), 1.0, atol=_SUM_ROUNDING))
    if asked == LOGITS and (ending in _SOFT or adds_up):
        found = f"by {ending or 'no operator'}" + (", which add up to 1" if adds_up else "")
        raise ModelFileError(
            "Logits are scores that have not been through a softmax or a sigmoid yet",
            received=f"scores from {answers.min():g} to {answers.max():g}, {found}",
            fix="Leave --scores out",
        )
    if asked == PROBABILITIES and not is_share:
        raise ModelFileError(
            "Probabilities lie between 0 and 1",
            received=f"scores from {answers.min():g} to {answers.max():g}",
            fix="Use --scores logits, which adds a softmax",
        )
    if asked == LOGITS or (asked == "auto" and not is_share):
        why = "as asked" if asked == LOGITS else f"from {answers.min():g} to {answers.max():g}"
        return LOGITS, f"scores: logits ({why}); a softmax was added to the model"
    if ending == "SOFTMAX" or adds_up or asked == PROBABILITIES:
        return PROBABILITIES, f"scores: probabilities, by {ending or 'the input itself'}"
    if ending == "LOGISTIC":
        return INDEPENDENT, "scores: a probability of its own for each label; they need not add up"
    raise ModelFileError(
        "It must be known whether scores are probabilities or logits",
        received=f"scores from {answers.min():g} to {answers.max():g} that do not add up to 1, "
        f"by {ending or 'no operator'}",
        fix="Say which: --scores probabilities or --scores logits",
    )


def soften(logits: Scores) -> Scores:
    """Return the softmax of logits.

    Args:
        logits: `(pictures, labels)`.

    Example:
        >>> soften(np.array([[0.0, 0.0]], np.float32)).tolist()
        [[0.5, 0.5]]
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    softened: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return softened

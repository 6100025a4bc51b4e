"""What a network of others gives, as probabilities of labels of which one is right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from convert.keras_file.architecture import Architecture, Step
from convert.keras_file.front import Weights
from edge.errors import DataError, ModelFileError
from edge.records import Scores

_SUMS_UP = 1e-2
_PASSING = ("Reshape", "Flatten")


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """How scores become probabilities.

    Attributes:
        architecture: The network, which gives them now.
        weights: Of the steps that had to change.
        to_probabilities: The same for the scores of the file, `(pictures, outputs)`.
        note: What was done, in a sentence; empty for nothing.
    """

    architecture: Architecture
    weights: Weights = field(default_factory=dict)
    to_probabilities: Callable[[Scores], Scores] = np.asarray
    note: str = ""


def check_label_count(outputs: int, labels: Sequence[str], *, path: Path) -> None:
    """Refuse labels that are not as many as the scores; a single score stands for two.

    Raises:
        DataError: They do not fit.
    """
    if len(labels) != (2 if outputs == 1 else outputs):
        wanted = f"a label for each of the {outputs} scores"
        if outputs == 1:
            wanted = "two labels for the single score, first that of 0 and then that of 1,"
        raise DataError(
            f"There must be {wanted} of {path}",
            received=f"{len(labels)}: {', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''}",
            fix="Name the label file that belongs to this model, a label per line in the order of "
            "its scores",
        )


def read_ending(
    architecture: Architecture, weights: Weights, scores: Scores, *, path: Path
) -> Ending:
    """Find out what the scores of a network are, and let it give probabilities.

    Args:
        architecture: The network.
        weights: Its weights.
        scores: What the file's network says of some pictures, `(pictures, outputs)`.
        path: Of the file, for messages.

    Raises:
        ModelFileError: The scores are no probabilities that add up to 1, and no logits.
    """
    activation = _last_activation(architecture)
    if scores.shape[1] == 1 and activation in ("sigmoid", "linear"):
        return _split_single(architecture, weights, is_logit=activation == "linear", path=path)
    if scores.shape[1] > 1 and activation == "softmax":
        return Ending(_with_softmax(architecture))
    is_share = scores.min() >= 0 and np.abs(scores.sum(axis=1) - 1).max() <= _SUMS_UP
    if scores.shape[1] > 1 and is_share:
        return Ending(architecture, note="scores: probabilities, since they add up to 1")
    if scores.shape[1] > 1 and activation == "linear":
        note = "scores: logits, since nothing is at the end; a softmax was added"
        return Ending(_with_softmax(architecture), to_probabilities=_soften, note=note)
    raise _refuse_scores(path, activation, scores.shape[1])


def _last_activation(architecture: Architecture) -> str:
    steps = {step.name: step for step in architecture.steps}
    step = architecture.steps[-1]
    while step.kind in _PASSING and step.takes[0] in steps:
        step = steps[step.takes[0]]
    return "softmax" if step.kind == "Softmax" else str(step.settings.get("activation", "linear"))


def _with_softmax(architecture: Architecture) -> Architecture:
    """Return the network with a softmax in its last layer, or as its last where that has none."""
    *others, last = _without_activation(architecture).steps
    if last.kind == "Dense":
        settled = replace(last, settings={**last.settings, "activation": "softmax"})
        return replace(architecture, steps=(*others, settled))
    if _last_activation(architecture) == "softmax":
        return architecture
    added = Step("probabilities", "Activation", (last.name,), {"activation": "softmax"})
    return replace(architecture, steps=(*architecture.steps, added))


def _without_activation(architecture: Architecture) -> Architecture:
    """Return the network without an activation that follows its last dense layer."""
    last = architecture.steps[-1]
    before = next((step for step in architecture.steps if step.name == last.takes[0]), last)
    is_after_dense = before.kind == "Dense" and before.settings.get("activation") == "linear"
    if last.kind in ("Activation", "Softmax") and is_after_dense:
        return architecture.without(last)
    return architecture


def _split_single(
    architecture: Architecture, weights: Weights, *, is_logit: bool, path: Path
) -> Ending:
    """Let a network that gives a share `p` give `1 - p` and `p`, the softmax of 0 and its logit."""
    bare = _without_activation(architecture)
    *others, last = bare.steps
    if last.kind != "Dense":
        raise _refuse_scores(path, f"{last.kind} with a single score", 1)
    kernel, *bias = weights[last.name]
    settings = {**last.settings, "units": 2, "activation": "softmax"}
    return Ending(
        replace(bare, steps=(*others, replace(last, settings=settings))),
        {
            last.name: [
                np.pad(values, [*[(0, 0)] * (values.ndim - 1), (1, 0)])
                for values in (kernel, *bias)
            ]
        },
        _split_logits if is_logit else _split_shares,
        f"scores: a single {'logit' if is_logit else 'sigmoid'}, near 0 for the first label and "
        "near 1 for the second; the last layer gives both now, which is the same to the digit",
    )


def _split_shares(shares: Scores) -> Scores:
    return np.concatenate([1 - shares, shares], axis=1)


def _split_logits(logits: Scores) -> Scores:
    return _soften(np.concatenate([np.zeros_like(logits), logits], axis=1))


def _soften(logits: Scores) -> Scores:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    softened: Scores = powers / powers.sum(axis=1, keepdims=True)
    return softened


def _refuse_scores(path: Path, activation: str, outputs: int) -> ModelFileError:
    ending = f"{activation} at the end of {path}, with {outputs} scores"
    if activation == "sigmoid":
        ending += ", each a yes or no of its own"
    return ModelFileError(
        "Scores must be probabilities that add up to 1, of labels of which one is right: a "
        "softmax, logits, or a single sigmoid for two labels",
        received=ending,
        fix="Train it with a softmax at its end; a TFLite file with independent scores can be "
        "wrapped with edge package",
    )

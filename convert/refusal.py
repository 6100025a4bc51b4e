"""What to tell a person whose file was refused at the gate: where it hurts and what helps."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convert.candidates import Candidate, Workshop
from convert.gate import AGREEMENT, Limits, Loss, limits_that_pass
from convert.layer_errors import LayerError, measure_layers
from convert.modes import DYNAMIC, FLOAT16, INT8, INT16X8, MODES, QAT
from convert.progress import Progress
from edge.errors import ModelFileError, ParityError, RunFolderError

_NEARLY = 1e-6
_UNDECIDED = 0.6  # a best score below this was a close call in the float network, too

_NEXT = {
    QAT: "longer and bolder learning, which small networks bear: --epochs 3 --learning-rate 1e-3; "
    "or --quantize auto, which goes on to other numbers",
    INT8: "--quantize qat, which learns to be 8-bit; or --quantize auto",
    INT16X8: "--quantize dynamic or float16, which compute in floats",
    DYNAMIC: "--quantize float16, which is twice as large and nearly exact",
    FLOAT16: "--quantize float32",
}


@dataclass(frozen=True, slots=True)
class Flip:
    """A validation picture that the file decides otherwise than the float network.

    Attributes:
        path: Of the picture.
        label: What it shows.
        before: What the float network says.
        before_score: Its score for that, in [0, 1].
        after: What the file says.
        after_score: Its score for that, in [0, 1].
    """

    path: Path
    label: str
    before: str
    before_score: float
    after: str
    after_score: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file was not written, and what helps.

    Attributes:
        mode: What was asked for, one of `convert.modes.CHOICES`.
        limits: What it had to keep.
        losses: What it loses beyond them; at least one.
        layers: What 8-bit numbers do to each layer, the worst first; empty for a mode without
            them.
        flips: The pictures that are decided otherwise, those that became wrong first.
        advice: What to try, a sentence each.
    """

    mode: str
    limits: Limits
    losses: tuple[Loss, ...]
    layers: tuple[LayerError, ...]
    flips: tuple[Flip, ...]
    advice: tuple[str, ...]

    def to_error(self) -> ParityError:
        """Return the error that ends the command."""
        return ParityError(
            "A file must be as good as its float network, but for --max-drop "
            f"{self.limits.max_drop:g} and --min-agreement {self.limits.min_agreement:g}",
            received=f"with --quantize {self.mode}: " + "; ".join(map(str, self.losses)),
            fix="Nothing was written. What to try stands above; with --json in refusal.advice",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "losses": [loss.to_dict() for loss in self.losses],
            "layers": [asdict(layer) for layer in self.layers],
            "flips": [asdict(flip) for flip in self.flips],
            "advice": list(self.advice),
        }


def explain_refusal(
    workshop: Workshop,
    candidate: Candidate,
    *,
    mode: str,
    losses: tuple[Loss, ...],
    limits: Limits,
    progress: Progress,
) -> Refusal:
    """Find out where a candidate loses, and what may help.

    Args:
        workshop: That made it.
        candidate: What was refused.
        mode: What was asked for, one of `convert.modes.CHOICES`.
        losses: What it loses beyond the limits.
        limits: What it had to keep.
        progress: Told before and after the layers are measured, which takes up to a minute.
    """
    layers: tuple[LayerError, ...] = ()
    flips = find_flips(workshop, candidate)
    advice = give_advice(mode, losses, limits, flips)
    if MODES[candidate.measurement.name].is_rounded:
        progress("measuring layers", done=0, total=1)
        try:
            layers = measure_layers(
                workshop.network, workshop.calibration().pixels_rgb, spec=workshop.judge.input
            )
        except (ModelFileError, RunFolderError) as error:
            advice = (*advice, f"(the layers could not be measured: {error.received})")
        progress("measuring layers", done=1, total=1)
    return Refusal(mode, limits, losses, layers, flips, advice)


def find_flips(workshop: Workshop, candidate: Candidate) -> tuple[Flip, ...]:
    """Return the validation pictures that a candidate decides otherwise, the costly ones first.

    Those that became wrong come before those that were wrong already, and those that the float
    network was sure of before close calls.
    """
    judge, scores = workshop.judge, candidate.measurement.scores
    before, after = judge.original.argmax(axis=1), scores.argmax(axis=1)
    flips = [
        Flip(
            path=picture.path,
            label=picture.label,
            before=judge.labels[before[index]],
            before_score=float(judge.original[index, before[index]]),
            after=judge.labels[after[index]],
            after_score=float(scores[index, after[index]]),
        )
        for index, picture in enumerate(workshop.validation)
        if before[index] != after[index]
    ]
    return tuple(
        sorted(flips, key=lambda flip: (flip.before != flip.label, -flip.before_score, flip.path))
    )


def give_advice(
    mode: str, losses: Sequence[Loss], limits: Limits, flips: Sequence[Flip]
) -> tuple[str, ...]:
    """Return what to try, the most promising first, a sentence each.

    Args:
        mode: What was asked for, one of `convert.modes.CHOICES`.
        losses: What was lost beyond the limits; at least one.
        limits: What had to be kept.
        flips: The pictures that were decided otherwise.
    """
    advice = [f"Try {_NEXT[mode]}."] if mode in _NEXT else []
    few = [loss for loss in losses if loss.is_decided_by_one]
    if few:
        advice.append(_advise_pictures(few, limits))
    close = sum(flip.before_score < _UNDECIDED for flip in flips)
    if close:
        advice.append(
            f"Look at the pictures that flipped: in {close} of {len(flips)} the float network "
            f"itself was not sure (below {_UNDECIDED:g}), so that any rounding decides."
        )
    accepted = limits_that_pass(losses, limits)
    advice.append(
        "If you can live with it, the same command accepts the file with --max-drop "
        f"{accepted.max_drop:g} --min-agreement {accepted.min_agreement:g}."
    )
    return tuple(advice)


def _advise_pictures(few: Sequence[Loss], limits: Limits) -> str:
    """Say that a single picture decides, and how many more would make it otherwise."""
    weights = [
        f"{loss.step:.3g} points of {_name(loss)} ({loss.pictures} pictures)" for loss in few
    ]
    weighs = f"single picture weighs {', '.join(weights)} here"
    if not limits.max_drop or limits.min_agreement == 1:
        return f"Allow for one picture: a {weighs}, and these limits let none through."
    each = math.ceil(100 / limits.max_drop - _NEARLY)
    total = math.ceil(1 / (1 - limits.min_agreement) - _NEARLY)
    return (
        f"Take more photos: a {weighs}; from {each:,} validation pictures of each label and "
        f"{total:,} in all on, one is within the limits."
    )


def _name(loss: Loss) -> str:
    if loss.figure == AGREEMENT:
        return "agreement"
    return "accuracy" if loss.label is None else f"the recall of {loss.label!r}"

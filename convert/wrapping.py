"""Wraps a TFLite classifier of others into a file that the device can check and explain."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convert.foreign import ForeignModel
from convert.golden import CANDIDATES, choose_examples, make_patterns
from convert.graph import add_scaling, add_softmax
from convert.label_file import LabelList
from convert.metadata import Provenance, add_metadata
from convert.parity import run_model
from convert.pictures import PictureSet
from convert.scaling import Normalization, Scaling, choose_scaling
from edge import __version__
from edge.errors import DataError, ModelFileError, NotVerifiableError
from edge.integrity import verify_model
from edge.manifest import DecisionSpec, InputSpec, Manifest
from edge.modelfile import ModelFile, read_model_file, write_model_file
from edge.records import Scores

THRESHOLD = 0.5
"""Of every label when nothing else is asked for: more likely than all others together."""

PROBABILITIES, INDEPENDENT, LOGITS = "probabilities", "independent", "logits"
SCORES = ("auto", PROBABILITIES, LOGITS)
"""What `--scores` takes."""

_CANDIDATES = 4 * CANDIDATES  # of a thousand labels few are sure of a pattern, and steadily so
_ROUNDING = 0.02  # of a score, between a softmax in eight bits and one in floats
_SUM_ROUNDING = 0.1  # of a sum of a thousand scores that were rounded to steps of 1/256


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for; what is `None` or empty is taken from the file.

    Attributes:
        labels: In the order of the scores.
        normalization: Of the pixels.
        scores: One of `SCORES`.
        threshold: Of every label, 0 to 1.
        name: Of the model.
        author: Who made it.
        licence: Under which others may use it.
    """

    labels: LabelList | None = None
    normalization: Normalization | None = None
    scores: str = "auto"
    threshold: float = THRESHOLD
    name: str = ""
    author: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Wrapping:
    """A file that was written, and what nobody had said.

    Attributes:
        model: The file.
        scores: What the original's scores are: "probabilities", "independent" or "logits".
        assumptions: What was taken for granted, in sentences.
    """

    model: ModelFile
    scores: str
    assumptions: tuple[str, ...]


def wrap_model(path: Path, foreign: ForeignModel, *, wishes: Wishes) -> Wrapping:
    """Write the deployable file, read it back and run its golden examples.

    Args:
        path: Where to; an existing file is replaced once the new one is whole.
        foreign: What goes into it.
        wishes: What is not to be found in the file.

    Raises:
        ModelFileError: The file does not say how its pixels are scaled, crashes the runtime, or
            answers otherwise once it is wrapped; nothing is written then.
        DataError: There is not a label for each score.
        OSError: The folder cannot be written.
    """
    labels = _choose_labels(foreign, wishes)
    scaling = choose_scaling(
        foreign.takes, asked=wishes.normalization, stated=foreign.normalization
    )
    manifest = Manifest(
        name=wishes.name or foreign.path.stem,
        labels=labels.labels,
        input=_describe_input(foreign, scaling),
        decision=DecisionSpec(dict.fromkeys(labels.labels, wishes.threshold)),
    )
    model_bytes = foreign.model_bytes
    if scaling.built_in is not None:
        means, deviations = zip(*scaling.built_in.per_channel(), strict=True)
        model_bytes = add_scaling(model_bytes, means=means, deviations=deviations)
    _try_in_child(foreign, model_bytes, manifest)
    answers = _ask(model_bytes, manifest.input)
    scores, note = find_score_kind(answers, ending=foreign.ending, asked=wishes.scores)
    if scores == LOGITS:
        model_bytes, answers = add_softmax(model_bytes), _soften(answers)
    model_bytes = add_metadata(
        model_bytes, spec=manifest.input, provenance=_describe_origin(foreign, wishes)
    )
    _check_answers(foreign, _ask(model_bytes, manifest.input), answers)
    assumptions = (*labels.notes, scaling.note, note, *_defaults(foreign, wishes))
    manifest = replace(
        manifest,
        training=_describe_training(foreign, assumptions),
        quantization={"mode": "as it came", "versions": {"catseye": __version__}},
        golden=choose_examples(model_bytes, spec=manifest.input, candidates=_CANDIDATES),
    )
    return Wrapping(_write(path, model_bytes, manifest), scores, assumptions)


def find_score_kind(answers: Scores, *, ending: str, asked: str) -> tuple[str, str]:
    """Find out what a network's scores are.

    Args:
        answers: `(pictures, labels)`, what it says about some pictures.
        ending: Operator that computes them.
        asked: One of `SCORES`.

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


def _choose_labels(foreign: ForeignModel, wishes: Wishes) -> LabelList:
    found = wishes.labels or foreign.labels
    if found is None:
        raise DataError(
            "The scores of a model need labels",
            received=f"{foreign.path}, which names none, and no --labels",
            fix="Use --labels FILE, a text file with a label per line",
        )
    if wishes.labels is None:
        note = f"labels: those of its own {foreign.metadata.labels_name}"
        found = LabelList(found.labels, (note, *found.notes))
    count, scores = len(found.labels), foreign.score_count
    if count == scores:
        return found
    fix = "Name the label file that belongs to this model"
    if count == scores - 1:
        fix += (
            "; networks with a score for the background want a line 'background', mostly the first"
        )
    elif count == scores + 1:
        fix += "; one without a line for the background, mostly the first"
    elif scores == 1:
        fix = "Train a network with a score for each label, also for yes or no"
    raise DataError(
        f"There must be a label for each of the {scores} scores of {foreign.path}",
        received=f"{count} labels",
        fix=fix,
    )


def _describe_input(foreign: ForeignModel, scaling: Scaling) -> InputSpec:
    width, height = foreign.size_wh
    return InputSpec(
        width, height, dtype=foreign.takes.dtype, mean=scaling.mean, scale=scaling.scale
    )


def _describe_origin(foreign: ForeignModel, wishes: Wishes) -> Provenance:
    said = foreign.metadata
    return Provenance(
        wishes.name or foreign.path.stem,
        description=said.description or Provenance("").description,
        author=wishes.author or said.author,
        licence=wishes.licence or said.licence,
    )


def _describe_training(foreign: ForeignModel, assumptions: tuple[str, ...]) -> dict[str, Any]:
    origin: Mapping[str, Any] = {
        "file": foreign.path.name,
        "sha256": foreign.sha256,
        "input": str(foreign.takes),
        "output": str(foreign.gives),
    }
    return {"origin": dict(origin), "assumptions": list(assumptions)}


def _defaults(foreign: ForeignModel, wishes: Wishes) -> tuple[str, ...]:
    width, height = foreign.size_wh
    return (
        f"frames: RGB, the whole frame squeezed to {width}x{height}",
        f"thresholds: {wishes.threshold:g} for every label, and no calibration; "
        "edge evaluate shows what that is worth on your photos",
    )


def _try_in_child(foreign: ForeignModel, model_bytes: bytes, manifest: Manifest) -> None:
    """Run it where it can do no harm: a file of unknown origin may abort the process."""
    with tempfile.TemporaryDirectory(prefix="catseye-package-") as folder:
        path = Path(folder) / "model.tflite"
        write_model_file(path, model_bytes=model_bytes, manifest=manifest)
        try:
            verify_model(read_model_file(path), is_remembered=False)
        except ModelFileError as error:
            fix = "Copy the file again, or convert it for TFLite's own operators"
            raise ModelFileError(
                "A model to package must run in the device's interpreter",
                received=f"{foreign.path}: {error.received.removeprefix(f'{path}: ')}",
                fix=error.fix if isinstance(error, NotVerifiableError) else fix,
            ) from error


def _ask(model_bytes: bytes, spec: InputSpec) -> Scores:
    patterns = make_patterns(CANDIDATES)
    pictures = PictureSet(patterns, np.zeros(len(patterns), np.intp))
    return run_model(model_bytes, pictures, spec=spec)[0]


def _soften(logits: Scores) -> Scores:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    softened: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return softened


def _check_answers(foreign: ForeignModel, found: Scores, expected: Scores) -> None:
    off = float(np.abs(found - expected).max())
    if not off <= _ROUNDING:
        raise ModelFileError(
            "A wrapped model must answer as before",
            received=f"{foreign.path}, whose scores are off by {off:.3f}",
            fix="Report it with the file; use it as it is meanwhile",
        )


def _write(path: Path, model_bytes: bytes, manifest: Manifest) -> ModelFile:
    write_model_file(path, model_bytes=model_bytes, manifest=manifest)
    try:
        written = read_model_file(path)
        verify_model(written)
    except ModelFileError:
        path.unlink(missing_ok=True)
        raise
    return written

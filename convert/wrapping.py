"""Wraps a TFLite classifier of others into a file that the device can check and explain."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convert.delivery import deliver_model
from convert.fidelity import ask_original, check_answers
from convert.foreign import ForeignModel
from convert.golden import CANDIDATES, ask_model, choose_examples, make_patterns
from convert.graph import add_scaling, add_softmax
from convert.label_file import LabelList, parse_label_list
from convert.metadata import Provenance, add_metadata
from convert.scaling import Normalization, Scaling, choose_scaling
from convert.scores import LOGITS, find_score_kind, soften
from edge import __version__
from edge.errors import DataError, ModelFileError, NotVerifiableError
from edge.integrity import verify_model
from edge.manifest import DecisionSpec, InputSpec, Manifest
from edge.modelfile import ModelFile, read_model_file, write_model_file

THRESHOLD = 0.5
"""Of every label when nothing else is asked for: more likely than all others together."""

_CANDIDATES = 4 * CANDIDATES  # of a thousand labels few are sure of a pattern, and steadily so
_SOFTMAX_STEP = 1.0 / 256.0  # of one in eight bits


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for; what is `None` or empty is taken from the file.

    Attributes:
        labels: In the order of the scores.
        normalization: Of the pixels.
        scores: One of `convert.scores.ASKED`.
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
    """Make a deployable file of a model of others, hold it against the original, and write it.

    Args:
        path: Where to; an existing file is replaced once the new one has proved itself.
        foreign: What goes into it.
        wishes: What is not to be found in the file.

    Raises:
        ModelFileError: The file does not say how its pixels are scaled or what its scores are,
            crashes the runtime, or answers otherwise once it is wrapped; nothing is written then.
        DataError: There is not a label for each score, or its own label file cannot be used.
        OSError: The folder cannot be written.
    """
    labels = _choose_labels(foreign, wishes)
    scaling = choose_scaling(
        foreign.takes, asked=wishes.normalization, stated=foreign.normalization
    )
    draft = Manifest(
        name=wishes.name or foreign.path.stem,
        labels=labels.labels,
        input=_describe_input(foreign, scaling),
        decision=DecisionSpec(dict.fromkeys(labels.labels, wishes.threshold)),
    )
    _try_in_child(foreign, draft)
    model_bytes, scores, note = _wrap_network(foreign, wishes, scaling=scaling, spec=draft.input)
    assumptions = (*labels.notes, scaling.note, note, *_defaults(foreign, wishes))
    manifest = replace(
        draft,
        training=_describe_training(foreign, assumptions),
        quantization={"mode": "as it came", "versions": {"catseye": __version__}},
        golden=choose_examples(model_bytes, spec=draft.input, candidates=_CANDIDATES),
    )
    model = deliver_model(path, model_bytes=model_bytes, manifest=manifest)
    return Wrapping(model, scores, assumptions)


def _wrap_network(
    foreign: ForeignModel, wishes: Wishes, *, scaling: Scaling, spec: InputSpec
) -> tuple[bytes, str, str]:
    """Complete the network and hold it against the original.

    Returns:
        The FlatBuffer for the device, what the original's scores are, and what that rests on.
    """
    patterns_rgb = make_patterns(CANDIDATES)
    answers = ask_original(foreign, patterns_rgb, scaling=scaling)
    scores, note = find_score_kind(answers, ending=foreign.ending, asked=wishes.scores)
    model_bytes = add_metadata(
        _complete_network(foreign, scaling, scores),
        spec=spec,
        provenance=_describe_origin(foreign, wishes),
    )
    is_rounded = scores == LOGITS and foreign.gives.dtype != "float32"
    check_answers(
        ask_model(model_bytes, patterns_rgb, spec=spec),
        soften(answers) if scores == LOGITS else answers,
        step=_SOFTMAX_STEP if is_rounded else 0.0,
        name=str(foreign.path),
    )
    return model_bytes, scores, note


def _complete_network(foreign: ForeignModel, scaling: Scaling, scores: str) -> bytes:
    """Return the network with what it lacks: channels scaled apart before, a softmax behind it."""
    model_bytes = foreign.model_bytes
    if scaling.built_in is not None:
        means, deviations = zip(*scaling.built_in.per_channel(), strict=True)
        model_bytes = add_scaling(model_bytes, means=means, deviations=deviations)
    return add_softmax(model_bytes) if scores == LOGITS else model_bytes


def _choose_labels(foreign: ForeignModel, wishes: Wishes) -> LabelList:
    found = wishes.labels or _read_own_labels(foreign)
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


def _read_own_labels(foreign: ForeignModel) -> LabelList:
    name = foreign.metadata.labels_name
    if foreign.labels_text is None:
        names = f"whose metadata names {name}, which is not in it" if name else "which names none"
        raise DataError(
            "The scores of a model need labels",
            received=f"{foreign.path}, {names}, and no --labels",
            fix="Use --labels FILE, a text file with a label per line",
        )
    found = parse_label_list(foreign.labels_text, name=f"{name} in {foreign.path}")
    return LabelList(found.labels, (f"labels: those of its own {name}", *found.notes))


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
    defaults = (
        f"frames: RGB, the whole frame squeezed to {width}x{height}",
        f"thresholds: {wishes.threshold:g} for every label, and no calibration; "
        "edge evaluate shows what that is worth on your photos",
    )
    name = foreign.metadata.labels_name
    if not name or foreign.labels_text is not None:
        return defaults
    return (*defaults, f"labels: as asked; the file has lost its own {name}, which it names")


def _try_in_child(foreign: ForeignModel, manifest: Manifest) -> None:
    """Run it where it can do no harm: a file of unknown origin may abort the process."""
    with tempfile.TemporaryDirectory(prefix="catseye-package-") as folder:
        path = Path(folder) / "model.tflite"
        write_model_file(path, model_bytes=foreign.model_bytes, manifest=manifest)
        try:
            verify_model(read_model_file(path), is_remembered=False)
        except ModelFileError as error:
            fix = "Copy the file again, or convert it for TFLite's own operators"
            raise ModelFileError(
                "A model to package must run in the device's interpreter",
                received=f"{foreign.path}: {error.received.removeprefix(f'{path}: ')}",
                fix=error.fix if isinstance(error, NotVerifiableError) else fix,
            ) from error

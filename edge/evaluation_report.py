"""The page about a deployed file on a folder of pictures, made where the file runs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import __version__
from edge.classifier import Classifier
from edge.conditions import CONDITIONS
from edge.evaluation import FolderEvaluation
from edge.images import read_picture
from edge.manifest import InputSpec, Manifest
from edge.page.blocks import Block, Heading, Page, Row, Table, Text
from edge.page.pictures import encode_picture, lay_heat
from edge.preprocess import describe_framing, fit_frame, seen_box
from edge.quality.judgement import Judgement, answers, judge
from edge.quality.occlusion import map_occlusion
from edge.quality.robustness import choose_rows, judge_conditions
from edge.quality.sections import Exhibit, judgement_sections
from edge.records import Pixels

_MOST_BYTES = 100_000_000
_EXPLAINED_MISTAKES = 9
_SHOWN_SKIPPED = 50
_SHOWN_SIDE = 224
_LONGEST_SHOWN = 8.0  # times its width
_EXPLANATION = (
    "On the right what counted: the parts glow that the wrong answer needed, found by covering the "
    "picture bit by bit (Zeiler and Fergus 2014)."
)


@dataclass(frozen=True, slots=True)
class ReportSubject:
    """What a page is about.

    Attributes:
        folder: The pictures, as the user named them.
        model: File name of the model.
    """

    folder: str
    model: str


def count_changed_pictures(classifier: Classifier, found: FolderEvaluation) -> int:
    """Return how many pictures `judge_folder` will classify in all conditions together."""
    return len(_choose(classifier, found)) * len(CONDITIONS)


def judge_folder(
    classifier: Classifier,
    found: FolderEvaluation,
    *,
    when_judged: Callable[[int], None] | None = None,
) -> Judgement:
    """Say all that can be said about an evaluation, some of the pictures in other light included.

    Args:
        classifier: The deployed file.
        found: What it said.
        when_judged: Called with the number of pictures that were judged, for a progress bar.

    Raises:
        PictureError: A picture cannot be read any more.
    """
    rows = _choose(classifier, found)
    frames_bgr = np.stack([_as_model_sees(classifier, found, int(row)) for row in rows])
    verdicts = found.verdicts

    def answer(some_bgr: Pixels) -> NDArray[np.intp]:
        scores = np.stack([classifier.classify_fitted(frame).scores for frame in some_bgr])
        return answers(scores, verdicts.labels, verdicts.thresholds)

    truth = verdicts.truth[rows]
    conditions = judge_conditions(frames_bgr, truth, answer=answer, when_judged=when_judged)
    return judge(verdicts, conditions=conditions)


def build_page(
    classifier: Classifier, found: FolderEvaluation, judgement: Judgement, subject: ReportSubject
) -> Page:
    """Lay out the page.

    Raises:
        PictureError: A picture cannot be read any more.
    """
    manifest = classifier.model.manifest
    exhibits = {
        mistake.row: Exhibit(
            mistake.path.removeprefix(subject.folder).lstrip("/\\"),
            _show(classifier, found, mistake.row, is_explained=place < _EXPLAINED_MISTAKES),
        )
        for place, mistake in enumerate(judgement.mistakes)
    }
    blocks = [
        *judgement_sections(
            judgement, source="all that could be read", exhibits=exhibits, explanation=_EXPLANATION
        ),
        *_skipped(found),
        *_card(manifest),
    ]
    return Page(
        title=f"{manifest.name}: how good it is",
        subtitle=f"{subject.model} on {judgement.evaluation.images:,} pictures of "
        f"{subject.folder}, by the code that runs on the device",
        blocks=blocks,
        footer=f"catseye {__version__}, edge evaluate; model {classifier.model.sha256}",
    )


def _choose(classifier: Classifier, found: FolderEvaluation) -> NDArray[np.intp]:
    """Return the rows to look at in other light, as many as fit into memory."""
    width, height = classifier.size_wh
    rows = choose_rows(found.verdicts.truth)
    fitting = max(1, _MOST_BYTES // (width * height * 3))
    return rows if len(rows) <= fitting else choose_rows(found.verdicts.truth, most=fitting)


def _as_model_sees(classifier: Classifier, found: FolderEvaluation, row: int) -> Pixels:
    frame_bgr = read_picture(found.judged[row].path)
    pixels_rgb = fit_frame(frame_bgr, spec=classifier.model.manifest.input)
    return np.ascontiguousarray(pixels_rgb[:, :, ::-1])


def _show(
    classifier: Classifier, found: FolderEvaluation, row: int, *, is_explained: bool
) -> list[str]:
    """Return a mistake's picture, and beside it what led to the answer."""
    frame_bgr = read_picture(found.judged[row].path)
    shown = [encode_picture(frame_bgr)]
    if is_explained:
        seen_bgr = _as_model_sees(classifier, found, row)
        heat = map_occlusion(
            seen_bgr,
            int(found.verdicts.scores[row].argmax()),
            score=lambda frame: classifier.classify_fitted(frame).scores,
        )
        seen_bgr = _in_proportion(seen_bgr, frame_bgr, classifier.model.manifest.input)
        shown.append(encode_picture(lay_heat(seen_bgr, heat)))
    return shown


def _in_proportion(seen_bgr: Pixels, frame_bgr: Pixels, spec: InputSpec) -> Pixels:
    """Return what the model sees, with a squashed frame as wide and high as it was."""
    if spec.resize != "squash":
        return seen_bgr
    left, top, right, bottom = seen_box(frame_bgr.shape[1::-1], spec)
    width, height = right - left, bottom - top
    size_wh = (
        round(_SHOWN_SIDE * min(max(1.0, width / height), _LONGEST_SHOWN)),
        round(_SHOWN_SIDE * min(max(1.0, height / width), _LONGEST_SHOWN)),
    )
    return np.asarray(cv2.resize(seen_bgr, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _skipped(found: FolderEvaluation) -> Iterator[Block]:
    if found.skipped:
        yield Heading("Left out")
        rows = [(str(skip.path), skip.reason) for skip in found.skipped[:_SHOWN_SKIPPED]]
        more = len(found.skipped) - len(rows)
        yield Table(("file", "why"), rows, f"and {more} more" if more else "")


def _card(manifest: Manifest) -> Iterator[Block]:
    """Yield what the file says about itself, for people."""
    decision, size = manifest.decision, manifest.input
    yield Heading("The model")
    yield Text(
        f"It says {', '.join(manifest.labels)}, and unknown below a label's least score. It knows "
        "nothing else: a picture of anything else gets what fits least badly."
    )
    facts: list[tuple[str, str]] = [
        ("input", f"{size.width} x {size.height} pixels, RGB, {size.dtype}"),
        ("of a frame", describe_framing(size)),
        ("network", _say(manifest.training, "network")),
        ("quantization", _say(manifest.quantization, "mode")),
        ("temperature", f"{decision.temperature:g}"),
        ("decision", f"{decision.votes} of {decision.window} frames"),
    ]
    thresholds = Table(
        ("label", "least score"),
        [(label, f"{decision.thresholds[label]:.2f}") for label in manifest.labels],
    )
    yield Row(
        [
            Table(
                (
                    "",
                    "",
                ),
                facts,
            ),
            thresholds,
        ]
    )
    counts = _counts(manifest)
    if counts is not None:
        yield counts
    yield Text(
        "It is as good as its photos: expect less from other cameras, other light and other "
        "angles, and judge it there, with edge evaluate on pictures of that camera. It is a "
        "classifier of pictures, not a lock: not for anything that hurts when it is wrong.",
        is_note=True,
    )


def _counts(manifest: Manifest) -> Table | None:
    data = manifest.training.get("data")
    counts = data.get("counts") if isinstance(data, Mapping) else None
    if not isinstance(counts, Mapping):
        return None
    parts = [str(part) for part in counts if isinstance(counts[part], Mapping)]
    rows = [
        (label, *(_count(counts[part].get(label)) for part in parts)) for label in manifest.labels
    ]
    return Table(("trained on", *parts), rows, "Photos of each label in each part.")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _say(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return "not said" if value is None else str(value)

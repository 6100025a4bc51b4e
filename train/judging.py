"""How good a trained network is: the numbers and pictures of its report."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import PictureError
from edge.images import read_picture
from edge.metrics import apply_temperature
from edge.page.pictures import encode_picture, lay_heat
from edge.quality.calibration import fit_temperature
from edge.quality.judgement import Judgement, Mistake, Verdicts, judge
from edge.quality.robustness import choose_rows, judge_conditions
from edge.quality.sections import Exhibit
from edge.records import Pixels, Scores
from train.cache import PixelCache
from train.gradcam import GradCam
from train.learner import Learner
from train.preparation import Plan

_EXPLAINED_MISTAKES = 12
_SHOWN_SIDE = 224


@dataclass(frozen=True, slots=True, eq=False)
class PartScores:
    """What the network says about a part, not calibrated.

    Attributes:
        name: One of `train.folder.PARTS`.
        cache: Its pictures.
        scores: `(pictures, labels)`, in [0, 1].
    """

    name: str
    cache: PixelCache
    scores: Scores


def judge_part(learner: Learner, plan: Plan, part: PartScores, validation: PartScores) -> Judgement:
    """Say all that can be said about a part of the photos.

    Args:
        learner: The network, with the weights that are kept.
        plan: Labels and paths.
        part: To judge with.
        validation: Chooses the temperature that calibrates the scores.
    """
    temperature = fit_temperature(validation.scores, validation.cache.truth)
    rows = choose_rows(part.cache.truth)
    pictures_bgr = part.cache.pixels_rgb[rows][..., ::-1]

    def answer(some_bgr: Pixels) -> NDArray[np.intp]:
        scores = learner.scores(np.ascontiguousarray(some_bgr[..., ::-1]))
        best: NDArray[np.intp] = scores.argmax(axis=1)
        return best

    verdicts = Verdicts(
        paths=[entry.path for entry in plan.split.part(part.name)],
        truth=part.cache.truth,
        scores=apply_temperature(part.scores, temperature),
        labels=plan.labels,
        temperature=temperature,
    )
    conditions = judge_conditions(pictures_bgr, part.cache.truth[rows], answer=answer)
    return judge(verdicts, conditions=conditions)


def exhibit_mistakes(
    learner: Learner, plan: Plan, part: PartScores, judgement: Judgement
) -> dict[int, Exhibit]:
    """Return the pictures of the worst mistakes by row, with what led to each of the first."""
    explainer = GradCam(learner.network)
    return {
        mistake.row: Exhibit(
            mistake.path,
            _show(
                plan, part, mistake, explainer=explainer if place < _EXPLAINED_MISTAKES else None
            ),
        )
        for place, mistake in enumerate(judgement.mistakes)
    }


def _show(
    plan: Plan, part: PartScores, mistake: Mistake, *, explainer: GradCam | None
) -> list[str]:
    pixels_rgb = part.cache.pixels_rgb[mistake.row]
    seen_bgr = np.ascontiguousarray(pixels_rgb[..., ::-1])
    try:
        shown = [encode_picture(read_picture(plan.root / mistake.path), side=_SHOWN_SIDE)]
    except PictureError:  # moved or deleted since: what the network saw is still there
        shown = [encode_picture(seen_bgr, side=_SHOWN_SIDE)]
    if explainer is not None:
        heat = explainer.explain(pixels_rgb, plan.labels.index(mistake.taken_for))
        shown.append(encode_picture(lay_heat(seen_bgr, heat), side=_SHOWN_SIDE))
    return shown

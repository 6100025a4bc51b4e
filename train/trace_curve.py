"""`edge train --learning-curve`: what more photos would bring, drawn from those at hand."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import SettingError
from train import charts
from train.building import build_network
from train.checkpoint import write_atomically
from train.features import extract_features
from train.learning_curve import Examples, LearningCurve, count_rounds, say_curve, trace_curve
from train.networks import Network, find_network
from train.preparation import Plan, Prepared, TrainRequest
from train.surroundings import Surroundings
from train.trial import prepare_trial


@dataclass(frozen=True, slots=True)
class CurveTrace:
    """A learning curve and where it is drawn.

    Attributes:
        curve: What was found.
        verdict: The same in words.
        network: Whose features it rests on.
        side: Width and height of its input, in pixels.
        figure: The PNG file.
    """

    curve: LearningCurve
    verdict: str
    network: str
    side: int
    figure: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain values for JSON."""
        forecast = self.curve.forecast
        return {
            "verdict": self.verdict,
            "network": self.network,
            "size": self.side,
            "judged": self.curve.judged,
            "points": [asdict(point) for point in self.curve.points],
            "forecast": asdict(forecast) if forecast else None,
        }


def draw_learning_curve(request: TrainRequest, surroundings: Surroundings) -> CurveTrace:
    """Learn from growing shares of the photos, and draw the mistakes into the run folder.

    Only last layers are learned, on what the pretrained network sees, of the training and the
    validation part; the test part is not looked at.

    Raises:
        DataError: The photos cannot be used.
        SettingError: An option cannot be used, or the network is not pretrained.
        RunFolderError: The run folder cannot be written, or holds something else.
    """
    spec = find_network(request.options.chosen_network)
    if not spec.is_pretrained:
        raise SettingError(
            "--learning-curve needs a network that begins with ImageNet weights",
            received=f"--network {spec.name}",
            fix="Leave --network away: what the photos are worth does not depend on it much",
        )
    progress, seed = surroundings.progress, request.options.chosen_seed
    with prepare_trial(request, progress, begin=_build) as (run, prepared):
        examples = _see(prepared, surroundings)
        rounds = count_rounds(len(examples.truth))
        with progress.track("learning from growing shares", rounds) as advance:
            curve = trace_curve(
                examples, seed=seed, when_done=advance, is_stopped=surroundings.stop.is_set
            )
        side = prepared.plan.settings.side
    found = CurveTrace(curve, say_curve(curve), spec.name, side, run.learning_curve)
    charts.draw_learning_curve(curve, run.learning_curve)
    text = json.dumps(found.to_dict(), indent=2, allow_nan=False)
    write_atomically(run.learning_curve_json, text.encode())
    return found


def _build(plan: Plan) -> Network:
    return build_network(plan.settings, labels=len(plan.labels))


def _see(prepared: Prepared, surroundings: Surroundings) -> Examples:
    """Let the network see all photos but those of the test part."""
    plan, network, parts = prepared.plan, prepared.network, prepared.parts
    caches = (parts.train, parts.validation)
    total = sum(len(cache) for cache in caches)
    with surroundings.progress.track("looking at photos", total) as advance:
        features = [
            extract_features(network, cache.pixels_rgb, when_done=advance) for cache in caches
        ]
    entries = [*plan.split.part("train"), *plan.split.part("validation")]
    names = [entry.group or entry.path for entry in entries]
    _, groups = np.unique(names, return_inverse=True)
    truth = np.concatenate([cache.truth for cache in caches])
    return Examples(np.concatenate(features), truth, groups.astype(np.int64), len(plan.labels))

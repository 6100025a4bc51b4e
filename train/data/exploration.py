"""`edge data explore`: what is in a folder of photos, in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import DataError
from train.data.check import check_survey
from train.data.feature_map import FeatureMap, count_mapped, map_features
from train.data.measures import Measurement, PhotoMeasures, measure_photos
from train.data.mislabels import Mislabel
from train.data.opinion import check_opinion, find_mislabels
from train.data.report import CheckReport, PhotoGroup
from train.data.survey import survey_folder
from train.folder import absolute_folder
from train.progress import TrainProgress

TRAITS = ("brightness", "contrast", "saturation", "sharpness")
"""What is measured of each photo, beside its size; see `PhotoMeasures`."""

EXTREMES: Mapping[str, tuple[str, int]] = {
    "darkest": ("brightness", 1),
    "brightest": ("brightness", -1),
    "least contrast": ("contrast", 1),
    "blurriest": ("sharpness", 1),
    "sharpest": ("sharpness", -1),
    "most colourful": ("saturation", -1),
    "tallest": ("aspect", 1),
    "widest": ("aspect", -1),
}
"""By name: the measure, and 1 where the least of it is meant, -1 where the most is."""

_SHOWN_EXTREMES = 8
_STRIKING = 0.8  # standard deviations; "large" by Cohen 1988


@dataclass(frozen=True, slots=True)
class Spread:
    """How a measure varies among the photos of a label.

    Attributes:
        low: A quarter of the photos lie below it.
        median: Half of them.
        high: Three quarters.
    """

    low: float
    median: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return the numbers as plain values."""
        return {"low": self.low, "median": self.median, "high": self.high}


@dataclass(frozen=True, slots=True)
class Giveaway:
    """A label that can be told by something that has nothing to do with what it means.

    Attributes:
        label: The label.
        trait: One of `TRAITS`.
        distance: Of its mean from that of the other photos, in standard deviations; negative when
            it has less.
    """

    label: str
    trait: str
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Exploration:
    """What is in a folder of photos.

    Attributes:
        check: Counts per label, files that cannot be used, photos that show the same.
        measurement: Sizes, light, colour and sharpness.
        features: The photos laid out in two dimensions; `None` when not asked for.
        mislabels: Labels that a model doubts; `None` without a model.
    """

    check: CheckReport
    measurement: Measurement
    features: FeatureMap | None
    mislabels: tuple[Mislabel, ...] | None

    @property
    def photos(self) -> tuple[PhotoMeasures, ...]:
        """The photos that can be decoded."""
        return self.measurement.photos

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in order."""
        return tuple(count.label for count in self.check.labels)

    def has_photos(self, label: str) -> bool:
        """Whether any photo of a label can be decoded."""
        return label in self.measurement.means_bgr

    @property
    def similar(self) -> tuple[PhotoGroup, ...]:
        """The groups of photos that show the same, the largest first."""
        return tuple(sorted(self.check.groups, key=lambda group: -len(group.paths)))

    def spread(self, label: str, trait: str) -> Spread:
        """Return how a measure varies among a label's photos; all 0 when there are none."""
        values = [getattr(photo, trait) for photo in self.photos if photo.label == label]
        if not values:
            return Spread(0.0, 0.0, 0.0)
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
        return Spread(float(low), float(median), float(high))

    def extremes(self, name: str) -> list[PhotoMeasures]:
        """Return the photos that stand out most in a way of `EXTREMES`; none when all are alike."""
        trait, sign = EXTREMES[name]
        ordered = sorted(self.photos, key=lambda photo: sign * getattr(photo, trait))
        middle = getattr(ordered[len(ordered) // 2], trait) if ordered else 0.0
        return [p for p in ordered[:_SHOWN_EXTREMES] if sign * getattr(p, trait) < sign * middle]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values for JSON."""
        features, mislabels = self.features, self.mislabels
        return {
            "check": self.check.to_dict(),
            "labels": {
                label: {
                    trait: self.spread(label, trait).to_dict()
                    for trait in ("width", "height", "aspect", *TRAITS)
                }
                for label in self.labels
            },
            "giveaways": [
                {"label": one.label, "trait": one.trait, "distance": one.distance}
                for one in find_giveaways(self.photos)
            ],
            "extremes": {name: [photo.path for photo in self.extremes(name)] for name in EXTREMES},
            "map": None
            if features is None
            else {
                "explained": features.explained,
                "agreement": features.agreement,
                "points": [
                    {"path": p.path, "label": p.label, "x": p.x, "y": p.y} for p in features.points
                ],
            },
            "mislabels": None if mislabels is None else [one.to_dict() for one in mislabels],
        }


def explore_folder(
    folder: Path, *, model: Path | None, has_map: bool, progress: TrainProgress
) -> Exploration:
    """Look at every photo of a folder; nothing in it is changed.

    Args:
        folder: Of the photos.
        model: A run folder or model file that has an opinion on the labels; `None` for none.
        has_map: Whether the photos are laid out in two dimensions, which takes TensorFlow.
        progress: Told what happens.

    Raises:
        DataError: There is no such folder, or none of photos with a label in it, or the model
            knows other labels.
        MissingExtraError: What the map needs is not installed.
        ModelFileError: The model file cannot be used.
        RunFolderError: The run folder cannot be used.
    """
    survey = survey_folder(absolute_folder(folder))
    if not survey.files:
        raise DataError(
            "There must be a subfolder of photos for each label",
            received=f"{survey.root}, without one that holds photos",
            fix="Name the folder that holds, for example, cat/ and dog/",
        )
    if model is not None:
        check_opinion(model, sorted({file.label for file in survey.files}))
    check = check_survey(survey, group_by=None, progress=progress)
    with progress.track("measuring photos", len(survey.files)) as advance:
        measurement = measure_photos(check.root, survey.files, when_done=advance)
    photos = measurement.photos
    features = mislabels = None
    if has_map:
        with progress.track("mapping photos", count_mapped(photos)) as advance:
            features = map_features(check.root, photos, when_done=advance)
    if model is not None:
        with progress.track("asking the model", len(photos)) as advance:
            mislabels = find_mislabels(check.root, photos, model, when_done=advance)
    return Exploration(check, measurement, features, mislabels)


def find_giveaways(photos: Sequence[PhotoMeasures]) -> list[Giveaway]:
    """Return the labels that differ strikingly in light, colour or sharpness, by how much.

    A network learns such a difference first, and is lost where it does not hold. The distance is
    Cohen's d (Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences").
    """
    found = []
    for label in sorted({photo.label for photo in photos}):
        for trait in TRAITS:
            own = np.array([getattr(p, trait) for p in photos if p.label == label])
            other = np.array([getattr(p, trait) for p in photos if p.label != label])
            if len(own) > 1 and len(other) > 1:
                deviation = float(np.sqrt((own.var() + other.var()) / 2))
                distance = float(own.mean() - other.mean()) / max(deviation, 1e-9)
                if abs(distance) >= _STRIKING:
                    found.append(Giveaway(label, trait, distance))
    return sorted(found, key=lambda one: -abs(one.distance))

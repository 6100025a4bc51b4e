"""A Keras file with labels and pictures: what `edge convert` takes instead of a run folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.keras_file.architecture import Architecture, read_architecture
from convert.keras_file.archive import KerasArchive, open_archive
from convert.keras_file.ending import check_label_count, read_ending
from convert.keras_file.front import fit_front, read_front
from convert.keras_file.vetting import vet_config
from convert.label_file import LabelList, read_label_file
from convert.picture_folder import PictureFolder, PictureParts, find_pictures, read_parts
from convert.pictures import load_pictures, sample_pictures
from convert.progress import Progress, no_progress
from convert.run_folder import RunPicture
from convert.scaling import Normalization
from edge.chatter import chatter_kept_back
from edge.errors import ModelFileError
from edge.manifest import InputSpec

_COMPARED_PICTURES = 32  # validation pictures that the rebuilt network must agree on


@dataclass(frozen=True, slots=True, eq=False)
class KerasOrigin:
    """A network of others, ready to be converted.

    Attributes:
        name: The file's name without its suffix.
        labels: In the order of the network's output.
        input: What the network takes, now that it is rebuilt.
        pictures: All that can be used.
        facts: Where it comes from, and what had to be assumed; no path is in it.
        notes: The same for the person, with what was left out of the folder.
        warnings: What the pictures cannot tell.
        network: A flat model of tf_keras.
    """

    name: str
    labels: tuple[str, ...]
    input: InputSpec
    pictures: tuple[RunPicture, ...]
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    network: Any

    @property
    def is_foreign(self) -> bool:
        """Whether labels and scaling are what a person says, and may be wrong: yes."""
        return True

    def part(self, name: str) -> list[RunPicture]:
        """Return the pictures of one part: "train" or "validation"."""
        return [picture for picture in self.pictures if picture.part == name]

    def load_network(self) -> Any:
        """Return the float network."""
        return self.network


@dataclass(frozen=True, slots=True, eq=False)
class KerasFile:
    """A Keras file of others that was looked at without Keras.

    Attributes:
        archive: What it says.
        architecture: Its layers.
        labels: Of its scores.
        folder: The pictures to convert it with.
        asked: What happens to pixels before the network, by the options.
    """

    archive: KerasArchive
    architecture: Architecture
    labels: LabelList
    folder: PictureFolder
    asked: Normalization | None

    def prepare(self, progress: Progress = no_progress) -> KerasOrigin:
        """Load the network, look through the pictures, and build the same network in tf_keras.

        Raises:
            ModelFileError: The network does not load, takes or gives what cannot be converted, or
                is another one when it is built anew.
            DataError: Labels or pictures that do not fit.
        """
        with chatter_kept_back():  # TensorFlow takes its seconds, and says so
            from convert.keras_file import rebuild
            from convert.qat import scale_pixels

        path = self.archive.path
        original = rebuild.load_original(self.archive)
        check_label_count(_count_scores(original, path), self.labels.labels, path=path)
        weights = rebuild.read_weights(original, self.architecture)
        front, inner = read_front(self.architecture, weights, asked=self.asked, path=path)
        parts = read_parts(self.folder, size_wh=inner.size_wh, progress=progress)
        pixels_rgb = self._read_some(parts)
        before = rebuild.ask(original, _scale(pixels_rgb, self.asked))
        ending = read_ending(inner, weights, before, path=path)
        fitted = fit_front(front, ending.architecture)
        network = rebuild.build_network(
            fitted.architecture,
            {**weights, **ending.weights, **fitted.weights},
            name=path.stem,
            is_legacy=self.archive.is_legacy,
        )
        after = rebuild.ask(network, scale_pixels(pixels_rgb, fitted.spec))
        rebuild.check_same(ending.to_probabilities(before), after, archive=self.archive)
        notes = (*self.labels.notes, *self._describe(), front.note, fitted.note, ending.note)
        assumptions = tuple(note for note in notes if note)
        return KerasOrigin(
            name=path.stem,
            labels=self.labels.labels,
            input=fitted.spec,
            pictures=parts.pictures,
            facts=self._gather_facts(parts, assumptions),
            notes=(*assumptions, *parts.notes),
            warnings=(_warn_of_pictures(path),),
            network=network,
        )

    def _read_some(self, parts: PictureParts) -> Any:
        validation = [picture for picture in parts.pictures if picture.part == "validation"]
        width, height = self.architecture.size_wh
        some = sample_pictures(validation, count=_COMPARED_PICTURES)
        spec = InputSpec(width, height)
        return load_pictures(some, labels=self.labels.labels, spec=spec).pixels_rgb

    def _describe(self) -> tuple[str, ...]:
        width, height = self.architecture.size_wh
        found = [f"frames: RGB, the whole frame squeezed to {width}x{height}"]
        if self.architecture.dropped:
            names = ", ".join(map(repr, self.architecture.dropped))
            found.append(
                f"augmentation: {names} left out, since it changes pictures in training only"
            )
        if "validation" not in self.folder.found:
            found.append(
                "pictures: the folder has no part to judge by, so that three in ten of each label "
                "were put aside for that"
            )
        return tuple(found)

    def _gather_facts(self, parts: PictureParts, assumptions: tuple[str, ...]) -> dict[str, Any]:
        return {
            "origin": {
                "file": self.archive.path.name,
                "sha256": self.archive.sha256,
                "keras_version": self.archive.keras_version,
            },
            "assumptions": list(assumptions),
            "data": {"fingerprint": parts.fingerprint, "counts": parts.counts},
            "split": {"given": "validation" in self.folder.found},
        }


def read_keras_file(
    path: Path, *, labels_file: Path, data: Path, asked: Normalization | None
) -> KerasFile:
    """Look at a Keras file, its labels and its pictures as far as that is quick.

    Args:
        path: The file.
        labels_file: Text file with a label per line, in the order of the network's scores.
        data: Folder of pictures with a subfolder per label.
        asked: What happens to pixels before the network; `None` if it takes them as they are.

    Raises:
        ModelFileError: No Keras file, or one with layers that cannot be converted.
        DataError: Labels or folders that cannot be used.
    """
    archive = open_archive(path)
    architecture = read_architecture(archive.config)
    vet_config(archive.config, is_legacy=archive.is_legacy)
    labels = read_label_file(labels_file)
    return KerasFile(
        archive, architecture, labels, find_pictures(data, labels=labels.labels), asked
    )


def _count_scores(original: Any, path: Path) -> int:
    shape = original.output_shape
    if not (isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[1], int)):
        raise ModelFileError(
            "The network must give one row of scores for each picture, (None, labels)",
            received=f"an output of the shape {shape} in {path}",
            fix="Add a Flatten or GlobalAveragePooling2D layer at its end, and save it again",
        )
    return shape[1]


def _scale(pixels_rgb: Any, asked: Normalization | None) -> Any:
    """Return pixels as the network of the file takes them, `float32`."""
    means, deviations = np.array(asked.per_channel() if asked else [(0.0, 1.0)], np.float32).T
    return (pixels_rgb - means) / deviations


def _warn_of_pictures(path: Path) -> str:
    return (
        f"catseye cannot know which of these pictures {path.name} was trained on; if it has seen "
        "validation pictures, accuracy, thresholds and calibration look better here than they will "
        "be. What the file loses against the float network holds all the same"
    )

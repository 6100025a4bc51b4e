"""The tables, the manifest and the summary with which a run folder explains itself."""

import csv
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import tensorflow as tf
import tf_keras

from edge import __version__
from edge.errors import RunFolderError
from edge.metrics import Evaluation
from edge.preprocess import COLOUR_ORDER, RESIZE_MODE
from train.checkpoint import EpochRecord, best_epoch, write_atomically
from train.networks import INPUT_MEAN, INPUT_SCALE, Network
from train.run_folder import RunFolder
from train.scan import SkippedFile
from train.settings import FRACTIONS, LABEL_SMOOTHING, WEIGHT_DECAY, TrainSettings
from train.split import Split


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training was and what it came to.

    Attributes:
        status: "complete" or "interrupted".
        root: Folder of the photos, absolute.
        labels: In the order of the network's output.
        settings: What it was asked to do.
        split: The pictures that took part.
        is_split_given: The folder itself held the parts.
        skipped: The files that did not.
        history: Its epochs.
        parameters: Of the network.
        validation: The kept weights on the part to choose by.
        test: Likewise on the part to judge with; `None` when interrupted.
    """

    status: str
    root: Path
    labels: tuple[str, ...]
    settings: TrainSettings
    split: Split
    is_split_given: bool
    skipped: tuple[SkippedFile, ...]
    history: tuple[EpochRecord, ...]
    parameters: int
    validation: Evaluation | None
    test: Evaluation | None

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept; 0 when none was finished."""
        best = best_epoch(self.history)
        return best.epoch if best else 0

    @property
    def images_per_second(self) -> float:
        """Training pictures learned from per second, over all epochs."""
        rates = [record.images_per_second for record in self.history]
        return len(rates) / sum(1 / rate for rate in rates) if rates else 0.0

    @property
    def seconds(self) -> float:
        """Of all epochs."""
        return sum(record.seconds for record in self.history)

    def to_dict(self) -> dict[str, Any]:
        """Return what the manifest says, as plain values."""
        side = self.settings.side
        return {
            "status": self.status,
            "name": self.root.name,
            "labels": list(self.labels),
            "input": {
                "width": side,
                "height": side,
                "colour_order": COLOUR_ORDER,
                "resize": RESIZE_MODE,
                "mean": INPUT_MEAN,
                "scale": INPUT_SCALE,
            },
            "network": self.settings.network,
            "data": {
                "root": str(self.root),
                "fingerprint": self.split.fingerprint,
                "counts": self.split.counts,
                "skipped": len(self.skipped),
            },
            "split": {
                "seed": self.settings.seed,
                "given": self.is_split_given,
                "fractions": list(FRACTIONS),
            },
            "training": {
                **self.settings.to_dict(),
                "label_smoothing": LABEL_SMOOTHING,
                "weight_decay": WEIGHT_DECAY,
                "parameters": self.parameters,
                "epochs_done": len(self.history),
                "best_epoch": self.best_epoch,
                "images_per_second": round(self.images_per_second, 2),
                "seconds": round(self.seconds, 1),
            },
            "metrics": {
                "validation": self.validation.to_dict() if self.validation else {},
                "test": self.test.to_dict() if self.test else {},
            },
            "versions": _versions(),
        }


def save_network(run: RunFolder, network: Network) -> None:
    """Write the network in the `.keras` format, every layer trainable again."""
    for layer in network.layers:
        layer.trainable = True
    with tempfile.TemporaryDirectory(dir=run.path) as folder:
        path = Path(folder) / run.model.name
        network.save(path)
        write_atomically(run.model, path.read_bytes())


def write_history(run: RunFolder, history: Sequence[EpochRecord]) -> None:
    """Write the epochs as a table."""
    columns = [field.name for field in fields(EpochRecord)]
    rows = [
        [f"{v:.6g}" if isinstance(v, float) else v for v in record.to_dict().values()]
        for record in history
    ]
    _write_table(run.path / "history.csv", columns, rows)


def write_skipped(run: RunFolder, skipped: Sequence[SkippedFile]) -> None:
    """Write the files that take no part, and why, as a table."""
    rows = [[file.path, file.reason] for file in skipped]
    _write_table(run.path / "skipped.csv", ["path", "reason"], rows)


def read_skipped(run: RunFolder) -> tuple[SkippedFile, ...]:
    """Read the table that `write_skipped` wrote.

    Raises:
        RunFolderError: It is missing or not such a table.
    """
    path = run.path / "skipped.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(SkippedFile(*row) for row in list(csv.reader(file))[1:])
    except (OSError, UnicodeDecodeError, csv.Error, TypeError) as error:
        raise RunFolderError(
            "A run folder holds the table of the files that were left out",
            received=f"{path}: {error}",
            fix="Begin anew with --overwrite",
        ) from error


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def _versions() -> dict[str, str]:
    return {
        "catseye": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "tf_keras": tf_keras.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
    }

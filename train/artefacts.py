"""The tables, the manifest and the summary with which a run folder explains itself."""

import platform
import tempfile
from dataclasses import dataclass
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
from train.checkpoint import EpochRecord, best_epoch, write_atomically
from train.framing import describe_input
from train.networks import Network
from train.preparation import Plan
from train.run_folder import RunFolder
from train.settings import FRACTIONS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training was and what it came to.

    Attributes:
        status: "complete" or "interrupted".
        plan: What it was asked to do, with which pictures.
        history: Its epochs.
        parameters: Of the network.
        validation: The kept weights on the part to choose by; `None` on a machine that only
            helps another, which judges and writes.
        test: Likewise on the part to judge with; `None` when interrupted.
        dtype_policy: What it learned with, "float32" or "mixed_float16".
    """

    status: str
    plan: Plan
    history: tuple[EpochRecord, ...]
    parameters: int
    validation: Evaluation | None
    test: Evaluation | None
    dtype_policy: str = "float32"

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
        plan, settings = self.plan, self.plan.settings
        return {
            "status": self.status,
            "name": plan.root.name,
            "labels": list(plan.labels),
            "input": describe_input(settings.input),
            "network": settings.network,
            "data": {
                "root": str(plan.root),
                "fingerprint": plan.split.fingerprint,
                "counts": plan.split.counts,
                "skipped": len(plan.skipped),
            },
            "split": {
                "seed": settings.seed,
                "given": plan.is_split_given,
                "fractions": list(FRACTIONS),
            },
            "training": {
                **settings.to_dict(),
                "dtype_policy": self.dtype_policy,
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
    """Write the network in the `.keras` format, every layer trainable again.

    Raises:
        RunFolderError: It cannot be written.
    """
    for layer in network.layers:
        layer.trainable = True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / run.model.name
        try:
            network.save(path)
            content = path.read_bytes()
        except OSError as error:
            raise RunFolderError(
                "The network is written to the folder for temporary files first",
                received=f"{folder}: {error.strerror or error}",
                fix="Make room there or set TMPDIR, then go on with --resume",
            ) from error
        write_atomically(run.model, content)


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

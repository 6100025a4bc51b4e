"""What a killed training goes on from: one file, complete or not there."""

import io
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import RunFolderError

_FIX = "Begin anew with --overwrite"


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch did: a line of the history.

    Attributes:
        epoch: From 1.
        loss: Mean over the training pictures, augmented, while learning.
        accuracy: Likewise, in [0, 1].
        val_loss: Of the validation part, after the epoch.
        val_accuracy: Likewise, in [0, 1].
        learning_rate: Of the last step.
        images_per_second: Training pictures learned from per second.
        seconds: Of the epoch, validation included.
        batch_size: Pictures per step.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    images_per_second: float
    seconds: float
    batch_size: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, in order."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class TrainState:
    """A training between two epochs.

    Attributes:
        history: The epochs that are done.
        weights: Those that learn, now.
        best_weights: Those that score, after the epoch of the lowest validation loss.
        optimizer: What the optimizer remembers.
        judged: Those that score, now.
    """

    history: tuple[EpochRecord, ...]
    weights: Sequence[NDArray[Any]]
    best_weights: Sequence[NDArray[Any]]
    optimizer: Sequence[NDArray[Any]]
    judged: Sequence[NDArray[Any]] = ()


def best_epoch(history: Sequence[EpochRecord]) -> EpochRecord | None:
    """Return the epoch of the lowest validation loss, the first of equals."""
    return min(history, key=lambda record: record.val_loss, default=None)


def save_state(path: Path, state: TrainState) -> None:
    """Write a state aside, sync it, and put it in place of the one before.

    Raises:
        RunFolderError: It cannot be written; the state before is still there.
    """
    history = json.dumps([record.to_dict() for record in state.history])
    arrays = {"history": np.array(history)}
    for name in ("weights", "best_weights", "optimizer", "judged"):
        arrays |= {f"{name}/{i:04d}": value for i, value in enumerate(getattr(state, name))}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    write_atomically(path, content.getbuffer())


def load_state(path: Path) -> TrainState | None:
    """Read a state; `None` when no epoch was finished.

    Raises:
        RunFolderError: The file cannot be read as one.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            rows = json.loads(str(stored["history"]))
            return TrainState(
                history=tuple(EpochRecord(**row) for row in rows),
                weights=_take(stored, "weights"),
                best_weights=_take(stored, "best_weights"),
                optimizer=_take(stored, "optimizer"),
                judged=_take(stored, "judged"),
            )
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RunFolderError(
            "A checkpoint must be as edge train wrote it", received=f"{path}: {error}", fix=_FIX
        ) from error


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that a kill or a full disk leaves the old one or the new one, never half.

    Raises:
        RunFolderError: It cannot be written.
    """
    aside = path.with_name(path.name + ".new")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise RunFolderError(
            "The run folder must be writable and have room",
            received=f"{path}: {error.strerror or error}",
            fix="Make room or check the permissions, then go on with --resume",
        ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _take(stored: Iterable[str], name: str) -> list[NDArray[Any]]:
    return [stored[key] for key in sorted(stored) if key.startswith(f"{name}/")]  # type: ignore[index]

"""What a killed training goes on from: one file, complete or not there."""

import hashlib
import io
import json
import logging
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import RunFolderError
from train.durable import replace_file

logger = logging.getLogger(__name__)

_FIX = "Begin anew with --overwrite"

_SEAL = b"sha256:"
_ZIP_END_BYTES = 22
_SEAL_BYTES = len(_SEAL) + hashlib.sha256().digest_size

# What NumPy and zipfile raise for bytes that changed: a flipped bit can claim anything.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    SyntaxError,
    RuntimeError,
    MemoryError,
    OverflowError,
    AttributeError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
)


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
    """Write a state aside, sync it, and put it in place; the one before stays beside it.

    At any moment there is at least one whole state under its name or that of the one before.

    Raises:
        RunFolderError: It cannot be written; the state before is still there.
    """
    history = json.dumps([record.to_dict() for record in state.history])
    arrays = {"history": np.array(history)}
    for name in ("weights", "best_weights", "optimizer", "judged"):
        arrays |= {f"{name}/{i:04d}": value for i, value in enumerate(getattr(state, name))}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    content.write(_SEAL + hashlib.sha256(content.getbuffer()).digest())
    write_atomically(path, content.getbuffer(), keep_as=path_before(path))


def path_before(path: Path) -> Path:
    """Return where the state before the newest one lies.

    Example:
        >>> path_before(Path("checkpoint/state.npz")).name
        'state-before.npz'
    """
    return path.with_stem(path.stem + "-before")


def load_state(path: Path) -> TrainState | None:
    """Read the newest state that is whole; `None` when no epoch was finished.

    Where the newest is damaged, by a failing disk or a power cut, the one before is taken.

    Raises:
        RunFolderError: There are states, and none of them can be read.
    """
    before = path_before(path)
    try:
        newest = _read_state(path)
    except RunFolderError as error:
        if not before.is_file():
            raise
        state = _read_state(before)
        logger.warning("%s; going on from the one before", error.received)
        return state
    return newest if newest is not None else _read_state(before)


def _read_state(path: Path) -> TrainState | None:
    """Read one file, and hold it against the checksum at its end."""
    try:
        content = _unseal(path.read_bytes())
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
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
    except _DAMAGE as error:
        raise RunFolderError(
            "A checkpoint must be as edge train wrote it", received=f"{path}: {error}", fix=_FIX
        ) from error


def _unseal(content: bytes) -> bytes:
    """Take the checksum off; one of an earlier catseye ends as NumPy ends it, without."""
    if content[-_ZIP_END_BYTES:].startswith(b"PK\5\6"):
        return content
    body, seal = content[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if seal != _SEAL + hashlib.sha256(body).digest():
        raise ValueError("it is damaged: its checksum is missing or wrong")
    return body


def write_atomically(
    path: Path, content: bytes | memoryview, *, keep_as: Path | None = None
) -> None:
    """Write a file so that a kill or a full disk leaves the old one or the new one, never half.

    Args:
        path: Where to.
        content: All of it.
        keep_as: Name that the old one is kept under.

    Raises:
        RunFolderError: It cannot be written.
    """
    try:
        replace_file(path, content, keep_as=keep_as)
    except OSError as error:
        raise RunFolderError(
            "The run folder must be writable and have room",
            received=f"{path}: {error.strerror or error}",
            fix="Make room or check the permissions, then go on with --resume",
        ) from error


def _take(stored: Iterable[str], name: str) -> list[NDArray[Any]]:
    return [stored[key] for key in sorted(stored) if key.startswith(f"{name}/")]  # type: ignore[index]

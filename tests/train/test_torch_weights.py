"""A weights file is read without PyTorch, and what a hostile one asks for is not done."""

import os
import pickle
import struct
from collections import OrderedDict
from types import MappingProxyType

import numpy as np
import pytest

from edge.errors import DataError, MissingExtraError
from train.networks import torch_weights
from train.networks.torch_weights import read_imagenet_weights, read_torch_tensors

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class _Global:
    """Pickles as a call of a global name, whatever stands behind it."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class _Writer(pickle._Pickler):
    """Writes as PyTorch does: storages by persistent id, its functions by name."""

    def persistent_id(self, obj):
        return obj.pid if isinstance(obj, _Storage) else None

    def save_global(self, obj, name=None):
        names = {_rebuild: "torch._utils\n_rebuild_tensor_v2\n", _Float: "torch\nFloatStorage\n"}
        if obj in names:
            self.write(b"c" + names[obj].encode())
        else:
            super().save_global(obj, name)

    dispatch = MappingProxyType(
        {**pickle._Pickler.dispatch, type(lambda: 0): save_global, type: save_global}
    )


class _Storage:
    def __init__(self, key, count):
        self.pid = ("storage", _Float, key, "cpu", count, None)


class _Float:
    pass


def _rebuild():
    pass


def write(path, tensors, *, storages=None, magic=MAGIC):
    """Write {name: (key, offset, shape, strides)} and {key: values}."""
    kept = {key: _Storage(key, len(values)) for key, values in (storages or {}).items()}
    state = OrderedDict(
        (name, value)
        if not isinstance(value, tuple)
        else (
            name,
            _Global(_rebuild, kept.get(value[0]), *value[1:], False, OrderedDict()),
        )
        for name, value in tensors.items()
    )
    with path.open("wb") as file:
        for head in (magic, PROTOCOL, {"little_endian": True}, state, list(kept)):
            _Writer(file, protocol=2).dump(head)
        for values in (storages or {}).values():
            file.write(struct.pack("<q", len(values)) + np.asarray(values, "<f4").tobytes())
    return path


VALUES = {"0": np.arange(12)}


def test_tensors_are_windows_on_storages(tmp_path):
    path = write(
        tmp_path / "w.pth",
        {
            "plain": ("0", 0, (3, 4), (4, 1)),
            "turned": ("0", 0, (4, 3), (1, 4)),
            "one": ("0", 5, (), ()),
        },
        storages=VALUES,
    )
    tensors = read_torch_tensors(path)
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(tensors["plain"], rows)
    np.testing.assert_array_equal(tensors["turned"], rows.T)  # strides are obeyed
    assert tensors["one"] == 5
    assert tensors["turned"].flags.c_contiguous


@pytest.mark.parametrize(
    "window",
    [
        ("0", 1, (3, 4), (4, 1)),  # ends behind the storage
        ("0", -1, (2,), (1,)),
        ("0", 11, (2,), (-1,)),  # runs backwards
        ("0", 0, (2, 2), (1,)),  # strides of another shape
        ("9", 0, (1,), (1,)),  # no such storage
    ],
)
def test_windows_outside_their_storage_are_refused(tmp_path, window):
    path = write(tmp_path / "w.pth", {"w": window}, storages=VALUES)
    with pytest.raises(DataError, match=r"tensors as torch.save wrote them"):
        read_torch_tensors(path)


@pytest.mark.parametrize(
    "call",
    [
        (os.system, "touch {flag}"),
        (eval, "open('{flag}', 'w')"),
        (OrderedDict.fromkeys, "ab"),  # also nothing harmless that is not on the list
    ],
)
def test_hostile_pickle_is_not_run(tmp_path, call):
    flag = tmp_path / "flag"
    function, argument = call
    hostile = _Global(function, argument.format(flag=flag))
    path = tmp_path / "w.pth"
    for heads in ((hostile,), (MAGIC, hostile), (MAGIC, PROTOCOL, {}, {"w": hostile})):
        with path.open("wb") as file:
            for head in heads:
                pickle.dump(head, file, protocol=2)
        with pytest.raises(DataError, match="is not allowed here"):
            read_torch_tensors(path)
        assert not flag.exists()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_truncated_file_is_refused(tmp_path, kept):
    path = write(tmp_path / "w.pth", {"w": ("0", 0, (12,), (1,))}, storages=VALUES)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match="Install the package that carries it again"):
        read_torch_tensors(path)


def test_what_is_no_weights_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_torch_tensors(tmp_path / "absent.pth")
    path = write(tmp_path / "w.pth", {}, magic=7)
    with pytest.raises(DataError, match="not a legacy file"):
        read_torch_tensors(path)
    path = write(tmp_path / "w.pth", {"w": 5})
    with pytest.raises(DataError, match="not a dictionary of tensors"):
        read_torch_tensors(path)


def test_missing_package_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch_weights, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="--network cnn"):
        read_imagenet_weights()

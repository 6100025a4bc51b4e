"""Weights of Keras files that lie elsewhere, or grow when they are read: refused, and not read."""

import io
import zipfile

import h5py
import numpy as np
import pytest
from keras_models import KERASES, build, change_archive

from convert.keras_file.archive import WEIGHTS, open_archive
from edge.errors import ModelFileError

SECRET = np.full(256, 0.4242, np.float32)


@pytest.fixture(scope="module", params=KERASES)
def saved(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    build(request.param).save(path)
    return path


@pytest.fixture
def secret(tmp_path):
    """A file of the machine: its numbers, and the same as HDF5."""
    (tmp_path / "secret.bin").write_bytes(SECRET.tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["numbers"] = SECRET
    return tmp_path / "secret"


def put_external(file, name, shape, secret):
    size = 4 * int(np.prod(shape))
    place = [(str(secret.with_suffix(".bin")), 0, size)]
    file.create_dataset(name, shape=shape, dtype="f4", external=place)


def put_virtual(file, name, shape, secret):
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(secret.with_suffix(".h5"), "numbers", shape)
    file.create_virtual_dataset(name, layout)


def put_external_link(file, name, shape, secret):
    file[name] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "numbers")


def put_soft_link(file, name, shape, secret):
    file[name] = h5py.SoftLink("/elsewhere")


def put_unwritten(file, name, shape, secret):
    file.create_dataset(name, shape=(1 << 38,), dtype="f4", chunks=(1024,))


def put_squeezed(file, name, shape, secret):
    file.create_dataset(name, data=np.zeros(1 << 20, np.float32), compression="gzip")


def put_group_of_links(file, name, shape, secret):
    file.create_group(name)["more"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "/")


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (put_external, "lie in another file"),
        (put_virtual, "lie in another file"),
        (put_external_link, "is a link to another place or file"),
        (put_soft_link, "is a link to another place or file"),
        (put_group_of_links, "more is a link to another place or file"),
        (put_unwritten, "is to have 1099511627776 bytes, of which 0 are stored"),
        (put_squeezed, "is to have 4194304 bytes, of which"),
    ],
)
def test_weights_that_lie_elsewhere_or_grow_are_refused(saved, tmp_path, secret, put, said):
    path = tmp_path / "others.keras"
    path.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(path) as archive:
        held = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(held, "r+") as file:
        name, shape = find_bias(file)
        del file[name]
        put(file, name, shape, secret)
    change_archive(path, **{WEIGHTS: held.getvalue()})
    with pytest.raises(ModelFileError, match=rf"every number in the file itself.*{said}") as caught:
        open_archive(path)
    assert "0.4242" not in str(caught.value)


def find_bias(file):
    found = []
    file.visititems(
        lambda name, one: found.append((name, one.shape)) if isinstance(one, h5py.Dataset) else None
    )
    return next((name, shape) for name, shape in found if len(shape) == 1)


def test_weights_that_keras_writes_are_taken(saved):
    assert open_archive(saved).path == saved


def test_weights_that_are_no_hdf5_are_refused(saved, tmp_path):
    path = tmp_path / "others.keras"
    path.write_bytes(saved.read_bytes())
    change_archive(path, **{WEIGHTS: b"no weights"})
    with pytest.raises(ModelFileError, match="The weights of a Keras file must be HDF5"):
        open_archive(path)


def test_groups_that_hold_each_other_end(saved, tmp_path):
    path = tmp_path / "others.keras"
    path.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(path) as archive:
        held = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(held, "r+") as file:
        file["again"] = file["/"]
    change_archive(path, **{WEIGHTS: held.getvalue()})
    open_archive(path)

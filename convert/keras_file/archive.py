"""A `.keras` file: a zip archive with the layers as JSON, the weights as HDF5, and a version.

Keras never reads the file of others itself. It gets a copy with the same weights, once these are
found to lie in it, see `convert.keras_file.weights_file`; and its JSON names nothing but what is
known, see `convert.keras_file.vetting`.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.keras_file.vetting import vet_config
from edge.errors import ModelFileError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_LARGEST_JSON_BYTES = 64 * 1024 * 1024
_LARGEST_WEIGHTS_BYTES = 4 * 1024 * 1024 * 1024
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP_ERRORS = (
    *(OSError, ValueError, KeyError, NotImplementedError, EOFError, zipfile.BadZipFile),
    *(zlib.error, RuntimeError),  # RuntimeError: it is encrypted
)

_SAVE_AGAIN = "Load it where it was trained and save it again: model.save('model.keras')"


@dataclass(frozen=True, slots=True)
class KerasArchive:
    """What a `.keras` file says, none of it believed yet.

    Attributes:
        path: The file.
        sha256: Of it, hexadecimal.
        keras_version: That wrote it, such as "3.15.1"; 2 stands for tf_keras and its ancestors.
        config: The model with its layers.
    """

    path: Path
    sha256: str
    keras_version: str
    config: Mapping[str, Any]

    @property
    def is_legacy(self) -> bool:
        """Whether tf_keras reads it, and not Keras 3."""
        return self.keras_version.startswith("2.")

    def copy_vetted(self, path: Path) -> None:
        """Write a file for Keras to load: the weights, and of the rest what is known to be safe.

        Raises:
            ModelFileError: The layers name code of others.
        """
        vetted = vet_config(self.config, is_legacy=self.is_legacy)
        with (
            zipfile.ZipFile(self.path) as source,
            zipfile.ZipFile(path, "w") as target,
        ):
            target.writestr(METADATA, json.dumps({"keras_version": self.keras_version}))
            target.writestr(CONFIG, json.dumps(vetted))
            with source.open(WEIGHTS) as weights, target.open(WEIGHTS, "w") as copy:
                shutil.copyfileobj(weights, copy, 1024 * 1024)


def refuse_hdf5(path: Path) -> ModelFileError:
    """Return the error for a file of the older format, whatever it is called."""
    return ModelFileError(
        "A Keras model must come in the .keras format",
        received=f"{path}, an HDF5 file; it can hold Python code that is run by loading it, and "
        "has no safe mode",
        fix=_SAVE_AGAIN,
    )


def open_archive(path: Path) -> KerasArchive:
    """Open a `.keras` file and read what it is made of, without Keras.

    Raises:
        ModelFileError: It is not there, damaged, something else, or has weights from elsewhere.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_HDF5)) == _HDF5:
                raise refuse_hdf5(path)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(
            "The Keras file must be readable",
            received=f"{path}: {error.strerror or error}",
            fix="Name a file that model.save('model.keras') has written",
        ) from error
    try:
        with zipfile.ZipFile(path) as archive:
            config, metadata = (_read_json(archive, name) for name in (CONFIG, METADATA))
            _check_weights(archive, path)
    except ModelFileError:
        raise
    except _ZIP_ERRORS as error:
        raise _damaged(path, " ".join(str(error).split())) from error
    version = str(metadata.get("keras_version", ""))
    if version.partition(".")[0] not in ("2", "3"):
        raise ModelFileError(
            "A Keras file must be of Keras 2 or 3",
            received=f"{path}, written by Keras {version!r}",
            fix=_SAVE_AGAIN,
        )
    return KerasArchive(path, sha256, version, config)


def _read_json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > _LARGEST_JSON_BYTES:
        raise ValueError(f"{name} of over {_LARGEST_JSON_BYTES // 1024**2} MiB")
    found = json.loads(archive.read(name))
    if not isinstance(found, dict):
        raise ValueError(f"{name} holds no JSON object")
    return found


def _check_weights(archive: zipfile.ZipFile, path: Path) -> None:
    from convert.keras_file.weights_file import check_weights  # h5py comes with TensorFlow

    if archive.getinfo(WEIGHTS).file_size > _LARGEST_WEIGHTS_BYTES:
        raise ValueError(f"{WEIGHTS} of over {_LARGEST_WEIGHTS_BYTES // 1024**3} GiB")
    with archive.open(WEIGHTS) as weights, tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(weights, copy, 1024 * 1024)  # to the end, where its checksum is compared
        copy.seek(0)
        check_weights(copy, path)


def _damaged(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(
        "A Keras file must be a whole .keras archive: a zip with config.json, metadata.json and "
        "model.weights.h5",
        received=f"{path}: {reason}",
        fix=f"Copy it again. {_SAVE_AGAIN}",
    )

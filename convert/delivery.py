"""Lets a model file appear under the name that was asked for, once it has proved itself."""

import tempfile
from dataclasses import replace
from pathlib import Path

from edge.errors import ModelFileError
from edge.integrity import verify_model
from edge.manifest import Manifest
from edge.modelfile import ModelFile, read_model_file, write_model_file


def deliver_model(path: Path, *, model_bytes: bytes, manifest: Manifest) -> ModelFile:
    """Write a deployable file beside its place, read it back, run its golden examples, move it.

    Whatever ends this early, an existing file stays as it is, and no unproved one is left.

    Args:
        path: Where to; an existing file is replaced once the new one has proved itself.
        model_bytes: The FlatBuffer, TFLite Metadata included.
        manifest: What the device must know.

    Returns:
        The file under its asked name.

    Raises:
        ModelFileError: What was written does not read back or does not answer as it should; the
            message names the asked path.
        OSError: The folder cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        unproved = Path(folder) / path.name
        write_model_file(unproved, model_bytes=model_bytes, manifest=manifest)
        try:
            written = read_model_file(unproved)
            verify_model(written)
        except ModelFileError as error:
            raise _renamed(error, unproved, path) from error
        unproved.replace(path)
    return replace(written, path=path)


def _renamed(error: ModelFileError, unproved: Path, path: Path) -> ModelFileError:
    """Return an error that names the asked path where it named the temporary one."""
    parts = (error.rule, error.received, error.fix)
    rule, received, fix = (part.replace(str(unproved), str(path)) for part in parts)
    return ModelFileError(rule, received=received, fix=fix)

"""Reads TFLite Metadata: what a file of any origin says about itself in the standard way.

A FlatBuffer of its own (`metadata_schema.fbs`) in a buffer of the model, found by name.
https://ai.google.dev/edge/litert/models/metadata
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.flatbuffer import Table, kept_inside

METADATA_NAME = "TFLITE_METADATA"
"""Of the entry in the model that points to the metadata."""

_NORMALIZATION = 1  # of the union ProcessUnitOptions
_AXIS_LABELS = 2  # of the enum AssociatedFileType


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a classifier's TFLite Metadata says; what it leaves out is empty.

    Attributes:
        name: Of the model.
        description: Of the model.
        author: Who made it.
        licence: Under which others may use it.
        means: Subtracted from the pixels, one number or one per channel.
        deviations: Divides after that; the schema calls it `std`.
        labels_name: File in the zip tail with a label per line.
    """

    name: str = ""
    description: str = ""
    author: str = ""
    licence: str = ""
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    labels_name: str = ""


def read_metadata(model_bytes: bytes) -> Metadata | None:
    """Read the TFLite Metadata of a model; `None` when it carries none.

    Args:
        model_bytes: A TFLite FlatBuffer.

    Raises:
        ModelFileError: The FlatBuffer or its metadata point outside themselves.
    """
    with kept_inside(model_bytes):
        model = Table.root(model_bytes)
        buffers = model.tables(4)
        for entry in model.tables(6):
            if entry.text(0) == METADATA_NAME:
                return _read(buffers[entry.integer(1, "I")].content(0))
    return None


def _read(data: bytes) -> Metadata:
    with kept_inside(data):
        model = Table.root(data)
        graphs = model.tables(3)
        takes = graphs[0].tables(2) if graphs else []
        gives = graphs[0].tables(3) if graphs else []
        means, deviations = _read_normalization(takes[0]) if takes else ((), ())
        return Metadata(
            name=model.text(0),
            description=model.text(1),
            author=model.text(4),
            licence=model.text(5),
            means=means,
            deviations=deviations,
            labels_name=next(_label_files(gives[0]), "") if gives else "",
        )


def _read_normalization(tensor: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in tensor.tables(4):
        options = unit.table(1)
        if unit.integer(0, "B") == _NORMALIZATION and options is not None:
            return options.reals(0), options.reals(1)
    return (), ()


def _label_files(tensor: Table) -> Iterator[str]:
    for file in tensor.tables(6):
        if file.integer(2, "b") == _AXIS_LABELS:
            yield file.text(0)

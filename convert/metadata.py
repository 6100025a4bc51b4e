"""Writes TFLite Metadata: what lets other programs use the file without knowing catseye.

MediaPipe Tasks, the TFLite Task Library, Android Studio and Netron read it. It is a FlatBuffer of
its own (`metadata_schema.fbs`, file identifier M001) that lies in a buffer of the model under the
name TFLITE_METADATA; the label file that it names lies in the zip tail of the file
(`edge.modelfile`). https://ai.google.dev/edge/litert/models/metadata
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from convert.graph import pack_model, unpack_model
from edge.manifest import InputSpec
from edge.metadata import METADATA_NAME
from edge.modelfile import LABELS_NAME, LABELS_NOTE
from edge.preprocess import describe_framing

METADATA_IDENTIFIER = b"M001"
MIN_PARSER_VERSION = "1.0.0"  # of the schema in which all fields used here came

_IMAGE_PROPERTIES, _FEATURE_PROPERTIES = 2, 1  # members of the union ContentProperties
_NORMALIZATION = 1  # of the union ProcessUnitOptions
_RGB = 1  # of the enum ColorSpaceType
_AXIS_LABELS = 2  # TENSOR_AXIS_LABELS of the enum AssociatedFileType


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a model says about itself to people.

    Attributes:
        name: Of the model.
        description: One sentence.
        version: Of the model.
        author: Who made it.
        licence: Under which others may use it.
    """

    name: str
    description: str = "Says which of its labels a picture shows."
    version: str = "1"
    author: str = ""
    licence: str = ""


def add_metadata(model_bytes: bytes, *, spec: InputSpec, provenance: Provenance) -> bytes:
    """Return a model with TFLite Metadata for an image classifier; older metadata is replaced.

    Args:
        model_bytes: The FlatBuffer.
        spec: What it takes; decides how others scale their pixels.
        provenance: What it says about itself to people.
    """
    model = unpack_model(model_bytes)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(build_metadata(spec, provenance), np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name = METADATA_NAME
    entry.buffer = len(model.buffers) - 1
    kept = [item for item in model.metadata or [] if item.name != METADATA_NAME.encode()]
    model.metadata = [*kept, entry]
    model.description = provenance.description
    return pack_model(model)


def build_metadata(spec: InputSpec, provenance: Provenance) -> bytes:
    """Return the metadata of an image classifier as a FlatBuffer (`ModelMetadata`)."""
    tables = _Tables(flatbuffers.Builder(1024))
    takes = _describe_input(tables, spec)
    gives = _describe_output(tables)
    graph = tables.add({2: tables.vector([takes]), 3: tables.vector([gives])})
    model = tables.add(
        {
            0: tables.text(provenance.name),
            1: tables.text(provenance.description),
            2: tables.text(provenance.version),
            3: tables.vector([graph]),
            4: tables.text(provenance.author),
            5: tables.text(provenance.licence),
            7: tables.text(MIN_PARSER_VERSION),
        }
    )
    tables.builder.Finish(model, file_identifier=METADATA_IDENTIFIER)
    return bytes(tables.builder.Output())


def _describe_input(tables: "_Tables", spec: InputSpec) -> int:
    """Return a `TensorMetadata`: an RGB image and its normalisation.

    A reader applies the normalisation to a float input only; an integer input has it in its
    quantization. The statistics are those of the values that go in.
    """
    lowest, highest = {"uint8": (0.0, 255.0), "int8": (-128.0, 127.0)}.get(
        spec.dtype, ((0.0 - spec.mean) / spec.scale, (255.0 - spec.mean) / spec.scale)
    )
    size = tables.add({0: ("uint32", spec.width), 1: ("uint32", spec.height)})
    image = tables.add({0: ("int8", _RGB), 1: size})
    content = tables.add({0: ("uint8", _IMAGE_PROPERTIES), 1: image})
    options = tables.add({0: tables.floats([spec.mean]), 1: tables.floats([spec.scale])})
    unit = tables.add({0: ("uint8", _NORMALIZATION), 1: options})
    stats = tables.add({0: tables.floats([highest]), 1: tables.floats([lowest])})
    return tables.add(
        {
            0: tables.text("image"),
            1: tables.text(f"Picture to be classified, RGB: {describe_framing(spec)}."),
            3: content,
            4: tables.vector([unit]),
            5: stats,
        }
    )


def _describe_output(tables: "_Tables") -> int:
    """Return a `TensorMetadata`: a score per line of the label file."""
    labels = tables.add(
        {
            0: tables.text(LABELS_NAME),
            1: tables.text(LABELS_NOTE),
            2: ("int8", _AXIS_LABELS),
        }
    )
    content = tables.add({0: ("uint8", _FEATURE_PROPERTIES), 1: tables.add({})})
    stats = tables.add({0: tables.floats([1.0]), 1: tables.floats([0.0])})
    return tables.add(
        {
            0: tables.text("probability"),
            1: tables.text("Probability of each label."),
            3: content,
            5: stats,
            6: tables.vector([labels]),
        }
    )


class _Tables:
    """Builds FlatBuffer tables from their slots, in the order that the format needs."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def text(self, value: str) -> int:
        return int(self.builder.CreateString(value))

    def floats(self, values: Sequence[float]) -> int:
        return int(self.builder.CreateNumpyVector(np.array(values, np.float32)))

    def vector(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def add(self, slots: dict[int, int | tuple[str, int]]) -> int:
        """Write a table; a slot holds an offset, or a kind of number and the number."""
        prepend: dict[str, Callable[[int, int, int], None]] = {
            "int8": self.builder.PrependInt8Slot,
            "uint8": self.builder.PrependUint8Slot,
            "uint32": self.builder.PrependUint32Slot,
        }
        self.builder.StartObject(max(slots, default=-1) + 1)
        for slot, value in slots.items():
            if isinstance(value, int):
                self.builder.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                prepend[value[0]](slot, value[1], 0)
        return int(self.builder.EndObject())

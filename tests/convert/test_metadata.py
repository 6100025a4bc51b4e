"""TFLite Metadata, read back slot by slot as `metadata_schema.fbs` numbers them."""

import flatbuffers
import numpy as np
import pytest
from flatbuffers import number_types
from flatbuffers.table import Table
from tensorflow.lite.python import schema_py_generated as schema

from convert.export import export_float32
from convert.metadata import Provenance, add_metadata, build_metadata
from convert.network import load_network
from convert.run_folder import read_run
from edge.interpreter import open_interpreter
from edge.manifest import InputSpec
from edge.metadata import METADATA_NAME

SPEC = InputSpec(width=32, height=24)
ABOUT = Provenance("pets", author="A. Uthor", licence="CC0-1.0")


class Reader:
    """A FlatBuffer table whose fields are asked for by slot."""

    def __init__(self, data, position):
        self.table = Table(data, position)

    @classmethod
    def root(cls, data):
        return cls(data, flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0))

    def place(self, slot):
        return self.table.Offset(4 + 2 * slot)

    def text(self, slot):
        return self.table.String(self.place(slot) + self.table.Pos).decode()

    def number(self, slot, kind):
        return self.table.Get(kind, self.place(slot) + self.table.Pos)

    def child(self, slot):
        return Reader(self.table.Bytes, self.table.Indirect(self.place(slot) + self.table.Pos))

    def children(self, slot):
        start = self.table.Vector(self.place(slot))
        count = self.table.VectorLen(self.place(slot))
        return [
            Reader(self.table.Bytes, self.table.Indirect(start + 4 * index))
            for index in range(count)
        ]

    def floats(self, slot):
        flags = number_types.Float32Flags
        return self.table.GetVectorAsNumpy(flags, self.place(slot)).tolist()


@pytest.fixture(scope="module")
def model_bytes(run_folder):
    return export_float32(load_network(read_run(run_folder)))


def test_metadata_of_the_model():
    data = build_metadata(SPEC, ABOUT)
    model = Reader.root(data)
    assert data[4:8] == b"M001"
    assert model.text(0) == "pets"
    assert model.text(4) == "A. Uthor"
    assert model.text(5) == "CC0-1.0"
    assert model.text(7) == "1.0.0"


@pytest.mark.parametrize(
    ("dtype", "lowest", "highest"),
    [("uint8", 0.0, 255.0), ("int8", -128.0, 127.0), ("float32", -127.0 / 128.0, 1.0)],
)
def test_metadata_of_the_input(dtype, lowest, highest):
    spec = InputSpec(width=32, height=24, dtype=dtype)
    (graph,) = Reader.root(build_metadata(spec, ABOUT)).children(3)
    (takes,) = graph.children(2)
    content = takes.child(3)
    assert content.number(0, number_types.Uint8Flags) == 2  # ImageProperties
    assert content.child(1).number(0, number_types.Int8Flags) == 1  # RGB
    size = content.child(1).child(1)
    assert size.number(0, number_types.Uint32Flags) == 32
    assert size.number(1, number_types.Uint32Flags) == 24
    (unit,) = takes.children(4)
    assert unit.number(0, number_types.Uint8Flags) == 1  # NormalizationOptions
    assert unit.child(1).floats(0) == [127.0]
    assert unit.child(1).floats(1) == [128.0]
    assert takes.child(5).floats(0) == [pytest.approx(highest)]
    assert takes.child(5).floats(1) == [pytest.approx(lowest)]


def test_metadata_of_the_output_names_the_label_file():
    (graph,) = Reader.root(build_metadata(SPEC, ABOUT)).children(3)
    (gives,) = graph.children(3)
    (labels,) = gives.children(6)
    assert labels.text(0) == "labels.txt"
    assert labels.number(2, number_types.Int8Flags) == 2  # TENSOR_AXIS_LABELS


def test_add_metadata_leaves_the_model_as_it_was(model_bytes):
    described = add_metadata(model_bytes, spec=SPEC, provenance=ABOUT)
    before, after = open_interpreter(model_bytes), open_interpreter(described)
    pixels = np.random.default_rng(0).random((32, 32, 3), np.float32)
    for interpreter in (before, after):
        interpreter.input_view()[0] = pixels
        interpreter.invoke()
    assert np.array_equal(before.output(), after.output())


def test_add_metadata_replaces_older_metadata(model_bytes):
    once = add_metadata(model_bytes, spec=SPEC, provenance=Provenance("old"))
    twice = add_metadata(once, spec=SPEC, provenance=ABOUT)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(twice, 0))
    entries = [entry for entry in model.metadata if entry.name.decode() == METADATA_NAME]
    assert len(entries) == 1
    data = bytes(model.buffers[entries[0].buffer].data)
    assert Reader.root(data).text(0) == "pets"


def test_add_metadata_keeps_weights_aligned(model_bytes):
    described = add_metadata(model_bytes, spec=SPEC, provenance=ABOUT)
    model = schema.Model.GetRootAs(described, 0)
    start = np.frombuffer(described, np.uint8).ctypes.data
    for index in range(model.BuffersLength()):
        data = model.Buffers(index).DataAsNumpy()
        if isinstance(data, np.ndarray):
            assert (data.ctypes.data - start) % 16 == 0

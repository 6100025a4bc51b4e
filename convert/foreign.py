"""A TFLite file of others: what is in it, and what it can not be wrapped for."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from convert.scaling import Normalization
from edge.errors import ModelFileError
from edge.interface import Interface, Tensor, read_interface
from edge.manifest import INPUT_TYPES
from edge.metadata import Metadata, read_metadata
from edge.modelfile import check_foreign, read_model_bytes, split_members
from edge.operators import list_operators

_EDGE_TPU = "edgetpu-custom-op"


@dataclass(frozen=True, slots=True, eq=False)
class ForeignModel:
    """A TFLite classifier that was not made by catseye; nothing of it has been run.

    Attributes:
        path: Where it was read from.
        sha256: Of the whole file, hexadecimal.
        model_bytes: The FlatBuffer, without a zip tail.
        takes: Its input.
        gives: Its output.
        ending: Operator that computes the scores, such as "SOFTMAX".
        metadata: What it says about itself.
        labels_text: The label file that its metadata names, if its zip tail holds it.
    """

    path: Path
    sha256: str
    model_bytes: bytes
    takes: Tensor
    gives: Tensor
    ending: str
    metadata: Metadata
    labels_text: bytes | None

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the input in pixels."""
        return self.takes.shape[2], self.takes.shape[1]

    @property
    def score_count(self) -> int:
        """Scores that it gives for a picture."""
        return self.gives.shape[-1]

    @property
    def normalization(self) -> Normalization | None:
        """What its metadata says about pixels."""
        if not self.metadata.means or not self.metadata.deviations:
            return None
        return Normalization(self.metadata.means, self.metadata.deviations)


def read_foreign(path: Path) -> ForeignModel:
    """Read a TFLite file and refuse what is no classifier of colour pictures.

    Raises:
        ModelFileError: The file cannot be read, is one of ours, whole or damaged, or its input or
            output is not that of a classifier; the message says what it looks like.
    """
    data = read_model_bytes(path)
    model_bytes, members = split_members(path, data)
    check_foreign(path, data, members)
    _check_operators(path, model_bytes)
    interface = read_interface(model_bytes)
    _check_input(path, interface)
    _check_output(path, interface)
    metadata = read_metadata(model_bytes) or Metadata()
    return ForeignModel(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        model_bytes=model_bytes,
        takes=interface.inputs[0],
        gives=interface.outputs[0],
        ending=interface.ending,
        metadata=metadata,
        labels_text=members.get(metadata.labels_name),
    )


def _check_operators(path: Path, model_bytes: bytes) -> None:
    if any(use.name == _EDGE_TPU for use in list_operators(model_bytes)):
        raise _unfit(
            "A model to package runs on a processor",
            f"{path}, which was compiled for the Edge TPU",
            "Name the file that it was compiled from",
        )


def _check_input(path: Path, interface: Interface) -> None:
    found = "; ".join(map(str, interface.inputs))
    if len(interface.inputs) != 1:
        raise _unfit(
            "A picture classifier has one input",
            f"{path} with {len(interface.inputs)}: {found}",
            "Export the network so that it takes one picture",
        )
    _check_shape(path, interface.inputs[0])
    if interface.inputs[0].dtype not in INPUT_TYPES:
        raise _unfit(
            "The input of a model must be " + ", ".join(INPUT_TYPES),
            f"{path} with {found}",
            "Convert the network again with an input of one of these types",
        )


def _check_shape(path: Path, takes: Tensor) -> None:
    shape = takes.shape
    rule = "The input of a picture classifier is (1, height, width, 3)"
    if len(shape) == 4 and shape[1] == 3 and shape[3] != 3:
        raise _unfit(
            rule,
            f"{path} with {takes}, channels first, as PyTorch has them",
            "Convert the network with its channels last",
        )
    if len(shape) == 4 and shape[3] == 1:
        raise _unfit(
            rule,
            f"{path} with {takes}, grey pictures",
            "Train the network with colour pictures; grey ones may be among them",
        )
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or min(shape) < 1:
        raise _unfit(
            rule, f"{path} with {takes}", "Export the network so that it takes one picture"
        )


def _check_output(path: Path, interface: Interface) -> None:
    found = "; ".join(map(str, interface.outputs))
    if len(interface.outputs) != 1:
        raise _unfit(
            "A picture classifier has one output, a score per label",
            f"{path} with {len(interface.outputs)}, as an object detector: {found}",
            "Package a classifier; catseye does not draw boxes",
        )
    gives = interface.outputs[0]
    if len(gives.shape) not in (2, 4) or set(gives.shape[:-1]) != {1} or gives.shape[-1] < 1:
        raise _unfit(
            "The output of a picture classifier is (1, labels)",
            f"{path} with {found}, as of a network that detects, or whose head was cut off",
            "Export the network with its classifying head",
        )
    if gives.dtype not in INPUT_TYPES:
        raise _unfit(
            "The output of a model must be " + ", ".join(INPUT_TYPES),
            f"{path} with {found}",
            "Convert the network again with an output of one of these types",
        )


def _unfit(rule: str, received: str, fix: str) -> ModelFileError:
    return ModelFileError(rule, received=received, fix=fix)

"""Where a float network and its pictures come from: a run folder, or a Keras file of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from convert.keras_file.archive import refuse_hdf5
from convert.keras_file.source import read_keras_file
from convert.progress import Progress
from convert.run_folder import RunPicture, read_run
from convert.scaling import Normalization
from edge.errors import ModelFileError, SettingError
from edge.manifest import InputSpec

_HDF5_SUFFIXES = (".h5", ".hdf5")


class Origin(Protocol):
    """A float network, the pictures to convert it with, and what is known of both.

    All of it must be there; `convert.run_folder.RunFolder` is one.
    """

    @property
    def name(self) -> str:
        """What people call the model."""

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the network's output."""

    @property
    def input(self) -> InputSpec:
        """What the network takes."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is known of the training; the deployable file says it."""

    @property
    def notes(self) -> Sequence[str]:
        """What the person should know before the conversion takes its time."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the report must say, whatever comes of the conversion."""

    @property
    def is_foreign(self) -> bool:
        """Whether labels and scaling are what a person says, and may be wrong."""

    def part(self, name: str) -> list[RunPicture]:
        """Return the pictures of one part: "train", "validation" or "test"."""

    def load_network(self) -> Any:
        """Return the float network: a flat model of tf_keras from scaled pictures to shares."""


class Source(Protocol):
    """A run folder or file that was looked at without TensorFlow; the method must be there."""

    def prepare(self, progress: Progress) -> Origin:
        """Do what takes longer, and return what can be converted."""


@dataclass(frozen=True, slots=True)
class KerasOptions:
    """What must be said of a Keras file, and of nothing else.

    Attributes:
        labels: Text file with a label per line.
        data: Folder of pictures with a subfolder per label.
        scaling: What happened to pixels before the network.
    """

    labels: Path | None = None
    data: Path | None = None
    scaling: Normalization | None = None


def open_source(path: Path, options: KerasOptions) -> Source:
    """Open a run folder or a Keras file, and refuse at once what needs no long look.

    Raises:
        SettingError: Options that do not belong to it, or are missing.
        RunFolderError: No run folder, or an incomplete one.
        ModelFileError: A file or folder of another kind, or layers that cannot be converted.
        DataError: Labels or pictures that cannot be used.
    """
    if path.suffix.lower() in _HDF5_SUFFIXES and not path.is_dir():
        refused = refuse_hdf5(path)
        raise SettingError(refused.rule, received=refused.received, fix=refused.fix)
    if path.suffix.lower() == ".keras" and not path.is_dir():
        if options.labels is None or options.data is None:
            raise SettingError(
                "A Keras file needs --labels and --data: what its scores mean, and pictures to "
                "measure ranges, thresholds and losses with",
                received=f"{path} with {_name_given(options)}",
                fix=f"Use edge convert {path} --labels labels.txt --data FOLDER, with a label per "
                "line and a subfolder of pictures per label",
            )
        return read_keras_file(
            path, labels_file=options.labels, data=options.data, asked=options.scaling
        )
    if options != KerasOptions():
        raise SettingError(
            "--labels, --data, --mean and --std belong to a .keras file; a run folder says it all",
            received=f"{path} with {_name_given(options)}",
            fix="Leave them out, or name a file that ends in .keras",
        )
    if (path / "saved_model.pb").is_file() or (path / "model.weights.h5").is_file():
        raise ModelFileError(
            "A Keras model must come as one .keras file",
            received=f"{path}, a folder of TensorFlow's or Keras's; a SavedModel is a program, "
            "without the layers to convert",
            fix="Load it where it was trained and save it again: model.save('model.keras')",
        )
    return read_run(path)


def _name_given(options: KerasOptions) -> str:
    given = {
        "--labels": options.labels,
        "--data": options.data,
        "--mean and --std": options.scaling,
    }
    return ", ".join(name for name, value in given.items() if value is not None) or "neither"

"""Reads the folder that training leaves behind: what was learned, from which pictures."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.progress import Progress
from edge.errors import CatseyeError, RunFolderError
from edge.labels import check_labels
from edge.manifest import InputSpec

FORMAT = "catseye-run"
FORMAT_VERSION = 1
PARTS = ("train", "validation", "test")

_TRAIN_AGAIN = "Name a folder made by edge train, or train again: edge train FOLDER -o RUN"


@dataclass(frozen=True, slots=True)
class RunPicture:
    """A picture that a run was trained or judged on.

    Attributes:
        path: Absolute path of the file.
        label: What it shows.
        part: "train", "validation" or "test".
        sha256: Of the file as it was then, hexadecimal.
    """

    path: Path
    label: str
    part: str
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class RunFolder:
    """A finished training run.

    Attributes:
        path: The folder.
        name: What people call the model.
        labels: In the order of the network's output.
        input: What the network takes, with the scaling that it learned with.
        is_complete: Whether training went to its end.
        pictures: Every picture of the split.
        facts: The run's manifest as it was written.
    """

    path: Path
    name: str
    labels: tuple[str, ...]
    input: InputSpec
    is_complete: bool
    pictures: tuple[RunPicture, ...]
    facts: Mapping[str, Any]

    @property
    def model_path(self) -> Path:
        """The Keras model."""
        return self.path / "model.keras"

    def part(self, name: str) -> list[RunPicture]:
        """Return the pictures of one part: "train", "validation" or "test"."""
        return [picture for picture in self.pictures if picture.part == name]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should know before the conversion takes its time."""
        if self.is_complete:
            return ()
        return (f"{self.path} is of a training that was interrupted; converting what it reached",)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the report must say: nothing, since everything is known of a run."""
        return ()

    @property
    def is_foreign(self) -> bool:
        """Whether labels and scaling are what a person says: no, training wrote them down."""
        return False

    def prepare(self, progress: Progress) -> "RunFolder":
        """Return the run itself, of which nothing is left to prepare."""
        del progress
        return self

    def load_network(self) -> Any:
        """Load the float network, see `convert.network.load_network`."""
        from convert.network import load_network

        return load_network(self)


def read_run(path: Path) -> RunFolder:
    """Read a run folder and check that nothing of it is missing.

    Raises:
        RunFolderError: No run folder, one of another version, or one that training did not
            finish; the message names the file and the field.
    """
    facts = _read_manifest(path)
    for name in ("model.keras", "split.csv"):
        if not (path / name).is_file():
            raise RunFolderError(
                f"A run folder must hold {name}",
                received=f"{path}, whose status is {facts.get('status')!r}, without it",
                fix="Finish the training: edge train FOLDER -o RUN --resume",
            )
    try:
        labels = check_labels(facts["labels"])
        return RunFolder(
            path=path,
            name=str(facts["name"]),
            labels=labels,
            input=InputSpec.from_dict(facts["input"]),
            is_complete=facts["status"] == "complete",
            pictures=_read_split(path / "split.csv", Path(facts["data"]["root"]), labels),
            facts=facts,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(
            path / "manifest.json", f"field {error} is missing or of a wrong kind"
        ) from error
    except CatseyeError as error:
        if isinstance(error, RunFolderError):
            raise
        raise _damaged(path / "manifest.json", str(error)) from error


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise RunFolderError(
            "The run folder must exist",
            received=f"{path}, which is {'a file' if path.exists() else 'not there'}",
            fix=_TRAIN_AGAIN,
        )
    file = path / "manifest.json"
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunFolderError(
            "A run folder must hold manifest.json", received=f"{path} without it", fix=_TRAIN_AGAIN
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(file, str(error)) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise _damaged(file, f"it is not of the format {FORMAT}")
    if facts.get("format_version") != FORMAT_VERSION:
        raise RunFolderError(
            f"This catseye reads run folders of version {FORMAT_VERSION}",
            received=f"version {facts.get('format_version')} in {file}",
            fix="Train and convert with the same version of catseye",
        )
    return facts


def _read_split(file: Path, root: Path, labels: tuple[str, ...]) -> tuple[RunPicture, ...]:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            pictures = tuple(
                RunPicture(root / row["path"], row["label"], row["part"], row["sha256"])
                for row in csv.DictReader(lines)
            )
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise _damaged(file, f"its table cannot be read ({error})") from error
    for picture in pictures:
        if picture.label not in labels or picture.part not in PARTS:
            raise _damaged(
                file, f"{picture.path} with label {picture.label!r} in part {picture.part!r}"
            )
    for part in ("train", "validation"):
        if not any(picture.part == part for picture in pictures):
            raise _damaged(file, f"no picture in part {part!r}")
    return pictures


def _damaged(file: Path, reason: str) -> RunFolderError:
    return RunFolderError(
        "A run folder must be as edge train wrote it",
        received=f"{file}: {reason}",
        fix=_TRAIN_AGAIN,
    )

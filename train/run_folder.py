"""The folder that one training writes: what lies where, and who may write there."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import RunFolderError
from train.checkpoint import write_atomically
from train.settings import TrainSettings

FORMAT = "catseye-run"
FORMAT_VERSION = 1
TRIAL_FOLDER = ".trial-"
"""How the folder begins in which something is tried out, and which a kill may leave behind."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where the files of a training lie.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def model(self) -> Path:
        """The Keras model with the best weights."""
        return self.path / "model.keras"

    @property
    def manifest(self) -> Path:
        """What the training was and how it went."""
        return self.path / "manifest.json"

    @property
    def split(self) -> Path:
        """The table of pictures and parts."""
        return self.path / "split.csv"

    @property
    def skipped(self) -> Path:
        """The table of files that take no part."""
        return self.path / "skipped.csv"

    @property
    def history(self) -> Path:
        """The table of epochs."""
        return self.path / "history.csv"

    @property
    def curves(self) -> Path:
        """The picture of loss and accuracy."""
        return self.path / "curves.png"

    @property
    def augmentation(self) -> Path:
        """The picture of what the network sees."""
        return self.path / "augmentation.png"

    @property
    def confusion(self) -> Path:
        """The picture of who was taken for whom."""
        return self.path / "confusion.png"

    @property
    def summary(self) -> Path:
        """The page for people."""
        return self.path / "summary.md"

    @property
    def learning_rates(self) -> Path:
        """The picture of a learning-rate range test; no part of a run."""
        return self.path / "learning-rate.png"

    @property
    def learning_curve(self) -> Path:
        """The picture of what more photos would bring; no part of a run."""
        return self.path / "learning-curve.png"

    @property
    def learning_curve_json(self) -> Path:
        """The same for machines."""
        return self.path / "learning-curve.json"

    @property
    def events(self) -> Path:
        """The folder of the logs for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def report(self) -> Path:
        """The page that says how good the network is."""
        return self.path / "report.html"

    @property
    def report_json(self) -> Path:
        """The same for machines."""
        return self.path / "report.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything but the checkpoint."""
        return (
            self.model,
            self.manifest,
            self.split,
            self.skipped,
            self.history,
            self.augmentation,
            self.curves,
            self.confusion,
            self.summary,
            self.report,
            self.report_json,
        )

    @property
    def checkpoint(self) -> Path:
        """The folder of what `--resume` needs; gone when the training is complete."""
        return self.path / "checkpoint"

    @property
    def state(self) -> Path:
        """Weights and optimizer after the last epoch."""
        return self.checkpoint / "state.npz"

    @property
    def settings(self) -> Path:
        """What the training was begun with."""
        return self.checkpoint / "settings.json"


def check_is_free(run: RunFolder, *, is_overwriting: bool) -> None:
    """Refuse a folder that holds something, unless it is a run that may be overwritten.

    Raises:
        RunFolderError: It does, or it is a file.
    """
    if not run.path.exists() or (run.path.is_dir() and not any(_occupants(run))):
        return
    if not (run.split.is_file() or run.checkpoint.is_dir()):
        raise RunFolderError(
            "A training writes into a new or empty folder",
            received=f"{run.path}, which holds something else",
            fix="Name another folder with -o",
        )
    if not is_overwriting:
        raise RunFolderError(
            "A training does not touch an earlier one unasked",
            received=f"{run.path}, which holds a run",
            fix="Name another folder with -o, go on with --resume, or begin anew with --overwrite",
        )


def _occupants(run: RunFolder) -> Iterator[Path]:
    """Yield what lies in the folder and was not left there by a trial."""
    found = (run.learning_rates, run.learning_curve, run.learning_curve_json)
    for path in run.path.iterdir():
        if path not in found and not path.name.startswith(TRIAL_FOLDER):
            yield path


def clear(run: RunFolder) -> None:
    """Make the folder and take away what an earlier run left; foreign files stay.

    Raises:
        RunFolderError: It cannot be written.
    """
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        take_away(run)
        run.checkpoint.mkdir()
    except OSError as error:
        raise RunFolderError(
            "The run folder must be writable",
            received=f"{run.path}: {error.strerror or error}",
            fix="Name another folder with -o, or check the permissions",
        ) from error


def take_away(run: RunFolder) -> None:
    """Take away what a run has left in its folder; foreign files stay.

    Raises:
        OSError: A file cannot be removed.
    """
    for path in run.files:
        path.unlink(missing_ok=True)
    for folder in (run.checkpoint, run.events):
        shutil.rmtree(folder, ignore_errors=True)


def write_settings(run: RunFolder, settings: TrainSettings) -> None:
    """Remember what the training was begun with."""
    write_atomically(run.settings, json.dumps(settings.to_dict(), indent=2).encode())


def read_settings(run: RunFolder) -> TrainSettings:
    """Read what the training that is to be resumed was begun with.

    Raises:
        RunFolderError: There is none to resume.
    """
    try:
        return TrainSettings(**json.loads(run.settings.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        is_complete = run.model.is_file() and run.manifest.is_file()
        raise RunFolderError(
            "--resume goes on with a training that was cut short",
            received=f"{run.path}, " + ("which is complete" if is_complete else "which holds none"),
            fix="Name another folder with -o, or begin anew with --overwrite"
            if is_complete
            else "Leave --resume away",
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise RunFolderError(
            "The settings of a run must be as edge train wrote them",
            received=f"{run.settings}: {error}",
            fix="Begin anew with --overwrite",
        ) from error


def remove_checkpoint(run: RunFolder) -> None:
    """Forget what only `--resume` needed.

    The settings go first: a kill in between must not leave a run that would begin anew.
    """
    run.settings.unlink(missing_ok=True)
    shutil.rmtree(run.checkpoint, ignore_errors=True)


def write_manifest(run: RunFolder, content: Mapping[str, Any]) -> None:
    """Write what the training was and how it went."""
    record = {"format": FORMAT, "format_version": FORMAT_VERSION, **content}
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(run.manifest, text.encode())

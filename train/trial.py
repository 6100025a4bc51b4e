"""What is tried out on photos without a training: a folder within the run folder, then gone."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edge.errors import RunFolderError
from train.folder import find_photos
from train.preparation import Parts, Plan, TrainRequest, check_is_outside, prepare
from train.progress import TrainProgress
from train.run_folder import TRIAL_FOLDER, RunFolder, check_is_free


@contextmanager
def prepare_trial(
    request: TrainRequest, progress: TrainProgress
) -> Iterator[tuple[RunFolder, Plan, Parts]]:
    """Prepare photos as for a training; yields the run folder, the plan and the pictures.

    A run that is in the folder already is not touched, and one can be trained into it later.

    Raises:
        DataError: The photos cannot be used.
        SettingError: An option cannot be used.
        RunFolderError: The run folder cannot be written, or holds something else.
    """
    run = RunFolder(request.output.expanduser().resolve())
    check_is_free(run, is_overwriting=True)  # an earlier run stays as it is
    check_is_outside(run, find_photos(request.folder))
    with _temporary_folder(run.path) as folder:
        trial = replace(request, output=Path(folder) / "run")
        yield run, *prepare(trial, progress)


def _temporary_folder(output: Path) -> "tempfile.TemporaryDirectory[str]":
    """Make a folder on the file system of the run, which has room for the decoded pictures."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=output, prefix=TRIAL_FOLDER)
    except OSError as error:
        raise RunFolderError(
            "The run folder must be writable",
            received=f"{output}: {error.strerror or error}",
            fix="Name another folder with -o, or check the permissions",
        ) from error

"""What is tried out on photos without a training: a folder within the run folder, then gone."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edge.errors import RunFolderError
from train.folder import find_photos
from train.networks import Network
from train.preparation import Plan, Prepared, TrainRequest, check_is_outside, prepare
from train.progress import TrainProgress
from train.run_folder import TRIAL_FOLDER, RunFolder, check_is_free


@contextmanager
def prepare_trial(
    request: TrainRequest, progress: TrainProgress, *, begin: Callable[[Plan], Network]
) -> Iterator[tuple[RunFolder, Prepared]]:
    """Prepare photos as for a training; yields the run folder and what was prepared.

    A run that is in the folder already is not touched, and one can be trained into it later.

    Args:
        request: What the command line asks for.
        progress: Told what happens.
        begin: Builds the network.

    Raises:
        CatseyeError: `begin` raised it.
        DataError: The photos cannot be used.
        SettingError: An option cannot be used.
        RunFolderError: The run folder cannot be written, or holds something else.
    """
    run = RunFolder(request.output.expanduser().resolve())
    check_is_free(run, is_overwriting=True)  # an earlier run stays as it is
    check_is_outside(run, find_photos(request.folder))
    with _temporary_folder(run.path) as folder:
        trial = replace(request, output=Path(folder) / "run")
        yield run, prepare(trial, progress, begin=begin)


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

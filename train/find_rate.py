"""`edge train --find-lr`: a range test that leaves nothing but its figure."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from edge.errors import RunFolderError
from train import charts
from train.folder import find_photos
from train.preparation import TrainRequest, check_is_outside, prepare
from train.progress import TrainProgress
from train.rate_range import MOST_STEPS, RateRange, climb_rates
from train.run_folder import RANGE_FOLDER, RunFolder, check_is_free
from train.training import Surroundings, make_batches, make_learner


@dataclass(frozen=True, slots=True)
class RateSearch:
    """A range test and where it is drawn.

    Attributes:
        range: What was found.
        figure: The PNG file.
    """

    range: RateRange
    figure: Path


def find_rate(request: TrainRequest, surroundings: Surroundings) -> RateSearch:
    """Test learning rates on the photos and draw the losses into the run folder.

    The test has a folder of its own within the run folder, which is gone afterwards; a run that
    is there already is not touched, and one can be trained into the folder later.

    Raises:
        DataError: The photos cannot be used.
        SettingError: An option cannot be used.
        RunFolderError: The run folder cannot be written, or holds something else.
    """
    output = request.output.expanduser().resolve()
    check_is_free(RunFolder(output), is_overwriting=True)  # an earlier run stays as it is
    check_is_outside(RunFolder(output), find_photos(request.folder))
    with _temporary_folder(output) as folder:
        trial = replace(request, output=Path(folder) / "run")
        progress: TrainProgress = surroundings.progress
        plan, parts = prepare(trial, progress)
        learner = make_learner(plan, parts)
        batches = make_batches(plan.settings, plan.labels, parts.train)
        with progress.track("testing learning rates", MOST_STEPS) as advance:
            found = climb_rates(
                learner, batches, when_done=advance, is_stopped=surroundings.stop.is_set
            )
    figure = RunFolder(output).learning_rates
    charts.draw_rate_range(found, figure)
    return RateSearch(found, figure)


def _temporary_folder(output: Path) -> "tempfile.TemporaryDirectory[str]":
    """Make a folder on the file system of the run, which has room for the decoded pictures."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=output, prefix=RANGE_FOLDER)
    except OSError as error:
        raise RunFolderError(
            "The run folder must be writable",
            received=f"{output}: {error.strerror or error}",
            fix="Name another folder with -o, or check the permissions",
        ) from error

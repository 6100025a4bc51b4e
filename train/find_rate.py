"""`edge train --find-lr`: a range test that leaves nothing but its figure."""

from dataclasses import dataclass
from pathlib import Path

from train import charts
from train.computed_head import compute_head
from train.preparation import TrainRequest
from train.rate_range import MOST_STEPS, RateRange, climb_rates
from train.surroundings import Surroundings
from train.training import begin_network, make_batches, make_learner
from train.trial import prepare_trial


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

    Raises:
        DataError: The photos cannot be used.
        SettingError: An option cannot be used.
        RunFolderError: The run folder cannot be written, or holds something else.
    """
    progress = surroundings.progress
    with prepare_trial(request, progress, begin=begin_network) as (run, prepared):
        plan, parts = prepared.plan, prepared.parts
        learner = make_learner(prepared)
        if plan.settings.is_head_computed:
            compute_head(learner, parts.train, surroundings)
        batches = make_batches(plan.settings, plan.labels, parts.train)
        with progress.track("testing learning rates", MOST_STEPS) as advance:
            found = climb_rates(
                learner, batches, when_done=advance, is_stopped=surroundings.stop.is_set
            )
    charts.draw_rate_range(found, run.learning_rates)
    return RateSearch(found, run.learning_rates)

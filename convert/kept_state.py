"""Says in a sentence which state of a network went into the file, and why."""

from convert.candidates import DISTILLED, FLOAT, SETTLED
from convert.qat import FineTuning


def explain_state(state: str, fine_tuning: FineTuning | None) -> str:
    """Say which state was kept, and what became of the learning.

    Args:
        state: Of what was deployed, such as `convert.candidates.DISTILLED`.
        fine_tuning: How it was learned; `None` when nothing was.

    Example:
        >>> explain_state("post-training", None)
        'post-training: rounded as trained, nothing was learned'
    """
    if fine_tuning is None:
        rounded = "nothing was rounded" if state == FLOAT else "rounded as trained"
        return f"{state}: {rounded}, nothing was learned"
    first, best = fine_tuning.states[0], fine_tuning.best
    if state == DISTILLED:
        return (
            f"{state}: learning helped; kept as it was after {best.step} steps, "
            f"{best.divergence:.3g} nats from the float network, {first.divergence:.3g} before"
        )
    kept = "only ranges were chosen" if state == SETTLED else "plain int8 was kept"
    if best.step == 0:
        return f"{state}: {kept}; learning brought it no nearer to the float network"
    return f"{state}: {kept}; with what was learned, the file did no better"

"""From a run folder to the model that goes into the file: make, hold against the gate, choose."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from convert.candidates import Candidate, Made, Workshop
from convert.doubts import doubt_labels
from convert.examination import Examination, examine
from convert.gate import Limits, Loss
from convert.modes import AUTO, FLOAT32, MODES, QAT, modes_to_try
from convert.parity import Judge, Measurement
from convert.progress import Progress, no_progress
from convert.qat import FineTuning, Recipe
from convert.refusal import Refusal, explain_refusal
from convert.source import Origin
from convert.thresholds import Calibration, Goal, calibrate
from edge.errors import ModelFileError, RunFolderError


@dataclass(frozen=True, slots=True)
class Settings:
    """What the person asked for.

    Attributes:
        mode: One of `convert.modes.CHOICES`.
        recipe: Of the fine-tuning.
        goal: What the thresholds are chosen for.
        limits: What the file may lose against the float network.
    """

    mode: str = QAT
    recipe: Recipe = field(default_factory=Recipe)
    goal: Goal = field(default_factory=Goal)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A mode that was tried.

    Attributes:
        mode: One of `convert.modes.MODES`.
        made: What it led to; `None` when it cannot be made of this network.
        losses: What that loses beyond the limits.
        reason: Why it was taken or not, in words.
    """

    mode: str
    made: Made | None
    losses: tuple[Loss, ...]
    reason: str

    @property
    def is_passed(self) -> bool:
        """Whether there is a model and it loses no more than it may."""
        return self.made is not None and not self.losses

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "mode": self.mode,
            "state": None if self.made is None else self.made.candidate.state,
            "passed": self.is_passed,
            "reason": self.reason,
            "losses": [loss.to_dict() for loss in self.losses],
        }


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """A converted run.

    Attributes:
        asked: The choice that was asked for, such as "auto".
        mode: The mode that was taken, or tried last.
        deployed: What goes into the file, unless it is refused.
        examination: What that computes with, where, and how fast.
        attempts: The modes that were tried, in order.
        refusal: Why nothing may be written, and what helps; `None` when the gate is passed.
        measurements: The columns of the report: float, and what was made on the way.
        fine_tuning: Only when the mode is "qat".
        calibration: Temperature and thresholds, chosen with the deployed model.
        warnings: What the person must know, loudest first.
        calibration_pictures: Training pictures that ranges were measured with.
        validation_pictures: Pictures that everything was measured with.
    """

    asked: str
    mode: str
    deployed: Candidate
    examination: Examination
    attempts: tuple[Attempt, ...]
    refusal: Refusal | None
    measurements: tuple[Measurement, ...]
    fine_tuning: FineTuning | None
    calibration: Calibration
    warnings: tuple[str, ...]
    calibration_pictures: int
    validation_pictures: int


def convert_run(run: Origin, *, settings: Settings, progress: Progress = no_progress) -> Conversion:
    """Convert a run as asked, and hold the result against the float network.

    Raises:
        RunFolderError: The network or the pictures are not what the manifest says.
        ModelFileError: The converter or the device's interpreter refuses the network.
    """
    workshop = Workshop(run, recipe=settings.recipe, limits=settings.limits, progress=progress)
    plain = workshop.make(FLOAT32)
    attempts = _try_modes(workshop, settings, plain)
    last, made = _last_made(attempts)
    refusal = None
    if not last.is_passed:
        refusal = explain_refusal(
            workshop,
            made.candidate,
            mode=settings.mode,
            losses=last.losses,
            limits=settings.limits,
            progress=progress,
        )
    judge = workshop.judge
    return Conversion(
        asked=settings.mode,
        mode=last.mode,
        deployed=made.candidate,
        examination=examine(made.candidate.model_bytes, progress=progress),
        attempts=attempts,
        refusal=refusal,
        measurements=_columns(plain, attempts),
        fine_tuning=made.fine_tuning,
        calibration=calibrate(
            made.candidate.measurement.scores,
            judge.pictures.truth,
            labels=run.labels,
            goal=settings.goal,
        ),
        warnings=_gather_warnings(run, judge, made, _warn_of_floats(settings, last.mode)),
        calibration_pictures=len(workshop.calibration()) if MODES[last.mode].is_calibrated else 0,
        validation_pictures=len(judge.pictures),
    )


def _gather_warnings(
    run: Origin, judge: Judge, made: Made, others: Sequence[str]
) -> tuple[str, ...]:
    """Return what the person must know; first, what may be wrong with all of it."""
    doubt = ""
    if run.is_foreign:
        doubt = doubt_labels(judge.original, judge.pictures.truth, labels=run.labels)
    return (*([doubt] if doubt else []), *run.warnings, *made.warnings, *others)


def _try_modes(workshop: Workshop, settings: Settings, plain: Made) -> tuple[Attempt, ...]:
    """Try the modes that were asked for, up to the first that passes."""
    attempts: list[Attempt] = []
    for mode in modes_to_try(settings.mode):
        workshop.read_training(mode)  # whose errors are not the mode's
        try:
            made = plain if mode == FLOAT32 else workshop.make(mode)
        except (ModelFileError, RunFolderError) as error:
            if settings.mode != AUTO:
                raise
            attempts.append(Attempt(mode, None, (), f"cannot be made: {error.received}"))
            continue
        losses = workshop.find_losses(made.candidate)
        attempts.append(Attempt(mode, made, losses, _give_reason(made, losses)))
        if not losses:
            break
    return tuple(attempts)


def _give_reason(made: Made, losses: Sequence[Loss]) -> str:
    if losses:
        return "; ".join(map(str, losses))
    found = made.candidate.measurement
    return (
        f"right on {found.accuracy * 100:.4g} % and in agreement with the float network on "
        f"{found.agreement * 100:.4g} % of the pictures, and no recall falls by more than it may"
    )


def _last_made(attempts: Sequence[Attempt]) -> tuple[Attempt, Made]:
    """Return the attempt that passed, or else the last one that led to a model.

    There is one: a single mode that cannot be made is an error, and "auto" ends with floats.
    """
    made = [(attempt, attempt.made) for attempt in attempts if attempt.made is not None]
    return made[-1]


def _columns(plain: Made, attempts: Sequence[Attempt]) -> tuple[Measurement, ...]:
    columns = {column.name: column for column in plain.columns}
    for attempt in attempts:
        for column in attempt.made.columns if attempt.made is not None else ():
            columns.setdefault(column.name, column)
    return tuple(columns.values())


def _warn_of_floats(settings: Settings, mode: str) -> tuple[str, ...]:
    if settings.mode != AUTO or MODES[mode].is_integer:
        return ()
    return (
        f"the file computes with {MODES[mode].numbers}: no 8-bit form of this network was good "
        "enough, so it does not run where there are only integers, such as on an Edge TPU",
    )

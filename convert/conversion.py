"""From a run folder to the model that goes into the file: convert, compare, choose."""

from dataclasses import dataclass, field
from typing import Any

from convert import export
from convert.network import load_network
from convert.parity import Judge, Measurement, find_losses
from convert.pictures import PictureSet, load_pictures, sample_pictures
from convert.progress import Progress, no_progress
from convert.qat import FineTuning, Recipe, fine_tune, predict
from convert.run_folder import RunFolder
from convert.thresholds import Calibration, Goal, calibrate

MODES = ("qat", "int8", "float32")
"""What `--quantize` takes: the best first."""

DISTILLED, SETTLED, POST_TRAINING, FLOAT = "distilled", "settled", "post-training", "float"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the person asked for.

    Attributes:
        mode: One of `MODES`.
        recipe: Of the fine-tuning.
        calibration_pictures: Training pictures that post-training quantization measures with.
        goal: What the thresholds are chosen for.
    """

    mode: str = "qat"
    recipe: Recipe = field(default_factory=Recipe)
    calibration_pictures: int = 512
    goal: Goal = field(default_factory=Goal)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A converted model that could go into the file.

    Attributes:
        state: Which weights: "distilled", "settled" (ranges only), "post-training" or "float".
        model_bytes: Its FlatBuffer.
        measurement: What it does with the validation pictures.
    """

    state: str
    model_bytes: bytes
    measurement: Measurement


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """A converted run.

    Attributes:
        mode: What was asked for.
        deployed: What goes into the file.
        measurements: The columns of the report: float, post-training int8, and the best of
            quantization-aware training.
        fine_tuning: Only with the mode "qat".
        calibration: Temperature and thresholds, chosen with the deployed model.
        warnings: What the person must know, loudest first.
        calibration_pictures: Training pictures that ranges were measured with.
        validation_pictures: Pictures that everything was measured with.
    """

    mode: str
    deployed: Candidate
    measurements: tuple[Measurement, ...]
    fine_tuning: FineTuning | None
    calibration: Calibration
    warnings: tuple[str, ...]
    calibration_pictures: int
    validation_pictures: int


def convert_run(
    run: RunFolder, *, settings: Settings, progress: Progress = no_progress
) -> Conversion:
    """Convert a run as asked, with everything cheaper beside it for comparison.

    Raises:
        RunFolderError: The network or the pictures are not what the manifest says.
        ModelFileError: The converter or the device's interpreter refuses the network.
    """
    network = load_network(run)
    validation = _load(run, "validation", None, settings, progress)
    training = _load(run, "train", _training_pictures(settings), settings, progress)
    original = predict(network, validation, spec=run.input, progress=progress)
    judge = Judge(validation, run.labels, run.input, original)
    columns = [_convert_float32(network, judge, progress)]
    fine_tuning = None
    if settings.mode != "float32":
        columns.append(_convert_int8(network, judge, training, settings, progress))
    warnings: list[str] = []
    deployed = columns[-1]
    if settings.mode == "qat":
        fine_tuning = fine_tune(
            network,
            training,
            validation,
            spec=run.input,
            recipe=settings.recipe,
            progress=progress,
        )
        pupils = _convert_states(fine_tuning, judge, progress)
        deployed, warnings = choose_state(pupils, reference=columns[-1], original=columns[0])
        columns.append(deployed if deployed in pupils else pupils[0])
    warnings += find_losses([item.measurement for item in columns], deployed=deployed.measurement)
    return Conversion(
        mode=settings.mode,
        deployed=deployed,
        measurements=tuple(item.measurement for item in columns),
        fine_tuning=fine_tuning,
        calibration=calibrate(
            deployed.measurement.scores,
            validation.truth,
            labels=run.labels,
            goal=settings.goal,
        ),
        warnings=tuple(warnings),
        calibration_pictures=min(len(training), settings.calibration_pictures),
        validation_pictures=len(validation),
    )


def choose_state(
    pupils: list[Candidate], *, reference: Candidate, original: Candidate
) -> tuple[Candidate, list[str]]:
    """Choose what quantization-aware training has earned.

    A few pictures of luck are no merit: where the reference is more accurate than the float
    original itself, a pupil need only be as accurate as the original.

    Args:
        pupils: The states of the network on the way, the best first; one at least.
        reference: The same network after plain post-training quantization.
        original: The same network in float.

    Returns:
        The pupil nearest to the float original of those that are, on validation pictures, no
        less accurate and agree no less than the reference. If there is none, the best of all,
        the reference included, and a warning that says so.
    """
    least = reference.measurement
    least_accuracy = min(least.accuracy, original.measurement.accuracy)
    sound = [
        pupil
        for pupil in pupils
        if pupil.measurement.accuracy >= least_accuracy
        and pupil.measurement.agreement >= least.agreement
    ]
    if sound:
        return min(sound, key=lambda pupil: pupil.measurement.divergence), []
    best = max([*pupils, reference], key=_merit)
    found = pupils[0].measurement
    warning = (
        "quantization-aware training did not reach plain post-training int8 (accuracy "
        f"{found.accuracy:.2%} against {least.accuracy:.2%}, agreement {found.agreement:.2%} "
        f"against {least.agreement:.2%}); the state {best.state!r} was kept"
    )
    return best, [warning]


def _merit(candidate: Candidate) -> tuple[float, float]:
    found = candidate.measurement
    return round(found.accuracy + found.agreement, 6), -found.divergence


def _training_pictures(settings: Settings) -> int:
    if settings.mode == "float32":
        return 0
    if settings.mode == "int8":
        return settings.calibration_pictures
    return max(settings.calibration_pictures, settings.recipe.pictures)


def _load(
    run: RunFolder, part: str, count: int | None, settings: Settings, progress: Progress
) -> PictureSet:
    chosen = sample_pictures(run.part(part), count=count, seed=settings.recipe.seed)
    return load_pictures(
        chosen,
        labels=run.labels,
        spec=run.input,
        stage=f"reading {part} pictures",
        progress=progress,
    )


def _convert_float32(network: Any, judge: Judge, progress: Progress) -> Candidate:
    progress("converting float32", done=0, total=1)
    model_bytes = export.export_float32(network)
    progress("converting float32", done=1, total=1)
    measurement = judge.measure("float32", model_bytes, dtype="float32", progress=progress)
    return Candidate(FLOAT, model_bytes, measurement)


def _convert_int8(
    network: Any, judge: Judge, training: PictureSet, settings: Settings, progress: Progress
) -> Candidate:
    calibration_rgb = training.head(settings.calibration_pictures).pixels_rgb
    progress("converting int8", done=0, total=1)
    model_bytes = export.export_int8(network, calibration_rgb, spec=judge.input)
    progress("converting int8", done=1, total=1)
    measurement = judge.measure("int8", model_bytes, dtype="uint8", progress=progress)
    return Candidate(POST_TRAINING, model_bytes, measurement)


def _convert_states(fine_tuning: FineTuning, judge: Judge, progress: Progress) -> list[Candidate]:
    """Convert the best state and, if it has learned, the one before any learning."""
    emulation = fine_tuning.emulation
    states = [(SETTLED, fine_tuning.settled_weights)]
    if fine_tuning.best.step > 0:
        states.insert(0, (DISTILLED, emulation.model.get_weights()))
    candidates = []
    for number, (state, weights) in enumerate(states):
        progress("converting qat", done=number, total=len(states))
        emulation.model.set_weights(weights)
        model_bytes = export.export_emulation(emulation, spec=judge.input)
        measurement = judge.measure("qat", model_bytes, dtype="uint8", progress=progress)
        candidates.append(Candidate(state, model_bytes, measurement))
    progress("converting qat", done=len(states), total=len(states))
    return candidates

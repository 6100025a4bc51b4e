"""Makes the models that could go into the file, each measured on the validation pictures.

Ranges are measured, and weights learned, with pictures of the training part only; every model is
judged by those of the validation part. The test part is not read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from convert import export
from convert.folding import rewrite_batch_norms
from convert.gate import Limits, Loss, find_losses
from convert.modes import DYNAMIC, FLOAT16, FLOAT32, INT8, INT16X8, MODES, QAT
from convert.parity import Judge, Measurement
from convert.pictures import PictureSet, load_pictures, sample_pictures
from convert.progress import Progress
from convert.qat import FineTuning, Recipe, fine_tune, predict
from convert.run_folder import RunPicture
from convert.source import Origin

DISTILLED, SETTLED, POST_TRAINING, FLOAT = "distilled", "settled", "post-training", "float"

CALIBRATION_PICTURES = 512
"""Training pictures that ranges are measured with, where there are as many."""

MOST_POINTS_LOST = 0.1
"""Points of accuracy against the float network that "qat" may lose without a warning; one picture
always."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A converted model that could go into the file.

    Attributes:
        state: Which weights: "distilled", "settled" (ranges only), "post-training" or "float".
        model_bytes: Its FlatBuffer.
        measurement: What it does with the validation pictures; its name is that of the mode.
    """

    state: str
    model_bytes: bytes
    measurement: Measurement

    @property
    def dtype(self) -> str:
        """Type of its input and output, "uint8" or "float32"."""
        return MODES[self.measurement.name].dtype


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a mode has led to.

    Attributes:
        candidate: The best that the mode has to offer.
        columns: What to show of it, the plainer first; of "qat" also post-training int8.
        fine_tuning: Only of the mode "qat".
        warnings: What the person must know.
    """

    candidate: Candidate
    columns: tuple[Measurement, ...]
    fine_tuning: FineTuning | None = None
    warnings: tuple[str, ...] = ()


class Workshop:
    """A run's network and pictures, and everything that can be made of them.

    Args:
        run: Where they come from.
        recipe: Of the fine-tuning.
        limits: What a model may lose.
        progress: Told about every stage.

    Attributes:
        network: The float network; batch normalisations that stand alone are rewritten, see
            `convert.folding`.
        validation: The pictures that models are judged by, in the order of `judge`.
        judge: Their pixels, and what the float network says about them.

    Raises:
        RunFolderError: The network or the pictures are not what the manifest says.
    """

    def __init__(self, run: Origin, *, recipe: Recipe, limits: Limits, progress: Progress) -> None:
        self._run = run
        self._recipe = recipe
        self._limits = limits
        self._progress = progress
        self._training: PictureSet | None = None
        self._plain: Candidate | None = None
        self.network = rewrite_batch_norms(run.load_network())
        self.validation = sample_pictures(run.part("validation"), seed=recipe.seed)
        pictures = self._load(self.validation, "reading validation pictures")
        original = predict(self.network, pictures, spec=run.input, progress=progress)
        self.judge = Judge(pictures, run.labels, run.input, original)

    def read_training(self, mode: str) -> None:
        """Read the training pictures that a mode needs.

        Raises:
            RunFolderError: One is not what it was.
        """
        if MODES[mode].is_calibrated:
            self._training_pictures(self._wanted(mode))

    def make(self, mode: str) -> Made:
        """Convert the network in one of `MODES`, and measure it.

        Raises:
            RunFolderError: A training picture is not what it was, or, for "qat", a layer cannot
                be quantized.
            ModelFileError: The converter or the device's interpreter refuses the network.
        """
        if mode == QAT:
            return self._make_qat()
        made = self._make_plain() if mode == INT8 else self._convert(mode, _STATES[mode])
        return Made(made, (made.measurement,))

    def find_losses(self, candidate: Candidate) -> tuple[Loss, ...]:
        """Return what a candidate loses beyond the limits."""
        return find_losses(
            self.judge.original,
            candidate.measurement.scores,
            self.judge.pictures.truth,
            labels=self.judge.labels,
            limits=self._limits,
        )

    def calibration(self) -> PictureSet:
        """Return the training pictures that ranges are measured with."""
        return self._training_pictures(CALIBRATION_PICTURES)

    def _make_plain(self) -> Candidate:
        """Make post-training int8, once."""
        if self._plain is None:
            self._plain = self._convert(INT8, POST_TRAINING)
        return self._plain

    def _make_qat(self) -> Made:
        reference = self._make_plain()
        fine_tuning = fine_tune(
            self.network,
            self._training_pictures(self._wanted(QAT)),
            self.judge.pictures,
            spec=self._run.input,
            recipe=self._recipe,
            progress=self._progress,
        )
        pupils = self._convert_states(fine_tuning)
        chosen, warnings = choose_state(
            pupils,
            reference=reference,
            original_accuracy=self.judge.original_accuracy,
            is_passed=lambda candidate: not self.find_losses(candidate),
        )
        shown = chosen if chosen in pupils else pupils[0]
        return Made(
            chosen, (reference.measurement, shown.measurement), fine_tuning, tuple(warnings)
        )

    def _convert(self, mode: str, state: str) -> Candidate:
        stage = f"converting {mode}"
        calibration_rgb = self.calibration().pixels_rgb if MODES[mode].is_calibrated else None
        self._progress(stage, done=0, total=1)
        model_bytes = _export(mode, self.network, calibration_rgb, self._run)
        self._progress(stage, done=1, total=1)
        return self._measure(mode, state, model_bytes)

    def _convert_states(self, fine_tuning: FineTuning) -> list[Candidate]:
        """Convert the best state and, if it has learned, the one before any learning."""
        emulation = fine_tuning.emulation
        states = [(SETTLED, fine_tuning.settled_weights)]
        if fine_tuning.best.step > 0:
            states.insert(0, (DISTILLED, emulation.model.get_weights()))
        candidates = []
        for number, (state, weights) in enumerate(states):
            self._progress("converting qat", done=number, total=len(states))
            emulation.model.set_weights(weights)
            model_bytes = export.export_emulation(emulation, spec=self._run.input)
            candidates.append(self._measure(QAT, state, model_bytes))
        self._progress("converting qat", done=len(states), total=len(states))
        return candidates

    def _measure(self, mode: str, state: str, model_bytes: bytes) -> Candidate:
        measurement = self.judge.measure(
            mode, model_bytes, dtype=MODES[mode].dtype, progress=self._progress
        )
        return Candidate(state, model_bytes, measurement)

    def _wanted(self, mode: str) -> int:
        return max(CALIBRATION_PICTURES, self._recipe.pictures if mode == QAT else 0)

    def _training_pictures(self, count: int) -> PictureSet:
        """Return the first training pictures, read when they are needed."""
        if self._training is None or len(self._training) < count:
            part = self._run.part("train")
            chosen = sample_pictures(part, count=count, seed=self._recipe.seed)
            if self._training is None or len(self._training) < len(chosen):
                self._training = self._load(chosen, "reading train pictures")
        return self._training.head(count)

    def _load(self, pictures: Sequence[RunPicture], stage: str) -> PictureSet:
        return load_pictures(
            pictures,
            labels=self._run.labels,
            spec=self._run.input,
            stage=stage,
            progress=self._progress,
        )


_STATES = {
    INT16X8: POST_TRAINING,
    DYNAMIC: POST_TRAINING,
    FLOAT16: POST_TRAINING,
    FLOAT32: FLOAT,
}


def choose_state(
    pupils: Sequence[Candidate],
    *,
    reference: Candidate,
    original_accuracy: float,
    is_passed: Callable[[Candidate], bool],
) -> tuple[Candidate, list[str]]:
    """Choose what quantization-aware training has earned.

    Args:
        pupils: The states of the network on the way, the best first; one at least.
        reference: The same network after plain post-training quantization.
        original_accuracy: Of the same network in float, in [0, 1].
        is_passed: Whether a candidate passes the gate; one that does is preferred to all others.

    Returns:
        The pupil nearest to the float original of those that are, on validation pictures, no
        less accurate and agree no less than the reference. If there is none, the best of those
        that are no less accurate, the reference included. And warnings: that the training has
        not led to what it should, and that more than `MOST_POINTS_LOST` are lost against the
        float original.
    """
    least = reference.measurement
    everyone = [*pupils, reference]
    passed = [candidate for candidate in everyone if is_passed(candidate)] or everyone
    eligible = [one for one in passed if one.measurement.accuracy >= least.accuracy] or passed
    sound = [
        pupil
        for pupil in pupils
        if pupil in eligible
        and pupil.measurement.accuracy >= least.accuracy
        and pupil.measurement.agreement >= least.agreement
    ]
    if sound:
        chosen = min(sound, key=lambda pupil: pupil.measurement.divergence)
        warnings = []
    else:
        chosen = max(eligible, key=_merit)
        warnings = [_explain_choice(chosen, pupils[0].measurement, least)]
    pictures = len(chosen.measurement.scores)
    lost = round((original_accuracy - chosen.measurement.accuracy) * pictures)  # pictures
    points = lost * 100 / pictures
    if lost > 1 and points > MOST_POINTS_LOST:
        warnings.append(
            f"quantization-aware training stays {points:.2f} points of accuracy behind the float "
            f"network, more than {MOST_POINTS_LOST:g}"
        )
    return chosen, warnings


def _merit(candidate: Candidate) -> tuple[float, float]:
    found = candidate.measurement
    return round(found.accuracy + found.agreement, 6), -found.divergence


def _explain_choice(best: Candidate, found: Measurement, least: Measurement) -> str:
    is_lower = found.accuracy < least.accuracy or found.agreement < least.agreement
    missed = "did not reach plain post-training int8" if is_lower else "loses too much of a recall"
    return (
        f"quantization-aware training {missed} (accuracy "
        f"{found.accuracy:.2%} against {least.accuracy:.2%}, agreement {found.agreement:.2%} "
        f"against {least.agreement:.2%}); the state {best.state!r} was kept"
    )


def _export(mode: str, network: Any, calibration_rgb: Any, run: Origin) -> bytes:
    if mode == INT8:
        return export.export_int8(network, calibration_rgb, spec=run.input)
    if mode == INT16X8:
        return export.export_int16x8(network, calibration_rgb, spec=run.input)
    plain = {
        DYNAMIC: export.export_dynamic,
        FLOAT16: export.export_float16,
        FLOAT32: export.export_float32,
    }
    return plain[mode](network)

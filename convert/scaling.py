"""How a network of others wants its pixels: what it says itself, what it is told, what fits.

The network was trained on `(pixel - mean) / deviation`. An integer input carries that in its
quantization, and takes pixels as they are; a float input does not, and somebody must know.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.errors import ModelFileError, SettingError
from edge.interface import Tensor

_CHANNELS = 3
_CLOSE_STEPS = 1.01  # 127.5 and 128 are both in use for the same network
_OFFSETS = {"uint8": 0, "int8": 128}
USUAL = (
    "Say how it was trained: --mean 127.5 --std 127.5 for pixels from -1 to 1, --mean 0 --std 255 "
    "for 0 to 1, --mean 0 --std 1 for pixels as they are, or a number per channel, such as --mean "
    "123.675,116.28,103.53 --std 58.395,57.12,57.375"
)
"""What to do where nobody says how pixels are scaled."""


@dataclass(frozen=True, slots=True)
class Normalization:
    """What training did to pixels of 0 to 255: subtract a mean, then divide by a deviation.

    Attributes:
        means: One number, or one per channel.
        deviations: One number, or one per channel; above 0.
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def __str__(self) -> str:
        """Return it as a formula."""
        return f"(pixel - {_write(self.means)}) / {_write(self.deviations)}"

    @property
    def is_usable(self) -> bool:
        """Whether pixels can be scaled by it."""
        numbers = (*self.means, *self.deviations)
        is_complete = {len(self.means), len(self.deviations)} <= {1, _CHANNELS}
        return is_complete and all(map(math.isfinite, numbers)) and min(self.deviations) > 0

    def per_channel(self) -> tuple[tuple[float, float], ...]:
        """Return mean and deviation of each channel."""
        means = self.means * _CHANNELS if len(self.means) == 1 else self.means
        several = len(self.deviations) > 1
        deviations = self.deviations if several else self.deviations * _CHANNELS
        return tuple(zip(means, deviations, strict=True))


@dataclass(frozen=True, slots=True)
class Scaling:
    """How the device feeds the input.

    Attributes:
        mean: For the manifest.
        scale: For the manifest.
        built_in: What the model must do itself, because its channels differ.
        note: What it rests on, in a sentence.
    """

    mean: float
    scale: float
    built_in: Normalization | None
    note: str


def read_normalization(mean: str | None, deviation: str | None) -> Normalization | None:
    """Read `--mean` and `--std`; `None` when neither is given.

    Raises:
        SettingError: One without the other, or no numbers.

    Example:
        >>> str(read_normalization("127.5", "127.5"))
        '(pixel - 127.5) / 127.5'
    """
    if mean is None and deviation is None:
        return None
    if mean is None or deviation is None:
        raise SettingError(
            "--mean and --std belong together",
            received="only --mean" if deviation is None else "only --std",
            fix="Give both, or none where the file says it itself",
        )
    try:
        found = Normalization(_read_numbers(mean), _read_numbers(deviation))
    except ValueError:
        found = Normalization((), ())
    if not found.is_usable:
        raise SettingError(
            "--mean and --std are a number or three with commas between, --std above 0",
            received=f"--mean {mean} --std {deviation}",
            fix="Use for example --mean 127.5 --std 127.5",
        )
    return found


def choose_scaling(
    takes: Tensor, *, asked: Normalization | None, stated: Normalization | None
) -> Scaling:
    """Find out how pixels must be scaled, and refuse to guess.

    Args:
        takes: The model's input.
        asked: By the options.
        stated: By the file's TFLite Metadata.

    Raises:
        ModelFileError: Nobody says it, or what is asked contradicts the quantization.
    """
    if takes.dtype == "float32":
        return _scale_float(takes, asked, stated)
    own = _read_quantization(takes)
    says = f"{takes.dtype} input: pixels go in {'as they are' if own.offset == 0 else 'less 128'}, "
    says += f"which its quantization takes for (pixel - {own.mean:g}) / {own.scale:g}"
    if asked is not None:
        steps = own.steps_off(asked)
        if steps > _CLOSE_STEPS:
            raise ModelFileError(
                "An integer input takes pixels as they are, so that --mean and --std must be what "
                f"its quantization says, (pixel - {own.mean:g}) / {own.scale:g}",
                received=f"{asked}, which is up to {steps:.0f} of 256 steps off",
                fix="Leave them out, or convert the network again with an input from 0 to 255",
            )
    elif stated is not None and own.steps_off(stated) > _CLOSE_STEPS:
        says += f"; its metadata says {stated}, which others do not apply to integers either"
    return Scaling(own.mean, own.scale, None, says)


@dataclass(frozen=True, slots=True)
class _Quantization:
    step: float
    zero_point: int
    offset: int

    @property
    def mean(self) -> float:
        return float(self.zero_point + self.offset)

    @property
    def scale(self) -> float:
        return 1.0 / self.step

    def steps_off(self, other: Normalization) -> float:
        """Return how many steps a pixel would be off at most if the other were right."""
        return max(
            abs((pixel - mean) / deviation / self.step + self.mean - pixel)
            for mean, deviation in other.per_channel()
            for pixel in (0.0, 255.0)
        )


def _read_quantization(takes: Tensor) -> _Quantization:
    if not takes.scales and takes.dtype == "uint8":
        return _Quantization(1.0, 0, 0)  # the graph takes pixels and scales them itself
    steps, zero_points = takes.scales, takes.zero_points or (0,)
    is_single = len(steps) == len(zero_points) == 1
    if not is_single or not (math.isfinite(steps[0]) and steps[0] > 0):
        raise ModelFileError(
            "An integer input must be quantized with one scale and one zero point",
            received=str(takes),
            fix="Convert the network again with full integer quantization",
        )
    return _Quantization(steps[0], zero_points[0], _OFFSETS[takes.dtype])


def _scale_float(
    takes: Tensor, asked: Normalization | None, stated: Normalization | None
) -> Scaling:
    found = asked or stated
    if found is None:
        raise ModelFileError(
            "Of a float32 input somebody must say how pixels are scaled",
            received=f"{takes} without TFLite Metadata that says it, and no --mean and --std",
            fix=USUAL,
        )
    source = "as asked" if asked is not None else "as its metadata says"
    if not found.is_usable:
        raise ModelFileError(
            "The normalisation in a file's metadata must be one or three numbers, std above 0",
            received=str(found),
            fix=USUAL,
        )
    channels = set(found.per_channel())
    if len(channels) == 1:
        mean, scale = channels.pop()
        return Scaling(mean, scale, None, f"float32 input: {found}, {source}")
    note = f"float32 input: {found}, {source}; the model does it itself now, channel by channel"
    return Scaling(0.0, 1.0, found, note)


def _read_numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _write(numbers: Sequence[float]) -> str:
    written = ", ".join(f"{number:g}" for number in numbers)
    return written if len(numbers) == 1 else f"({written})"

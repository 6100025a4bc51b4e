"""The ways to make a network small, and the order in which `auto` tries them."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge.errors import SettingError


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to convert a network.

    Attributes:
        name: As `--quantize` takes it.
        numbers: What the file computes with, in words.
        dtype: Of the file's input and output, "uint8" or "float32".
        is_calibrated: Whether training pictures are needed to measure ranges with.
        is_integer: Whether it runs where there are only integers.
        is_rounded: Whether its weights are 8-bit numbers.
    """

    name: str
    numbers: str
    dtype: str
    is_calibrated: bool
    is_integer: bool
    is_rounded: bool = True


QAT, INT8, INT16X8 = "qat", "int8", "int16x8"
DYNAMIC, FLOAT16, FLOAT32 = "dynamic", "float16", "float32"

MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(QAT, "8-bit integers, learned", "uint8", True, True),
        Mode(INT8, "8-bit integers", "uint8", True, True),
        Mode(INT16X8, "16-bit integers, 8-bit weights", "float32", True, True),
        Mode(DYNAMIC, "floats, 8-bit weights", "float32", False, False),
        Mode(FLOAT16, "floats, 16-bit weights", "float32", False, False, False),
        Mode(FLOAT32, "floats", "float32", False, False, False),
    )
}
"""Every mode by its name, the default first."""

AUTO = "auto"
AUTO_ORDER = (INT8, QAT, DYNAMIC, FLOAT16, FLOAT32)
"""What `auto` tries: integers of eight bits first, of these the one that is made in seconds; then
what computes in floats, the smallest file first. `int16x8` is left out: the runtimes have no fast
kernels for it, so that on a camera's processor it is slower than floats."""

CHOICES = (*MODES, AUTO)
"""What `--quantize` takes."""


def modes_to_try(choice: str) -> tuple[str, ...]:
    """Return the modes that a choice stands for, in the order in which they are tried.

    Args:
        choice: One of `CHOICES`.

    Raises:
        SettingError: It is none of them.

    Example:
        >>> modes_to_try("int8"), modes_to_try("auto")[:2]
        (('int8',), ('int8', 'qat'))
    """
    if choice not in CHOICES:
        raise SettingError(
            "--quantize must be one of " + ", ".join(CHOICES),
            received=choice,
            fix="Leave it out for qat",
        )
    return AUTO_ORDER if choice == AUTO else (choice,)

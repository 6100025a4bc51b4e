"""Settings of a part as a frozen dataclass whose fields say what they accept."""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

_KEY = "edge.settings"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a setting accepts beside its type.

    Attributes:
        least: Smallest number, this one included.
        most: Largest number, this one included.
        choices: The only texts accepted.
        check: Raises `edge.errors.SettingError` for a value that does not fit.
    """

    least: float | None = None
    most: float | None = None
    choices: Sequence[str] = ()
    check: Callable[[Any], object] | None = None


def setting(
    default: Any = MISSING,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: Sequence[str] = (),
    check: Callable[[Any], object] | None = None,
) -> Any:
    """Make a field of a settings class; without a default the setting must be given.

    The annotation of the field is its type: `bool`, `int`, `float`, `str`, `Path` (made absolute,
    from the folder of the file), `Secret`, `tuple[str, ...]`, or one of these `| None`.

    Args:
        default: What holds where nothing is said.
        least: Smallest number accepted.
        most: Largest number accepted.
        choices: The only texts accepted.
        check: Raises `edge.errors.SettingError` for a value that does not fit.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Settings:
        ...     host: str = setting()
        ...     port: int = setting(1883, least=1, most=65535)
        >>> Settings("broker").port
        1883
    """
    return field(default=default, metadata={_KEY: Limits(least, most, tuple(choices), check)})

"""How a settings class says what its fields accept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

KEY = "edge.settings"
"""Of a field's metadata, where its `Limits` are."""


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
    is_shown: bool = True,
) -> Any:
    """Make a field of a settings class; without a default the setting must be given.

    The annotation of the field is its type: `bool`, `int`, `float`, `str`, `Path` (made absolute,
    from the folder of the file), `Secret`, `tuple[str, ...]`, `Mapping[str, float]`, or one of
    these `| None`. A whole number is taken as a text where the type is `str`.

    Args:
        default: What holds where nothing is said.
        least: Smallest number accepted.
        most: Largest number accepted.
        choices: The only texts accepted.
        check: Raises `edge.errors.SettingError` for a value that does not fit.
        is_shown: Whether `repr` shows it; not for an address that may hold a password.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Settings:
        ...     host: str = setting()
        ...     port: int = setting(1883, least=1, most=65535)
        >>> Settings("broker").port
        1883
    """
    limits = Limits(least, most, tuple(choices), check)
    if isinstance(default, Mapping):  # which dataclasses take for something that changes
        return field(default_factory=lambda: default, repr=is_shown, metadata={KEY: limits})
    return field(default=default, repr=is_shown, metadata={KEY: limits})

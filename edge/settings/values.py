"""From what a file or a variable says to the value of a setting."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from edge.address import redact
from edge.errors import SettingError
from edge.secret import Secret
from edge.settings.declaring import KEY, Limits
from edge.settings.problem import Location, find_nearest, kind_of, show
from edge.settings.reference import check_secret, make_absolute, resolve

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_WORDS = dict.fromkeys(("true", "1", "yes", "on"), True)
_WORDS |= dict.fromkeys(("false", "0", "no", "off"), False)


def without_none(kind: Any) -> Any:
    """Return the type of a setting that may also be `None`."""
    if get_origin(kind) in (Union, UnionType):
        return next(each for each in get_args(kind) if each is not NoneType)
    return kind


def from_table(value: object, kind: Any, limits: Limits, at: Location) -> Any:
    """Make the value of a setting from what a file says.

    Args:
        value: As `tomllib` gives it.
        kind: Type of the setting, see `edge.settings.setting`.
        limits: What it accepts.
        at: Where its table stands.

    Raises:
        SettingError: Another type, out of its limits, or a secret that cannot be had.
    """
    converted = _CONVERTERS[get_origin(kind) or kind](value, at)
    for each in converted.values() if isinstance(converted, Mapping) else (converted,):
        _check_limits(each, limits)
    return converted


def from_text(text: str, kind: Any, limits: Limits, at: Location) -> Any:
    """Make the value of a setting from a variable, whose whole text a secret is.

    A list is written with commas, relative paths go from the working directory.

    Raises:
        SettingError: See `from_table`.
    """
    if kind is Secret:
        secret = Secret(check_secret(text, "the environment"))
        _check_limits(secret, limits)
        return secret
    if kind is Path:
        value: object = str(Path(_read_str(text, at)).expanduser().absolute()) if text else text
    else:
        value = _PARSERS.get(get_origin(kind) or kind, str)(text)
    return from_table(value, kind, limits, replace(at, is_closed=True))


def check_fields(settings: "DataclassInstance") -> None:
    """Hold an instance that was not read from a file against what its fields accept.

    Args:
        settings: An instance of a dataclass whose fields are made by `edge.settings.setting`.

    Raises:
        SettingError: The first value that does not fit.
    """
    for each in fields(settings):
        try:
            _check_limits(getattr(settings, each.name), each.metadata.get(KEY, Limits()))
        except SettingError as error:
            rule = error.rule if error.rule[0].isupper() else f"{each.name} {error.rule}"
            raise SettingError(rule, received=error.received, fix=error.fix) from error


def _check_limits(value: Any, limits: Limits) -> None:
    if limits.choices and value not in limits.choices:
        near = find_nearest(str(value), limits.choices) or limits.choices[0]
        rule = f"must be one of {', '.join(limits.choices)}"
        raise SettingError(rule, received=show(value), fix=f'Write "{near}"')
    least, most = limits.least, limits.most
    is_low = least is not None and not value >= least  # nor is a NaN
    if is_low or (most is not None and value > most):
        bounds = f"from {least:g} to {most:g}" if least is not None and most is not None else ""
        bounds = bounds or (f"at least {least:g}" if most is None else f"at most {most:g}")
        raise SettingError(
            f"must be {bounds}", received=show(value), fix=f"Write {least if is_low else most:g}"
        )
    if limits.check is not None:
        limits.check(value)


def _wrong(rule: str, value: object, fix: str) -> SettingError:
    return SettingError(rule, received=show(value), fix=fix)


def _read_bool(value: object, _: Location) -> bool:
    if not isinstance(value, bool):
        raise _wrong("must be true or false", value, "Write true or false, without quotes")
    return value


def _read_int(value: object, _: Location) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong("must be a whole number", value, "Write a whole number, without quotes")
    return value


def _read_float(value: object, _: Location) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise _wrong("must be a number", value, "Write a number such as 1.5, without quotes")


def _read_str(value: object, at: Location) -> str:
    if isinstance(value, Mapping):
        return resolve(value, at)
    if isinstance(value, int) and not isinstance(value, bool):
        return show(value)
    if not isinstance(value, str):
        raise _wrong("must be a text", value, "Write a text in quotes")
    if "\0" in value:
        raise _wrong("must be a text without the character NUL", value, "Leave it out")
    if redact(value) != value and not at.is_closed:
        raise SettingError(
            "an address with a password may stand only in a file that others cannot read",
            received=show(value),
            fix='Write {env = "NAME"} or {file = "PATH"} in place of it, or chmod 600 this file',
        )
    return value


def _read_path(value: object, at: Location) -> Path:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise _wrong("must be the path of a file or folder", value, "Write a path in quotes")
    return make_absolute(Path(value), at)


def _read_texts(value: object, at: Location) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong("must be a list of texts", value, 'Write for example ["one", "two"]')
    return tuple(_read_str(each, at) for each in value)


def _read_scores(value: object, at: Location) -> Mapping[str, float]:
    if not isinstance(value, Mapping):
        raise _wrong("must be a table of numbers", value, "Write for example {cat = 0.9}")
    return MappingProxyType({str(key): _read_float(each, at) for key, each in value.items()})


def _read_secret(value: object, at: Location) -> Secret:
    if isinstance(value, Mapping):
        return Secret(resolve(value, at))
    raise SettingError(
        "a secret must not stand in this file",
        received=kind_of(value),
        fix='Write {env = "NAME"} or {file = "PATH"}',
    )


def _parse_bool(text: str) -> object:
    return _WORDS.get(text.strip().lower(), text)


def _parse_number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parse_texts(text: str) -> object:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parse_scores(text: str) -> object:
    pairs = (part.rpartition("=") for part in text.split(",") if part.strip())
    return {label.strip(): _parse_number(number) for label, _, number in pairs}


_CONVERTERS: Mapping[Any, Callable[[object, Location], Any]] = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
    Path: _read_path,
    tuple: _read_texts,
    Mapping: _read_scores,
    Secret: _read_secret,
}
_PARSERS: Mapping[Any, Callable[[str], object]] = {
    bool: _parse_bool,
    int: _parse_number,
    float: _parse_number,
    tuple: _parse_texts,
    Mapping: _parse_scores,
}

"""What `edge run` is to do: flags and environment over the configuration file over defaults."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge.cli.run_settings import RunSettings, parse_size

if TYPE_CHECKING:
    from typer import Context

    from edge.config import Config
    from edge.sources.options import SourceOptions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run is to do.

    Attributes:
        settings: What is looked at, how, and with what.
        config: What follows from it; nothing does when `None`.
        is_dry: Whether it is only told what would follow.
    """

    settings: RunSettings
    config: "Config | None" = None
    is_dry: bool = False


def given_options(context: "Context") -> frozenset[str]:
    """Name the parameters of a command that a flag or the environment sets."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(
        name
        for name, source in sources.items()
        if source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")
    )


def read_plan(
    path: Path, flags: RunSettings, given: Collection[str], *, is_dry: bool = False
) -> RunPlan:
    """Read a configuration file, and put what was given over it.

    Args:
        path: Of the file.
        flags: What the options say, defaults included.
        given: Which options were given, by the names of the parameters of `edge run`.
        is_dry: Whether it is only told what would follow.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong.
    """
    from edge.config import read_config

    config = read_config(path)
    return RunPlan(merge(flags, given, config), config, is_dry)


def merge(flags: RunSettings, given: Collection[str], config: "Config") -> RunSettings:
    """Put what was given over what a configuration says.

    Args:
        flags: What the options say, defaults included.
        given: Which options were given, by the names of the parameters of `edge run`.
        config: What counts for all others.
    """
    model, run = config.model, config.run

    def pick(name: str, flag: T, value: T) -> T:
        return flag if name in given else value

    is_source_given = not {"camera", "source"}.isdisjoint(given)
    thresholds = [f"{label}={score}" for label, score in model.thresholds.items()]
    return replace(
        flags,
        source=flags.source if is_source_given else config.source.address,
        options=_merge_options(flags.options, given, config),
        region=pick("region", flags.region, config.region),
        model=pick("model", flags.model, model.file),
        runtime=pick("runtime", flags.runtime, model.runtime),
        threads=pick("threads", flags.threads, model.threads),
        thresholds=(*thresholds, *flags.thresholds),
        evidence=f"{config.evidence} {flags.evidence}".strip(),
        picture=f"{config.picture} {flags.picture}".strip(),
        has_gate=pick("no_motion_gate", flags.has_gate, run.motion_gate),
        max_fps=pick("max_fps", flags.max_fps, run.max_fps),
    )


def _merge_options(
    flags: "SourceOptions", given: Collection[str], config: "Config"
) -> "SourceOptions":
    source = config.source
    values: dict[str, tuple[str, Callable[[], object]]] = {
        "size_wh": ("size", lambda: parse_size(source.size)),
        "rate_hz": ("rate", lambda: source.rate),
        "pixel_format": ("pixel_format", lambda: _upper(source.pixel_format)),
        "rotate_degrees": ("rotate", lambda: source.rotate),
        "flip": ("flip", lambda: source.flip),
    }
    changed = {field: make() for field, (name, make) in values.items() if name not in given}
    if "rate" not in given and source.rate is not None:
        changed["snapshot_seconds"] = 1.0 / source.rate
    return replace(flags, **changed)  # type: ignore[arg-type]


def _upper(text: str | None) -> str | None:
    return None if text is None else text.upper()

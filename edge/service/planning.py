"""From a configuration to the unit that runs it, and what its user must get at."""

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge
from edge.config import Config, read_config
from edge.config.memory import STORE_VARIABLE
from edge.errors import ServiceError
from edge.service import access
from edge.service.unit import STATE_FOLDER, VARIABLES_FILE, UnitPlan
from edge.settings import variable_name

_GROUPS = ("video", "gpio")
_PIN_FILE = "file:"


@dataclass(frozen=True, slots=True)
class Need:
    """A file or folder that the user of the service must get at.

    Attributes:
        path: Absolute.
        need: `edge.service.access.READ`, or what a folder must allow to be written to.
        purpose: What it is, in words.
    """

    path: Path
    need: int
    purpose: str


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What the service will be.

    Attributes:
        unit: What the unit says.
        needs: What its user must get at.
        remarks: What the owner should know, a line each.
    """

    unit: UnitPlan
    needs: tuple[Need, ...]
    remarks: tuple[str, ...]


def plan_service(
    path: Path, *, systemd: int, environment: Mapping[str, str] = os.environ
) -> ServicePlan:
    """Read a configuration, and plan the service that runs it.

    What the configuration names relative to itself, and the service writes, goes to
    `/var/lib/edge`: the folder of the memory, and files of actions.

    Args:
        path: Of the configuration.
        systemd: Version of systemd.
        environment: What `{env = "NAME"}` is looked up in, beside the file of variables. What would
            override a setting in it does not count: the service does not get it.

    Raises:
        ConfigError: The configuration cannot be read or is wrong.
        ServiceError: The file of variables cannot be read.
    """
    path = path.absolute()
    given = read_variables(path.parent / VARIABLES_FILE)
    own = {name: value for name, value in environment.items() if not name.startswith("EDGE_")}
    config = read_config(path, environment={**own, **given})
    table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    variables: dict[str, str] = {}
    store = _place_store(config, table, given, variables)
    written = dict(_place_files(config, table, given, variables))
    folders = {path.parent for path in written.values()} | {store}
    outside = sorted(one for one in folders if not one.is_relative_to(STATE_FOLDER))
    unit = UnitPlan(
        python=Path(sys.executable),
        config=path,
        store=store,
        groups=access.known_groups(_GROUPS),
        variables=variables,
        writable=tuple(outside),
        systemd=systemd,
    )
    write = access.WRITE | access.ENTER
    needs = [*_list_readable(path, table), *(Need(one, write, "what it writes") for one in outside)]
    return ServicePlan(unit, tuple(needs), tuple(_remark(variables)))


def read_variables(path: Path) -> dict[str, str]:
    """Read the variables of the service; none where there is no such file.

    Args:
        path: Of lines `NAME=value`, of which those that begin with `#` are passed over.

    Raises:
        ServiceError: It cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(
            "The variables of the service must be readable",
            received=f"{path}: {getattr(error, 'strerror', None) or 'it is no UTF-8'}",
            fix="Run it as root, or correct the file",
        ) from error
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _place_store(
    config: Config,
    table: Mapping[str, Any],
    given: Mapping[str, str],
    variables: dict[str, str],
) -> Path:
    is_given = bool(given.get(STORE_VARIABLE))
    if is_given or Path(table.get("store", {}).get("folder", "")).expanduser().is_absolute():
        return config.store.folder
    variables[STORE_VARIABLE] = str(STATE_FOLDER)
    return STATE_FOLDER


def _place_files(
    config: Config,
    table: Mapping[str, Any],
    given: Mapping[str, str],
    variables: dict[str, str],
) -> Iterator[tuple[str, Path]]:
    """Yield the files that actions write, by variable; those of relative paths are moved."""
    for name, action in config.actions.items():
        said = table["actions"][name]
        for key, prefix in (("path", ""), ("pin", _PIN_FILE)):
            variable = variable_name("EDGE_ACTIONS", name, key)
            text = given.get(variable) or str(said.get(key, ""))
            if not text or not text.startswith(prefix) or (key == "path" and action.kind != "file"):
                continue
            path = Path(text.removeprefix(prefix)).expanduser()
            if not path.is_absolute() and not given.get(variable):
                path = STATE_FOLDER / path.name
                variables[variable] = f"{prefix}{path}"
            yield variable, path


def _list_readable(path: Path, table: Mapping[str, Any]) -> Iterator[Need]:
    yield Need(Path(sys.executable), access.READ | access.ENTER, "Python")
    yield Need(Path(edge.__file__), access.READ, "catseye")
    yield Need(path, access.READ, "the configuration")
    for file in dict.fromkeys(_list_named(table)):
        yield Need(path.parent / file, access.READ, "named in the configuration")


def _list_named(value: Any) -> Iterator[str]:
    """Yield what the keys `file` and `ca_file` say: a model, a secret, a certificate."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("file", "ca_file") and isinstance(inner, str):
                yield inner
            else:
                yield from _list_named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _list_named(inner)


def _remark(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        key = name.removeprefix("EDGE_").replace("_", " ").lower()
        yield f"{key}: the service uses {value}, as nothing absolute is configured"
    if STORE_VARIABLE in variables:
        yield "edge status, door and events look there, too"

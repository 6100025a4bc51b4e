"""Where the memory of a configuration is, and the instance that runs with it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.errors import NotRunningError


def find_memory(config: Path | None) -> Path:
    """Return the folder of the memory: that of the service, if it runs this configuration.

    Args:
        config: What `--config` says.

    Raises:
        ConfigError: There is no configuration, or it does not say where.
    """
    return _find_memories(config)[0]


def ask_running(
    config: Path | None, command: str, *, mode: str | None = None, output: str | None = None
) -> Mapping[str, Any]:
    """Ask the instance that runs a configuration, as the service or by hand.

    Args:
        config: What `--config` says.
        command: "status" or "door".
        mode: For "door": one of `edge.guard.MODES`.
        output: For "door": name of the output; all of them when `None`.

    Raises:
        NotRunningError: None runs, it does not let one ask, or it does not answer.
        SettingError: It has refused what was asked for.
        ConfigError: There is no configuration, or it does not say where the memory is.
    """
    from edge.control import ask

    first, *others = _find_memories(config)
    for folder in others:
        with suppress(NotRunningError):
            return ask(folder, command, mode=mode, output=output)
    return ask(first, command, mode=mode, output=output)


def _find_memories(config: Path | None) -> tuple[Path, ...]:
    """Return that of the service, where it is another one, and that of the configuration."""
    from edge.config import find_config, find_store
    from edge.config.memory import STORE_VARIABLE
    from edge.service.machine import Machine
    from edge.service.unit import read_moved_store

    if os.environ.get(STORE_VARIABLE):
        return (find_store(Path()),)
    path = find_config(config)
    folder = find_store(path)
    try:
        unit = Machine().unit_path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return (folder,)
    moved = read_moved_store(unit, path.absolute())
    return (folder,) if moved in (None, folder) else (moved, folder)

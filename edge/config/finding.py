"""Which configuration file is meant."""

import os
from collections.abc import Mapping
from pathlib import Path

from edge.errors import ConfigError

SYSTEM_PATH = Path("/etc/edge/edge.toml")
"""Where the service looks."""


def find_config(
    option: Path | None,
    *,
    environment: Mapping[str, str] = os.environ,
    folder: Path = Path(),
    system_path: Path = SYSTEM_PATH,
) -> Path:
    """Return the file that was named, else `EDGE_CONFIG`, `edge.toml` here, `/etc/edge/edge.toml`.

    Args:
        option: What `--config` says.
        environment: May hold `EDGE_CONFIG`.
        folder: Where "here" is.
        system_path: Where the service looks.

    Raises:
        ConfigError: Nothing is named, and there is none.
    """
    named = option or Path(environment.get("EDGE_CONFIG", ""))
    if named != Path():
        return named
    candidates = (folder / "edge.toml", system_path)
    for path in candidates:
        if path.is_file():
            return path
    raise ConfigError(
        "A configuration must be named, or lie where it is looked for",
        received=f"no file {' and no '.join(str(path) for path in candidates)}",
        fix="Name one with --config, or make one with edge init webcam",
    )

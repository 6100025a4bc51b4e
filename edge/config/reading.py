"""From the file to a `Config`, with everything that is wrong at once."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.config.configuration import Config


def read_config(
    path: Path,
    *,
    environment: Mapping[str, str] = os.environ,
    kinds: Callable[[str], type[Any] | None] | None = None,
) -> Config:
    """Read and check a configuration; nothing is opened, and no model is looked at.

    Args:
        path: Of the file.
        environment: `EDGE_TABLE_KEY` in it overrides the file.
        kinds: From the name of a kind to its class of actions; `edge.actions.find_kind` if `None`.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong; all problems are listed,
            a line each.
    """
    raise NotImplementedError

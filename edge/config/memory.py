"""Where the memory of a configuration is, whatever else is wrong with it."""

import os
from collections.abc import Mapping
from pathlib import Path

from edge.config.text import make_error, read_text
from edge.settings import Location, Problem, read_settings

STORE_VARIABLE = "EDGE_STORE_FOLDER"
"""Names the folder of the memory in place of the file."""


def find_store(path: Path, *, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the memory, absolute.

    Nothing else is looked at: who asks a running instance need not have its secrets, and the door
    can be locked while its configuration is being changed.

    Args:
        path: Of the configuration; not read if the environment names the folder.
        environment: May hold `EDGE_STORE_FOLDER`.

    Raises:
        ConfigError: The file cannot be read, or says something wrong about the folder.

    Example:
        >>> find_store(Path("edge.toml"), environment={"EDGE_STORE_FOLDER": "/srv/cats"})
        PosixPath('/srv/cats')
    """
    from edge.store.settings import StoreSettings

    named = environment.get(STORE_VARIABLE, "")
    if named:
        return Path(named).expanduser().absolute()
    text = read_text(path)
    table = text.table.get("store", {})
    said = {"folder": table["folder"]} if isinstance(table, Mapping) and "folder" in table else {}
    at = Location("store", folder=path.absolute().parent, lines=text.lines)
    problems: list[Problem] = []
    settings = read_settings(said, StoreSettings, at=at, problems=problems)
    if settings is None:
        raise make_error(path, tuple(problems))
    return settings.folder

"""Configurations for a beginning, with comments, that are right as they stand."""

from pathlib import Path

from edge.errors import SettingError
from edge.settings import find_nearest

TEMPLATES = ("webcam", "pet-door")
"""What there is a configuration for."""


def read_template(name: str) -> str:
    """Return the text of a configuration.

    Args:
        name: One of `TEMPLATES`.

    Raises:
        SettingError: There is none of that name.

    Example:
        >>> "[[rules]]" in read_template("pet-door")
        True
    """
    if name not in TEMPLATES:
        near = find_nearest(name, TEMPLATES) or TEMPLATES[0]
        raise SettingError(
            f"There are configurations for {' and '.join(TEMPLATES)}",
            received=repr(name),
            fix=f"Write edge init {near}",
        )
    return Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8")

"""Settings of a part as a frozen dataclass whose fields say what they accept.

`read_settings` makes an instance from a table of a file and from the environment. It does not stop
at the first thing that is wrong: every one becomes a `Problem` that names the line.
"""

from edge.settings.declaring import Limits, setting
from edge.settings.problem import (
    Location,
    Problem,
    find_nearest,
    kind_of,
    show,
    unknown_key,
    variable_name,
)
from edge.settings.reading import build, read_settings, read_values
from edge.settings.values import check_fields

__all__ = [
    "Limits",
    "Location",
    "Problem",
    "build",
    "check_fields",
    "find_nearest",
    "kind_of",
    "read_settings",
    "read_values",
    "setting",
    "show",
    "unknown_key",
    "variable_name",
]

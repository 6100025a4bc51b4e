"""The configuration file `edge.toml`: read, checked as a whole, and written for a beginning."""

from edge.config.configuration import (
    ActionConfig,
    Config,
    ModelSection,
    RunSection,
    SourceSection,
)
from edge.config.finding import find_config
from edge.config.labels import check_labels
from edge.config.reading import read_config, read_store_folder

__all__ = [
    "ActionConfig",
    "Config",
    "ModelSection",
    "RunSection",
    "SourceSection",
    "check_labels",
    "find_config",
    "read_config",
    "read_store_folder",
]

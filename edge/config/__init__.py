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
from edge.config.memory import find_store
from edge.config.reading import read_config

__all__ = [
    "ActionConfig",
    "Config",
    "ModelSection",
    "RunSection",
    "SourceSection",
    "check_labels",
    "find_config",
    "find_store",
    "read_config",
]

"""Holds the labels of a configuration against those of the model."""

from collections.abc import Sequence

from edge.config.configuration import Config


def check_labels(config: Config, labels: Sequence[str]) -> None:
    """Refuse labels that the model does not know, all of them at once.

    Args:
        config: Its rules and thresholds name labels.
        labels: Of the model.

    Raises:
        ConfigError: A label is not one of the model's; the nearest is named.
    """
    raise NotImplementedError

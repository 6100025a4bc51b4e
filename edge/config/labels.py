"""Holds the labels of a configuration against those of the model."""

from collections.abc import Iterator, Sequence

from edge.config.configuration import Config
from edge.config.text import make_error
from edge.labels import name_some
from edge.settings import Problem, find_nearest, show


def check_labels(config: Config, labels: Sequence[str]) -> None:
    """Refuse labels that the model does not know, all of them at once.

    Args:
        config: Its rules and thresholds name labels.
        labels: Of the model.

    Raises:
        ConfigError: A label is not one of the model's; the nearest is named.
    """
    problems = tuple(
        _make_problem(config, key, label, labels)
        for key, label in _find_labels(config)
        if label not in labels
    )
    if problems:
        raise make_error(config.path, problems)


def _find_labels(config: Config) -> Iterator[tuple[str, str]]:
    yield from (("model.thresholds", label) for label in config.model.thresholds)
    for index, rule in enumerate(config.rules):
        yield from ((f"rules[{index}].labels", label) for label in rule.labels)
        yield from ((f"rules[{index}].vetoed_by", label) for label in rule.vetoed_by)


def _make_problem(config: Config, key: str, label: str, labels: Sequence[str]) -> Problem:
    near = find_nearest(label, labels)
    rule = f"the model must have the label; it has {name_some(labels, like=label)}"
    fix = f"Write {near}" if near else "Choose one of these, or another model"
    return Problem(config.lines.get(key), key, rule, show(label), fix)

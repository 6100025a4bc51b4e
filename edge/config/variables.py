"""Environment variables that override a configuration: `EDGE_TABLE_KEY`."""

from collections.abc import Iterator, Mapping, Sequence

from edge.settings import find_nearest

ALIASES: Mapping[str, str] = {
    "EDGE_SOURCE_ADDRESS": "EDGE_SOURCE",
    "EDGE_MODEL_FILE": "EDGE_MODEL",
    "EDGE_MODEL_RUNTIME": "EDGE_RUNTIME",
    "EDGE_MODEL_THREADS": "EDGE_THREADS",
}
"""The shorter name of some variables; the longer one counts more."""


def spread_aliases(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the longer name of each variable that has a shorter one.

    Example:
        >>> spread_aliases({"EDGE_SOURCE": "demo:"})["EDGE_SOURCE_ADDRESS"]
        'demo:'
    """
    spread = {name: environment.get(short, "") for name, short in ALIASES.items()}
    return spread | {name: value for name, value in environment.items() if value}


def find_unknown_variables(
    environment: Mapping[str, str], known: Sequence[str], *, tables: Sequence[str]
) -> Iterator[str]:
    """Yield a warning for each variable that looks like an override and is none.

    Args:
        environment: All variables.
        known: Names of those that override.
        tables: Names of the tables of a configuration.

    Example:
        >>> list(find_unknown_variables(
        ...     {"EDGE_STORE_FODLER": "x"}, ["EDGE_STORE_FOLDER"], tables=["store"]))
        ['EDGE_STORE_FODLER: this variable overrides nothing; the nearest is EDGE_STORE_FOLDER']
    """
    prefixes = tuple(f"EDGE_{table.upper()}_" for table in tables)
    for name in sorted(environment):
        if name.startswith(prefixes) and name not in known:
            near = find_nearest(name, known)
            end = f"; the nearest is {near}" if near else ""
            yield f"{name}: this variable overrides nothing{end}"

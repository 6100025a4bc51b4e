"""From the file to a `Config`, with everything that is wrong at once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edge.address import GLOB, PATH, parse_address
from edge.config.actions import Kinds, installed_kinds, read_actions
from edge.config.configuration import (
    ClockSection,
    Config,
    ModelSection,
    PlaceSection,
    RegionsSection,
    RunSection,
    SourceSection,
)
from edge.config.relations import find_contradictions, find_idle_actions
from edge.config.text import MOST_PROBLEMS, ConfigText, make_error, read_text
from edge.config.variables import ALIASES, find_unknown_variables, spread_aliases
from edge.settings import (
    Location,
    Problem,
    build,
    kind_of,
    read_settings,
    read_values,
    unknown_key,
    variable_name,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from edge.region import Region
    from edge.rules import RuleSpec

T = TypeVar("T", bound="DataclassInstance")

_TABLES = (
    *("source", "model", "evidence", "picture", "regions", "run", "clock"),
    *("rules", "actions", "store"),
)
_LOOSEST_EVIDENCE: Mapping[str, Any] = {"votes": 1, "window": 1000, "longest_gap_seconds": 1e6}


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
    text = read_text(path)
    reader = _Reader(path.absolute(), text, spread_aliases(environment))
    config = reader.read(installed_kinds() if kinds is None else Kinds(kinds))
    if config is None:
        raise make_error(path, tuple(map(_name_alias, reader.problems)))
    unknown = find_unknown_variables(environment, reader.variables, tables=_TABLES)
    return replace(config, warnings=(*find_idle_actions(config), *unknown))


def _name_alias(problem: Problem) -> Problem:
    alias = ALIASES.get(problem.key, problem.key)
    return problem if problem.line else replace(problem, key=alias)


@dataclass
class _Reader:
    """Reads the tables of one file, and collects what is wrong."""

    path: Path
    text: ConfigText
    environment: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)

    def read(self, kinds: Kinds) -> Config | None:
        """Read all of them; `None` if anything is wrong."""
        from edge.store.settings import StoreSettings

        self._check_keys()
        place = self._read_place()
        source = self._read_source()
        model = self._read_table("model", ModelSection)
        evidence, picture = self._read_evidence(), self._read_picture()
        regions = self._read_table("regions", RegionsSection)
        run = self._read_table("run", RunSection)
        clock = self._read_table("clock", ClockSection)
        store = self._read_table("store", StoreSettings)
        rules = self._read_rules()
        actions = read_actions(
            self._table("actions"), kinds, at=self._at("actions"), problems=self.problems
        )
        for each in actions.values():
            self._note_variables(type(each.settings), self._at(f"actions.{each.name}"))
        at = self._at("")
        self.problems += islice(find_contradictions(self.text.table, actions, at=at), MOST_PROBLEMS)
        if self.problems or not (place and source and model and regions and run and clock):
            return None
        if store is None:
            return None
        return Config(
            path=self.path,
            place=place.place,
            source=source,
            model=model,
            evidence=evidence,
            picture=picture,
            region=_make_region(regions),
            run=run,
            clock_trust=clock.trust,
            rules=rules,
            actions=actions,
            store=store,
            lines=self.text.lines,
        )

    def _at(self, key: str) -> Location:
        return Location(
            key=key,
            folder=self.path.parent,
            lines=self.text.lines,
            environment=self.environment,
            prefix=variable_name("EDGE", key) if key else "EDGE",
            is_closed=self.text.is_closed,
        )

    def _check_keys(self) -> None:
        known = ("place", *_TABLES)
        unknown = [key for key in self.text.table if key not in known]
        self.problems += [unknown_key(key, known, self._at("")) for key in unknown]

    def _table(self, name: str) -> Mapping[str, object]:
        table = self.text.table.get(name, {})
        if isinstance(table, Mapping):
            return table
        line = self.text.lines.get(name)
        fix = f"Write [{name}] in a line of its own, and its keys below"
        self.problems.append(Problem(line, name, "it must be a table", kind_of(table), fix))
        return {}

    def _read_table(self, name: str, cls: type[T]) -> T | None:
        at = self._at(name)
        self._note_variables(cls, at)
        return read_settings(self._table(name), cls, at=at, problems=self.problems)

    def _note_variables(self, cls: "type[DataclassInstance]", at: Location) -> None:
        self.variables += [at.variable(each.name) for each in fields(cls)]

    def _read_place(self) -> PlaceSection | None:
        table = {key: value for key, value in self.text.table.items() if key == "place"}
        return read_settings(table, PlaceSection, at=self._at(""), problems=self.problems)

    def _read_source(self) -> SourceSection | None:
        """Read where the pictures come from; a path that the file names goes from its folder."""
        source = self._read_table("source", SourceSection)
        if source is None or self._at("source").has_variable("address"):
            return source
        address = parse_address(source.address)
        if address.kind not in (PATH, GLOB):
            return source
        target = self.path.parent / Path(address.target).expanduser()
        return replace(source, address=str(target))

    def _read_evidence(self) -> str:
        """Read what is set on top of the model's rules: what no model could agree with is wrong."""
        from edge.evidence import EvidenceSpec

        return self._read_changes("evidence", EvidenceSpec, _LOOSEST_EVIDENCE)

    def _read_picture(self) -> str:
        from edge.sensor import SensorSpec

        return self._read_changes("picture", SensorSpec, {})

    def _read_changes(
        self, name: str, cls: "type[DataclassInstance]", base: Mapping[str, Any]
    ) -> str:
        at, found = self._at(name), list[Problem]()
        self._note_variables(cls, at)
        values = read_values(self._table(name), cls, at=at, problems=found)
        for key, value in values.items():  # each for itself, so that none hides another
            build(cls, {**base, key: value}, at=at, problems=found)
        if not found:
            build(cls, {**base, **values}, at=at, problems=found)
        self.problems += found
        return " ".join(f"{key}={value}" for key, value in values.items())

    def _read_rules(self) -> "tuple[RuleSpec, ...]":
        from edge.rules import RuleSpec

        tables = self.text.table.get("rules", [])
        if not isinstance(tables, list) or not all(isinstance(each, Mapping) for each in tables):
            line = self.text.lines.get("rules")
            fix = "Write [[rules]] in a line of its own before the keys of each rule"
            problem = Problem(line, "rules", "it must be a list of tables", kind_of(tables), fix)
            self.problems.append(problem)
            return ()
        places = [replace(self._at(f"rules[{index}]"), prefix="") for index in range(len(tables))]
        read = (
            read_settings(table, RuleSpec, at=at, problems=self.problems)
            for table, at in zip(tables, places, strict=True)
        )
        return tuple(rule for rule in read if rule is not None)


def _make_region(regions: RegionsSection) -> "Region | None":
    from edge.region import parse_region

    return None if regions.watch is None else parse_region(regions.watch)

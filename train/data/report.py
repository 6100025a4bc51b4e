"""What a check of photos has found, as values and as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.data.survey import Finding


@dataclass(frozen=True, slots=True)
class LabelCount:
    """The photos of a label.

    Attributes:
        label: Its name.
        files: Pictures by their names.
        usable: Of these, what can be decoded.
        different: Of these, copies counted once.
        independent: Groups of what belongs together, a photo alone being one.
    """

    label: str
    files: int
    usable: int
    different: int
    independent: int


@dataclass(frozen=True, slots=True)
class PhotoGroup:
    """Photos that belong together.

    Attributes:
        name: Of the group.
        kind: "identical" (bytes), "similar" or, when `--group-by` is part of it, "named".
        paths: Of its photos, sorted.
        labels: Sorted; more than one deserves a look.
        parts: That the folder puts them in; more than one is a leak.
    """

    name: str
    kind: str
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check has found.

    Attributes:
        root: The folder, absolute.
        labels: Per label.
        findings: About files and folders.
        groups: Photos that belong together.
        problems: About the folder as a whole, in sentences.
        is_passed: Nothing that forbids a training.
    """

    root: Path
    labels: tuple[LabelCount, ...]
    findings: tuple[Finding, ...]
    groups: tuple[PhotoGroup, ...]
    problems: tuple[str, ...]
    is_passed: bool

    @property
    def bad(self) -> list[Finding]:
        """Return the files that cannot be used."""
        return [finding for finding in self.findings if finding.is_bad]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {
            "folder": self.root,
            "is_passed": self.is_passed,
            "files": sum(count.files for count in self.labels),
            "bad": len(self.bad),
            "labels": [
                {
                    "label": count.label,
                    "files": count.files,
                    "usable": count.usable,
                    "different": count.different,
                    "independent": count.independent,
                }
                for count in self.labels
            ],
            "problems": list(self.problems),
            "findings": [
                {"path": f.path, "kind": f.kind, "reason": f.reason, "is_bad": f.is_bad}
                for f in self.findings
            ],
            "groups": [
                {
                    "name": group.name,
                    "kind": group.kind,
                    "labels": list(group.labels),
                    "parts": list(group.parts),
                    "paths": list(group.paths),
                }
                for group in self.groups
            ],
        }

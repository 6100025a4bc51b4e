"""`edge data check`: what is wrong with a folder of photos, before anybody learns from it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2

from edge.errors import DataError
from train.data.decode import decode_all
from train.data.groups import different_files, find_alike, unite
from train.data.pattern import name_groups
from train.data.report import CheckReport, LabelCount, PhotoGroup
from train.data.survey import Finding, Survey, survey_folder
from train.folder import FEWEST_PICTURES, absolute_folder, find_photos, sort_labels
from train.progress import TrainProgress
from train.scan import hash_files

MOST_BAD = 0.05
"""Share of files that cannot be used from which a folder fails the check."""

ADVISED_PICTURES = 100
"""Photos per label below which a result is shaky."""

_MOST_IMBALANCE = 3.0


def check_folder(folder: Path, *, group_by: str | None, progress: TrainProgress) -> CheckReport:
    """Decode every file of a folder and report; nothing in it is changed.

    Args:
        folder: Of the photos.
        group_by: Regular expression that names what photos belong to.
        progress: Told what happens.

    Raises:
        DataError: There is no such folder, or the pattern names none of the photos.
        SettingError: The pattern is no regular expression.
    """
    survey = survey_folder(absolute_folder(folder))
    return check_survey(survey, group_by=group_by, progress=progress)


def check_survey(survey: Survey, *, group_by: str | None, progress: TrainProgress) -> CheckReport:
    """Do what `check_folder` does, for a folder that has been surveyed.

    Raises:
        DataError: The pattern names none of the photos.
        SettingError: The pattern is no regular expression.
    """
    cv2.setNumThreads(1)  # the threads here are our own
    paths = [file.path for file in survey.files]
    names = name_groups(paths, group_by)
    with progress.track("hashing photos", len(paths)) as advance:
        hashed = hash_files(survey.root, paths, when_done=advance)
    with progress.track("decoding photos", len(paths)) as advance:
        decoded = decode_all(survey.root, paths, when_done=advance)
    sha256 = {path: hashed.sha256[path] for path in decoded.thumbnails.paths}
    progress.say("comparing photos")
    chosen = decoded.thumbnails.only(different_files(sha256))
    joined = unite(sha256, alike=find_alike(chosen), names=names)
    groups = tuple(_describe_groups(survey, joined, sha256, names))
    labels = tuple(_count_labels(survey, sha256, joined))
    findings = (*decoded.findings, *survey.findings)
    failures = [*_judge_layout(survey), *_judge_labels(labels), *_judge_bad(findings, paths)]
    advice = [*_advise(labels), *_judge_groups(groups)]
    return CheckReport(
        survey.root, labels, findings, groups, (*failures, *advice), is_passed=not failures
    )


def _count_labels(
    survey: Survey, sha256: dict[str, str], groups: dict[str, str]
) -> Iterator[LabelCount]:
    for label in sort_labels({place.label for place in survey.places}):
        paths = [file.path for file in survey.files if file.label == label]
        usable = [path for path in paths if path in sha256]
        yield LabelCount(
            label,
            files=len(paths),
            usable=len(usable),
            different=len({sha256[path] for path in usable}),
            independent=len({groups.get(path, sha256[path]) for path in usable}),
        )


def _describe_groups(
    survey: Survey, groups: dict[str, str], sha256: dict[str, str], names: dict[str, str]
) -> Iterator[PhotoGroup]:
    files = {file.path: file for file in survey.files}
    members: dict[str, list[str]] = defaultdict(list)
    for path in sorted(groups):
        members[groups[path]].append(path)
    for name, paths in members.items():
        kind = "similar" if len({sha256[path] for path in paths}) > 1 else "identical"
        yield PhotoGroup(
            name,
            kind="named" if any(path in names for path in paths) else kind,
            paths=tuple(paths),
            labels=sort_labels({files[path].label for path in paths}),
            parts=tuple(sorted({str(files[path].part) for path in paths} - {"None"})),
        )


def _judge_layout(survey: Survey) -> list[str]:
    try:
        find_photos(survey.root)
    except DataError as error:
        return [str(error)]
    return []


def _judge_labels(labels: Sequence[LabelCount]) -> Iterator[str]:
    for count in labels:
        if count.different < FEWEST_PICTURES:
            yield (
                f"{count.label} has {count.different} different photos that can be used; "
                f"at least {FEWEST_PICTURES} are needed."
            )


def _judge_bad(findings: Sequence[Finding], paths: Sequence[str]) -> Iterator[str]:
    """Compare with all files that are, or would be, photos: HEIC files are no pictures by name."""
    bad = {finding.path for finding in findings if finding.is_bad}
    files = len(bad.union(paths))
    if len(bad) > MOST_BAD * files:
        yield f"{len(bad)} of {files} files cannot be used, more than {MOST_BAD * 100:.0f} %."


def _advise(labels: Sequence[LabelCount]) -> Iterator[str]:
    few = [count for count in labels if FEWEST_PICTURES <= count.different < ADVISED_PICTURES]
    if few:
        named = ", ".join(f"{count.label} ({count.different})" for count in few)
        yield (
            f"Few different photos: {named}; {ADVISED_PICTURES} or more of each label make a "
            "result that can be relied on."
        )
    usable = sorted(labels, key=lambda count: count.usable)
    if len(usable) > 1 and usable[-1].usable > _MOST_IMBALANCE * max(usable[0].usable, 1):
        yield (
            f"{usable[-1].label} has {usable[-1].usable} photos and {usable[0].label} "
            f"{usable[0].usable}; edge train weighs the rarer ones more, photos would be better."
        )


def _judge_groups(groups: Sequence[PhotoGroup]) -> Iterator[str]:
    for kind, found, consequence in (
        ("parts", [g for g in groups if len(g.parts) > 1], "what is judged on them is memory"),
        (
            "labels",
            [g for g in groups if len(g.labels) > 1 and g.kind != "named"],
            "one of the labels may be wrong",
        ),
    ):
        if found:
            first = found[0]
            yield (
                f"{len(found)} groups of photos that belong together lie in two {kind}, for "
                f"example {first.paths[0]} and {first.paths[-1]}; {consequence}."
            )

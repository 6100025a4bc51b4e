"""Fetch, check, explore and split photos."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.commands import read_text
from edge.cli.options import JsonOption
from train.data.explore_cli import explore
from train.data.fetch_cli import fetch
from train.data.options import GroupByOption

if TYPE_CHECKING:
    from train.data.export import SplitResult
    from train.data.report import CheckReport
    from train.progress import TrainProgress

_SHOWN = 3  # examples of each kind of finding
_CONTEXT = {"help_option_names": ["-h", "--help"]}

FolderArgument = Annotated[
    Path,
    typer.Argument(
        help="Holds a subfolder of photos per label, or train/, val/ and test/ with those."
    ),
]


def check(folder: FolderArgument, group_by: GroupByOption = None, json: JsonOption = False) -> None:
    """Decode every file in full and say what is wrong with the photos; nothing is changed.

    Names files that cannot be used and why, files that are stored in an unusual way, photos that
    are the same or nearly so, and labels with too few. Exit code 1 when more than 5 % of the files
    cannot be used or a label has too few photos.

    Raises:
        CatseyeError: There is no such folder.
    """
    from train.data.check import check_folder

    report = check_folder(folder, group_by=group_by, progress=_progress())
    if json:
        output.emit_json(report.to_dict())
    else:
        _show_check(report)
    if not report.is_passed:
        raise typer.Exit(1)


def split(
    folder: FolderArgument,
    target: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="New folder for the parts.")
    ],
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the draw.")] = 1,
    group_by: GroupByOption = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the photos instead of linking to them.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write the split that edge train makes into train/, val/ and test/, for use elsewhere.

    The network learns from the first part, is chosen by the second, and is judged with the third,
    once. Photos that show the same stay in one part. DIR also gets the table split.csv.

    Raises:
        CatseyeError: The photos cannot be used, or DIR holds something.
    """
    from train.data.export import SplitRequest, split_folder

    request = SplitRequest(folder, target, seed, group_by=group_by, is_copying=copy)
    result = split_folder(request, _progress())
    if json:
        output.emit_json(result.to_dict())
    else:
        _show_split(result)


data = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings=_CONTEXT,
    help=__doc__,
)
for _name, _command in (
    ("check", check),
    ("explore", explore),
    ("fetch", fetch),
    ("split", split),
):
    data.command(_name, help=read_text(_command), context_settings=_CONTEXT)(_command)


def _progress() -> "TrainProgress":
    import threading

    from edge.clock import SystemClock
    from train.progress import TrainProgress

    return TrainProgress(clock=SystemClock(threading.Event()))


def _show_check(report: "CheckReport") -> None:
    output.emit_table(
        ("label", "files", "usable", "different", "independent"),
        [(c.label, c.files, c.usable, c.different, c.independent) for c in report.labels],
    )
    rows: list[tuple[object, ...]] = []
    for kind in sorted({finding.kind for finding in report.findings}):
        found = [finding for finding in report.findings if finding.kind == kind]
        shown = [(f.path, f.reason, "yes" if f.is_bad else "") for f in found[:_SHOWN]]
        rows += [
            (kind if number == 0 else "", len(found) if number == 0 else None, *row)
            for number, row in enumerate(shown)
        ]
    if rows:
        output.emit_table(("found", "files", "for example", "reason", "unusable"), rows)
    for group in report.groups[:_SHOWN]:
        output.emit_text(f"{group.kind}: {', '.join(group.paths[:_SHOWN])}")
    if report.groups:
        photos = sum(len(group.paths) for group in report.groups)
        groups = f"{len(report.groups)} group{'s' * (len(report.groups) > 1)}"
        output.emit_text(f"{photos} photos belong together in {groups}")
    kinds = Counter(finding.kind for finding in report.findings)
    if max([len(report.groups), *kinds.values()]) > _SHOWN:
        output.emit_text("There are more than are shown; --json lists all")
    for problem in report.problems:
        output.emit_text(problem)
    verdict = "passed" if report.is_passed else "failed"
    output.emit_text(f"{report.root}: {verdict}; {len(report.bad)} files cannot be used")


def _show_split(result: "SplitResult") -> None:
    counts = result.split.counts
    labels = list(counts["train"])
    output.emit_table(
        ("part", *labels),
        [(part, *(row[label] for label in labels)) for part, row in counts.items()],
    )
    for file in result.skipped[:_SHOWN]:
        output.say(f"left out {file.path}: {file.reason}")
    output.emit_text(f"{result.output}: {len(result.split.entries)} photos, seed {result.seed}")

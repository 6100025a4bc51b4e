"""`edge replay`: clips run through model and rules, held against what a person saw on them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption
from edge.cli.run_options import (
    EvidenceOption,
    NoMotionGateOption,
    PictureOption,
    RegionOption,
    ThresholdOption,
)

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.cli.replay_report import Report
    from edge.replay.clips import Clip
    from edge.replay.cost import Cost
    from edge.replay.expectations import Expectation
    from edge.replay.recording import Recording
    from edge.replay.rules import Rules
    from edge.replay.session import ReplaySetup
    from edge.replay.tune import Tuning

ClipsArgument = Annotated[
    Path, typer.Argument(help="A video file, a folder of clips, or a folder of pictures.")
]
ExpectOption = Annotated[
    Path,
    typer.Option(
        metavar="FILE.csv",
        help="What is to be seen: clip,label,start_seconds,end_seconds, a row an appearance.",
    ),
]
CostOption = Annotated[
    str | None,
    typer.Option(
        metavar="COSTS",
        help="What mistakes cost, late per second.",
        show_default="missed=10 wrong=5 false=3 repeated=1 late=1",
    ),
]


def replay(
    clips: ClipsArgument,
    expect: ExpectOption,
    model: ModelOption = None,
    evidence: EvidenceOption = "",
    threshold: ThresholdOption = None,
    region: RegionOption = None,
    picture: PictureOption = "",
    no_motion_gate: NoMotionGateOption = False,
    tune: Annotated[
        bool, typer.Option("--tune", help="Search thresholds and rules for the lowest cost.")
    ] = False,
    cost: CostOption = None,
    tries: Annotated[
        int, typer.Option(min=1, help="Rules that --tune tries at most.", metavar="N")
    ] = 1000,
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = None,
    json: JsonOption = False,
) -> None:
    """Run clips through model and rules, and say what was right, wrong, missed, false or late.

    Every frame is looked at, as fast as possible; the decisions are those of edge run by the clip's
    own clock on a device that keeps up. A clip that FILE.csv does not name is one on which nothing
    is to be seen.

    Raises:
        CatseyeError: Clips, table or model cannot be used.
    """
    from edge.classifier import open_classifier
    from edge.cli.replay_report import show, show_tuning
    from edge.modelfile import default_model_path
    from edge.replay.clips import find_clips
    from edge.replay.cost import parse_cost

    chosen_cost = parse_cost(cost or "")
    setup = _make_setup(region, picture, has_gate=not no_motion_gate)
    found = find_clips(clips)
    path = model or default_model_path()
    with open_classifier(path, runtime=runtime, threads=threads) as classifier:
        rules = _make_rules(classifier, threshold or (), evidence)
        is_single = found[0].path == clips
        expectations = _read_expectations(expect, classifier.labels, found, is_single=is_single)
        recordings = _record(classifier, found, setup)
    _check_lengths(expect, expectations, recordings)
    report = _score(recordings, expectations, rules, chosen_cost)
    show(report, model_sha256=classifier.model.sha256, is_json=json)
    if tune:
        tuning = _tune(recordings, expectations, rules, cost=chosen_cost, tries=tries)
        show_tuning(tuning, _make_rules(classifier, (), ""), chosen_cost, is_json=json)


def _make_rules(classifier: "Classifier", thresholds: Sequence[str], evidence: str) -> "Rules":
    from edge.cli.run_settings import parse_thresholds
    from edge.evidence import model_evidence, parse_evidence
    from edge.replay.rules import Rules

    decision = classifier.model.manifest.decision
    scores = {**decision.thresholds, **parse_thresholds(thresholds, classifier.labels)}
    return Rules(
        tuple((label, scores[label]) for label in classifier.labels),
        parse_evidence(evidence, model_evidence(decision)),
    )


def _read_expectations(
    path: Path, labels: Sequence[str], clips: Sequence["Clip"], *, is_single: bool
) -> dict[str, tuple["Expectation", ...]]:
    """Read the table; for a single clip, rows of others are no mistake."""
    from edge.replay.expectations import read_expectations
    from edge.replay.rules import BACKGROUND

    names = [clip.name for clip in clips]
    rows = read_expectations(
        path, labels=labels, clips=None if is_single else names, background=BACKGROUND
    )
    if is_single and rows and not any(row.clip in names for row in rows):
        output.say(f"edge: {path} has no row of {names[0]}: nothing is expected on it")
    return {name: tuple(row for row in rows if row.clip == name) for name in names}


def _make_setup(region: str | None, picture: str, *, has_gate: bool) -> "ReplaySetup":
    from edge.assignments import parse_assignments
    from edge.region import parse_region
    from edge.replay.session import ReplaySetup
    from edge.sensor import SensorSpec

    sensor = parse_assignments(picture, SensorSpec(), option="--picture")
    return ReplaySetup(None if region is None else parse_region(region), has_gate, sensor)


def _record(
    classifier: "Classifier", clips: Sequence["Clip"], setup: "ReplaySetup"
) -> list["Recording"]:
    from edge.cli.progress import progress
    from edge.replay.session import record_clips

    with progress("replaying", len(clips)) as advance:
        return list(record_clips(clips, classifier, setup, when_done=lambda: advance(1)))


def _check_lengths(
    path: Path,
    expectations: Mapping[str, Sequence["Expectation"]],
    recordings: Sequence["Recording"],
) -> None:
    from edge.replay.expectations import check_against_clips

    rows = [row for own in expectations.values() for row in own]
    seconds = {recording.clip: recording.seconds for recording in recordings}
    check_against_clips(rows, seconds, name=path)


def _score(
    recordings: Sequence["Recording"],
    expectations: Mapping[str, Sequence["Expectation"]],
    rules: "Rules",
    cost: "Cost",
) -> "Report":
    from edge.cli.replay_report import Report
    from edge.replay.rules import BACKGROUND, replay_rules
    from edge.replay.scoring import count_findings, score_clip
    from edge.replay.shortage import list_shortages

    findings = tuple(
        finding
        for recording in recordings
        for finding in score_clip(
            recording.clip,
            replay_rules(recording, rules),
            expectations[recording.clip],
            seconds=recording.seconds,
        )
    )
    total = count_findings(findings, seconds=sum(one.seconds for one in recordings))
    labels = [label for label, _ in rules.thresholds if label not in BACKGROUND]
    clips = tuple(recording.clip for recording in recordings)
    shortages = list_shortages(
        findings, total, expectations=expectations, clips=clips, labels=labels
    )
    empty = tuple(clip for clip in clips if not expectations[clip])
    return Report(findings, total, cost.of(total), cost, clips, empty, tuple(shortages))


def _tune(
    recordings: Sequence["Recording"],
    expectations: Mapping[str, Sequence["Expectation"]],
    rules: "Rules",
    *,
    cost: "Cost",
    tries: int,
) -> "Tuning":
    from edge.cli.progress import progress
    from edge.replay.rules import BACKGROUND, judge_rules, thin_recording
    from edge.replay.tune import tune

    period_seconds = rules.evidence.period_seconds
    thin = [thin_recording(recording, period_seconds=period_seconds) for recording in recordings]
    with progress("trying rules", tries) as advance:
        return tune(
            lambda tried: judge_rules(thin, expectations, tried),
            rules,
            confirm=lambda tried: judge_rules(recordings, expectations, tried),
            tuned=[label for label, _ in rules.thresholds if label not in BACKGROUND],
            cost=cost,
            tries=tries,
            when_tried=lambda: advance(1),
        )

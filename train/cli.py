"""`edge train`: folders of photos to a run folder."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption
from edge.cli.signals import EndOnSignal, ends_in_order
from edge.errors import SettingError
from train.data.options import GroupByOption
from train.learning_options import (
    AtOnceOption,
    AveragingOption,
    DistributeOption,
    DropoutOption,
    FindRateOption,
    FreezeOption,
    HeadEpochsOption,
    LabelSmoothingOption,
    LearningCurveOption,
    MixedPrecisionOption,
    MixupOption,
    RegionOption,
    ResizeOption,
    ScheduleOption,
    TensorboardOption,
    WeightDecayOption,
    WeightsOption,
    WidthOption,
)

if TYPE_CHECKING:
    from edge.records import Clock
    from train.artefacts import Outcome
    from train.checkpoint import EpochRecord
    from train.distribution import Team
    from train.find_rate import RateSearch
    from train.networks import Network
    from train.preparation import Plan, Prepared, TrainRequest
    from train.progress import TrainProgress
    from train.surroundings import Surroundings
    from train.trace_curve import CurveTrace


@ends_in_order
def train(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Holds a subfolder of photos per label, or train/, val/ and test/ with those."
        ),
    ],
    run: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUN", help="Folder to write the run into.")
    ],
    network: Annotated[
        str | None,
        typer.Option(
            help="efficientnet-lite0 or mobilenet-v2 (ImageNet weights), cnn or lenet5 (from "
            "nothing), or package.module:function for your own.",
            show_default="efficientnet-lite0",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Width and height of the network's input in pixels.",
            show_default="the network's own",
        ),
    ] = None,
    resize: ResizeOption = None,
    region: RegionOption = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the photos.", show_default="the fewer photos, the more"),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Photos per step.", show_default="32, fewer for few photos")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate.", show_default="the network's own")
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            help="What varies from epoch to epoch: none (mirrored only), light (crop and colour) "
            "or door (also dusk, infrared, blur, noise, small animals).",
            show_default="door",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of all that is random.", show_default="1")
    ] = None,
    group_by: GroupByOption = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Begin with the weights of another run, for example to go on at a larger size.",
            show_default="the network's own",
        ),
    ] = None,
    width: WidthOption = None,
    weights: WeightsOption = None,
    freeze: FreezeOption = None,
    schedule: ScheduleOption = None,
    head_epochs: HeadEpochsOption = None,
    label_smoothing: LabelSmoothingOption = None,
    dropout: DropoutOption = None,
    weight_decay: WeightDecayOption = None,
    averaging: AveragingOption = None,
    mixup: MixupOption = None,
    at_once: AtOnceOption = None,
    mixed_precision: MixedPrecisionOption = None,
    tensorboard: TensorboardOption = False,
    find_lr: FindRateOption = False,
    learning_curve: LearningCurveOption = False,
    distribute: DistributeOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run, after a kill or Ctrl-C.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run in the folder.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Train a classifier on folders of photos, one folder per label.

    Every file is decoded before the first step; those that cannot be are named and left out. The
    photos are split into a part to learn from, one to choose by and one to judge with, unless the
    folder holds such parts itself. Ctrl-C ends the training and keeps the best weights so far.

    Raises:
        CatseyeError: The photos, the options or the run folder cannot be used.
    """
    is_trial = find_lr or learning_curve
    if is_trial and distribute:
        raise SettingError(
            "--find-lr and --learning-curve work in one process",
            received=f"{'--find-lr' if find_lr else '--learning-curve'} --distribute {distribute}",
            fix="Leave --distribute away",
        )
    if (resume and (overwrite or is_trial)) or (find_lr and learning_curve):
        raise SettingError(
            "--resume goes on with a run, --overwrite replaces it, --find-lr and --learning-curve "
            "come before one",
            received="more than one of them",
            fix="Use one of them",
        )
    from edge.extras import require_desktop

    require_desktop()
    from train.framing import parse_region
    from train.preparation import TrainRequest
    from train.settings import TrainOptions

    options = TrainOptions(
        network=network,
        side=size,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        start=_absolute(start),
        augment=augment,
        width=width,
        weights=_absolute(weights),
        label_smoothing=label_smoothing,
        dropout=dropout,
        weight_decay=weight_decay,
        averaging=averaging,
        mixup=mixup,
        schedule=schedule,
        at_once=at_once,
        head_epochs=head_epochs,
        mixed_precision=mixed_precision,
        tensorboard=tensorboard or None,
        group_by=group_by,
        freeze=freeze,
        resize=resize,
        region=None if region is None else str(parse_region(region)),
    )
    request = TrainRequest(
        folder,
        run,
        options,
        is_resumed=resume,
        is_overwriting=overwrite,
        distribute=distribute,
    )
    if find_lr:
        _show_rates(_find_rate(request), is_json=json)
        return
    if learning_curve:
        _show_curve(_trace_curve(request), is_json=json)
        return
    outcome = _train(request, when_epoch_ends=_emit_epoch if json else _ignore_epoch)
    if outcome.validation is None:
        output.say("done here; worker 0 judges the network and writes the run folder")
    elif json:
        output.emit_json({"type": "summary", "run": run, **outcome.to_dict()})
    else:
        _show(outcome, run)
    if outcome.status != "complete":
        again = f" --distribute {distribute}" if distribute else ""
        output.say(f"interrupted; go on with: edge train {folder} -o {run} --resume{again}")
        raise typer.Exit(1)


def _train(
    request: "TrainRequest", *, when_epoch_ends: Callable[["EpochRecord"], None]
) -> "Outcome":
    from edge.chatter import chatter_kept_back
    from edge.clock import SystemClock
    from train.progress import TrainProgress

    stop = threading.Event()
    clock = SystemClock(stop)
    progress = TrainProgress(clock=clock)
    with EndOnSignal(stop) as signals, ExitStack() as stack:
        with signals.interrupting():
            team = _join(request, progress, clock, stop) if request.distribute else None
            prepared = _prepare(request, progress, team, stack)
            with chatter_kept_back():
                from train.surroundings import Surroundings
                from train.training import make_learner, train_network

                learner = make_learner(prepared, team)
        surroundings = Surroundings(progress, clock, stop, when_epoch_ends)
        if team is not None:
            surroundings = replace(
                surroundings, stop=team.agreed, portion=team.portion, agree=team.agree
            )
        return train_network(learner, prepared.plan, prepared.parts, surroundings=surroundings)


def _join(
    request: "TrainRequest", progress: "TrainProgress", clock: "Clock", stop: threading.Event
) -> "Team | None":
    """Find those that train together, before anybody looks at photos."""
    from edge.chatter import chatter_kept_back

    with chatter_kept_back():
        from train.distribution import join
    return join(str(request.distribute), asked=stop, clock=clock, say=progress.say)


def _prepare(
    request: "TrainRequest", progress: "TrainProgress", team: "Team | None", stack: ExitStack
) -> "Prepared":
    """Prepare alone or with others; what only helps lies in a folder that goes with the stack."""
    if team is None:
        from train.preparation import prepare

        return prepare(request, progress, begin=_begin_network)
    from train.distribution import prepare_together

    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-train-"))
    return prepare_together(team, request, progress, begin=_begin_network, scratch=Path(scratch))


def _begin_network(plan: "Plan") -> "Network":
    from edge.chatter import chatter_kept_back

    with chatter_kept_back():
        from train.training import begin_network

        return begin_network(plan)


def _find_rate(request: "TrainRequest") -> "RateSearch":
    with _trying_out() as surroundings:
        from train.find_rate import find_rate

        return find_rate(request, surroundings)


def _trace_curve(request: "TrainRequest") -> "CurveTrace":
    with _trying_out() as surroundings:
        from train.trace_curve import draw_learning_curve

        return draw_learning_curve(request, surroundings)


@contextmanager
def _trying_out() -> Iterator["Surroundings"]:
    """Yield what a trial reports to; Ctrl-C ends it."""
    from edge.chatter import chatter_kept_back
    from edge.clock import SystemClock
    from train.progress import TrainProgress

    stop = threading.Event()
    clock = SystemClock(stop)
    with EndOnSignal(stop) as signals, signals.interrupting():
        with chatter_kept_back():
            import train.training  # noqa: F401  brings TensorFlow, which chatters
            from train.surroundings import Surroundings
        yield Surroundings(TrainProgress(clock=clock), clock, stop, _ignore_epoch)


def _show_rates(found: "RateSearch", *, is_json: bool) -> None:
    if is_json:
        points = zip(found.range.rates, found.range.losses, strict=True)
        output.emit_json(
            {
                "type": "learning_rates",
                "suggested": found.range.suggested,
                "figure": found.figure,
                "tested": [{"learning_rate": rate, "loss": loss} for rate, loss in points],
            }
        )
    else:
        rate = found.range.suggested
        output.emit_text(
            "no suggestion: the loss did not fall by more than it differs from batch to batch; "
            "keep the default, or try a larger --batch-size"
            if rate is None
            else f"suggested: --learning-rate {rate:.1g}"
        )
        output.say(f"drawn in {found.figure}")


def _show_curve(found: "CurveTrace", *, is_json: bool) -> None:
    if is_json:
        record = {"type": "learning_curve", "figure": found.figure, **found.to_dict()}
        output.emit_json(record)
        return
    output.emit_table(
        ("photos learned from", "wrong answers", "95 % interval"),
        [
            (point.photos, f"{point.error:.1%}", f"{point.low:.1%} to {point.high:.1%}")
            for point in found.curve.points
        ],
    )
    output.emit_text(found.verdict)
    output.say(f"drawn in {found.figure}")


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser().resolve())


def _emit_epoch(record: "EpochRecord") -> None:
    output.emit_json({"type": "epoch", **record.to_dict()})


def _ignore_epoch(_: "EpochRecord") -> None:
    pass


def _show(outcome: "Outcome", run: Path) -> None:
    evaluation = outcome.test or outcome.validation
    if evaluation is not None:
        part = "test" if outcome.test else "validation"
        output.emit_text(
            f"{run}: {evaluation.accuracy:.2%} of {evaluation.images} {part} pictures right "
            f"(epoch {outcome.best_epoch})"
        )
        output.emit_table(
            ("label", "pictures", "precision", "recall"),
            [
                (label, m.count, f"{m.precision:.2%}", f"{m.recall:.2%}")
                for label, m in evaluation.per_label.items()
            ],
        )

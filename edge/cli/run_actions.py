"""What follows from what `edge run` sees, opened as its configuration says."""

import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge.address import parse_address
from edge.cli.run_config import RunPlan
from edge.cli.run_settings import make_evidence
from edge.control import Answers, ControlServer, FolderLock, Outputs
from edge.control.outputs import Output
from edge.control.reporter import Heat, Informants, Reporter
from edge.errors import StoreError
from edge.guard.request import list_notes
from edge.occurrence import Action, ActionContext
from edge.records import Clock, Follower
from edge.responder import Pulse, Responder, Sight, Teller
from edge.rules import RuleBook
from edge.status import Status
from edge.wallclock import WallClock

if TYPE_CHECKING:
    from edge.config import Config
    from edge.modelfile import ModelFile
    from edge.store.recorder import Recorder

logger = logging.getLogger(__name__)

_RELEASE_SECONDS = 15.0

Listener = Callable[[Status], None]
"""Gets every new status."""


def open_response(
    plan: RunPlan,
    model: "ModelFile",
    opened: ExitStack,
    *,
    clock: Clock,
    wall: WallClock,
    teller: Teller,
    listeners: tuple[Listener, ...] = (),
) -> tuple[Follower, ...]:
    """Open rules, actions, memory and control socket; in a dry run only the rules.

    Args:
        plan: Its configuration says what to open; without one nothing follows.
        model: What looks at the pictures.
        opened: Closes what was opened, in the right order.
        clock: Monotonic.
        wall: Says when; it outlives a change of the configuration, as its doubts must.
        teller: Tells what rules and actions do.
        listeners: Get every new status.

    Returns:
        Followers for the loop, in their order.

    Raises:
        StoreError: The memory cannot be used, or another instance uses it.
        GuardError: An output cannot be claimed.
        SettingError: A rule or an action does not fit.
    """
    config = plan.config
    if config is None:
        return ()
    rules = RuleBook(config.rules, labels=model.manifest.labels)
    sight = Sight(
        model.manifest.labels, str(make_evidence(model.manifest, plan.settings)), model.sha256
    )
    if plan.is_dry:
        return (Responder(rules, sight, wall=wall, teller=teller),)
    opening = _Opening(config, opened, clock=clock, wall=wall)
    max_fps = plan.settings.max_fps
    pulse = Pulse(clock, period_seconds=1.0 / max_fps if max_fps else 0.0)
    recorder = opening.open_recorder(model, sight.evidence)
    actions, outputs = opening.open_actions(pulse, recorder)
    from edge.actions.dispatch import Dispatcher

    dispatcher = Dispatcher(
        actions,
        kinds={name: action.kind for name, action in config.actions.items()},
        clock=clock,
        wall=wall,
        when_done=lambda outcome: responder.note_outcome(outcome),
    )
    responder = Responder(
        rules, sight, wall=wall, teller=teller, dispatcher=dispatcher, recorder=recorder
    )
    opened.enter_context(closing(responder))
    opened.enter_context(closing(dispatcher))
    reporter = Reporter(
        _identify(config, plan, model),
        Informants(
            wall.now,
            vetoed=rules.vetoed,
            suspect=rules.suspect,
            outputs=outputs.statuses,
            actions=dispatcher.statuses,
            store=recorder.status,
            heat=_open_vitals(opened),
        ),
        clock=clock,
        listeners=(dispatcher.note, *listeners),
    )
    answers = Answers(lambda: reporter.status, pulse.idle_seconds, outputs)
    _open_control(config.store.folder, answers, opened)
    return pulse, responder, reporter


def _open_control(folder: Path, answers: Answers, opened: ExitStack) -> None:
    """Listen at the control socket; a folder that has become read-only keeps no door shut."""
    try:
        opened.enter_context(closing(ControlServer(folder, answers)))
    except StoreError as error:
        logger.error("control: edge status and edge door do not reach this run: %s", error)  # noqa: TRY400


class _Opening:
    """Opens the parts of a configuration that hold something."""

    def __init__(
        self, config: "Config", opened: ExitStack, *, clock: Clock, wall: WallClock
    ) -> None:
        self._config = config
        self._opened = opened
        self._clock = clock
        self._wall = wall
        opened.enter_context(closing(FolderLock(config.store.folder)))

    def open_recorder(self, model: "ModelFile", evidence: str) -> "Recorder":
        from edge.store.recorder import ModelIdentity, Recorder

        settings = self._config.store
        recorder = Recorder(
            settings,
            settings.folder,
            clock=self._clock,
            wall=self._wall,
            model=ModelIdentity(model.manifest.name, model.sha256),
            evidence=evidence,
        )
        self._opened.enter_context(closing(recorder))
        return recorder

    def open_actions(self, pulse: Pulse, recorder: "Recorder") -> tuple[dict[str, Action], Outputs]:
        """Make the actions; those made before one that fails are closed."""
        from edge.actions import open_action

        _release_left(self._config.store.folder)
        outputs = Outputs(
            when_set=lambda name, mode: recorder.note_door(f"{name}: {mode}", at=self._wall.now())
        )
        actions: dict[str, Action] = {}
        with ExitStack() as made:
            for name, action in self._config.actions.items():
                context = make_context(
                    self._config, name, clock=self._clock, pulse=pulse, outputs=outputs
                )
                actions[name] = open_action(action.kind, action.settings, context)
                made.enter_context(closing(actions[name]))
            outputs.own({name: one for name, one in actions.items() if isinstance(one, Output)})
            for one in actions.values():
                _require_output(one)
            made.pop_all()
        return actions, outputs


def _release_left(folder: Path) -> None:
    """Make safe what a run before this one has left energised: it may have had other outputs.

    By a process of its own, as the service does it after its end: claiming a pin may start threads
    here, or hang.
    """
    if not list_notes(folder):  # it has ended in order
        return
    command = [sys.executable, "-P", "-m", "edge.guard", "--release", str(folder)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_RELEASE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.error("outputs of an earlier run: they may be energised (%s)", error)  # noqa: TRY400
        return
    for line in done.stderr.splitlines():
        logger.warning("after an earlier run: %s", line.removeprefix("edge: "))
    if done.returncode and not done.stderr:  # killed, as where memory is short
        logger.error(
            "outputs of an earlier run: they may be energised (exit code %d)", done.returncode
        )


def make_context(
    config: "Config",
    name: str,
    *,
    clock: Clock,
    pulse: Pulse,
    outputs: Outputs,
    folder: Path | None = None,
) -> ActionContext:
    """Make what an action is given beside its settings.

    Args:
        config: Of which it is a part.
        name: Of the action.
        clock: Monotonic.
        pulse: Knows whether the loop goes on.
        outputs: Of all actions.
        folder: Where it may keep files; the store folder when `None`.
    """
    return ActionContext(
        name,
        place=config.place,
        folder=folder or config.store.folder,
        clock=clock,
        idle_seconds=pulse.idle_seconds,
        set_mode=lambda output, mode: _set_mode(outputs, output, mode),
    )


def _require_output(action: Action) -> None:
    """Wait until an output is claimed: nothing is run whose door cannot be closed."""
    if isinstance(action, Output):
        for found in action.check():
            logger.info("output: %s", found)


def _set_mode(outputs: Outputs, name: str, mode: str) -> None:
    outputs.set_mode(mode, name)


def _identify(config: "Config", plan: RunPlan, model: "ModelFile") -> Status:
    return Status(
        config.place,
        "offline",
        reason="no frame yet",
        source=parse_address(plan.settings.source).shown,
        model=model.manifest.name,
    )


def _open_vitals(opened: ExitStack) -> Callable[[], Heat]:
    from edge.cli.vitals import Vitals

    vitals = opened.enter_context(closing(Vitals()))
    return lambda: Heat(vitals.health.celsius, vitals.health.troubles)

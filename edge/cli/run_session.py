"""A run from its first to its last frame, over changes of its configuration."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from edge.cli import output, run_parts
from edge.cli.run_config import RunPlan
from edge.cli.run_reload import Reloader, wait_until_saved
from edge.clock import SystemClock
from edge.errors import CatseyeError, MissingExtraError, SettingError
from edge.integrity import verify_model

if TYPE_CHECKING:
    from edge.capture.process import CaptureProcess
    from edge.classifier import Classifier
    from edge.cli.signals import EndOnSignal
    from edge.modelfile import ModelFile
    from edge.records import Follower
    from edge.responder import Teller
    from edge.runtime import Tally
    from edge.service.notify import Notifier
    from edge.wallclock import WallClock

logger = logging.getLogger(__name__)

Reader = Callable[[], RunPlan]
"""Reads the configuration anew."""


class Session:
    """Runs a plan, and the next one once a changed configuration is taken up; the counts go on.

    Args:
        plan: The first one.
        read: Reads and checks the configuration anew; `None` without one.
        signals: Let a signal interrupt what opens something.
        stop: Ends the run.

    Attributes:
        plan: The one that counts now.
        model: The model that looks at the pictures; `None` before it was read.
        reloader: Takes SIGHUP over while it is entered.
    """

    def __init__(
        self,
        plan: RunPlan,
        read: Reader | None,
        *,
        signals: "EndOnSignal",
        stop: threading.Event,
    ) -> None:
        self.plan = plan
        self.model: ModelFile | None = None
        self._signals = signals
        self._stop = stop
        self._clock = SystemClock(stop)
        self._notifier = _make_notifier(self._clock)
        self.reloader = Reloader(
            None if read is None else partial(_read_anew, read, plan),
            when_asked=self._tell_reload,
            when_refused=self._note_settled,
        )
        self._tally: Tally | None = None
        self._walls: dict[str, WallClock] = {}
        self._has_begun = False  # to look, with the plan that counts now

    @property
    def has_frames(self) -> bool:
        """Whether any frame was captured."""
        return self._tally is not None and self._tally.frames_captured > 0

    def tally(self) -> "Tally":
        """Return the counts."""
        if self._tally is None:
            self._tally = run_parts.make_tally(self._clock)
        return self._tally

    def run(self) -> None:
        """Run until the source ends or `stop` is set.

        Raises:
            CatseyeError: Something cannot be opened, or the source is lost.
            KeyboardInterrupt: A signal came while something was opened.
        """
        with self._ending_in_time(), self._telling_the_end():
            self._run_plan()
            after = self.reloader.take()
            while after is not None and not self._stop.is_set():
                self._change_to(after)
                after = self.reloader.take()

    def _change_to(self, plan: RunPlan) -> None:
        """Run a new plan; the one before if that cannot be opened."""
        before, self.plan = self.plan, plan
        logger.warning("configuration: read anew, and taken up")
        try:
            self._run_plan()
        except CatseyeError as error:
            if self._has_begun:
                raise
            text = "configuration: cannot be opened, the old one is used again: %s"
            logger.error(text, error)  # noqa: TRY400
            self.plan = before
            self._run_plan()

    def _run_plan(self) -> None:
        settings, clock, stop = self.plan.settings, self._clock, self._stop
        self._has_begun = False
        with ExitStack() as opened:
            with self._signals.interrupting():
                self.model = model = run_parts.read_model(settings)
                _check_labels(self.plan, model)
                capture = run_parts.open_capture(settings, model, clock=clock, stop=stop)
                source = opened.enter_context(closing(capture))
                self.tally().go_on()  # made while the source is being opened: its imports take long
                followers = self._open_response(model, opened)
                classifier = opened.enter_context(run_parts.load_model(settings, model))
            self._look(source, classifier, followers, opened)

    def _look(
        self,
        source: "CaptureProcess",
        classifier: "Classifier",
        responding: "tuple[Follower, ...]",
        opened: ExitStack,
    ) -> None:
        from edge import runtime
        from edge.capture.process import RestNotice
        from edge.cli import live

        settings, clock, stop = self.plan.settings, self._clock, self._stop
        tally = self.tally()
        watch = run_parts.make_watch(settings, classifier, clock=clock)
        display = run_parts.open_display(settings, classifier, tally=tally, clock=clock)
        opened.enter_context(closing(display))
        attended = live.Display(display, when_unread=stop.set)
        followers: list[Follower] = [tally, RestNotice(source), attended, *responding]
        followers += [] if self._notifier is None else [self._notifier]
        if settings.has_window and _can_show():
            window = run_parts.open_window(settings, classifier, watch, clock=clock, stop=stop)
            followers.append(opened.enter_context(closing(window)))
        self._has_begun = True
        self._note_settled()
        runtime.run(
            source,
            watch.watcher,
            followers,
            clock=clock,
            max_frames=settings.max_frames,
            max_fps=settings.max_fps,
            until=lambda: stop.is_set() or self.reloader.is_ready(),
        )
        if watch.decider.invalid_predictions:
            output.say(
                f"edge: {watch.decider.invalid_predictions} predictions were no probabilities"
            )

    def _open_response(self, model: "ModelFile", opened: ExitStack) -> "tuple[Follower, ...]":
        """Open what follows from looks; its imports are spared where nothing does."""
        if self.plan.config is None:
            return ()
        from edge.cli.run_actions import open_response

        for warning in self.plan.config.warnings:
            output.say(f"edge: {warning}")
        notifier = self._notifier
        return open_response(
            self.plan,
            model,
            opened,
            clock=self._clock,
            wall=self._find_wall(self.plan.config.clock_trust),
            teller=self._make_teller(),
            listeners=() if notifier is None else (notifier.heed,),
        )

    def _find_wall(self, trust: str) -> "WallClock":
        """Return the wall clock of that trust: one that has stepped is doubted over a change."""
        from edge.wallclock import SystemWallClock

        if trust not in self._walls:
            self._walls[trust] = SystemWallClock(clock=self._clock, trust=trust)
        return self._walls[trust]

    def _make_teller(self) -> "Teller":
        from edge.cli.live_rules import JsonTeller, PlainTeller

        is_dry = self.plan.is_dry
        if self.plan.settings.is_json:
            return JsonTeller(is_dry=is_dry, when_unread=self._stop.set)
        return PlainTeller(is_dry=is_dry)

    def _tell_reload(self) -> None:
        if self._notifier is not None:
            self._notifier.reloading()

    def _note_settled(self) -> None:
        """Let the next look tell systemd that a reload is over, whatever has come of it."""
        if self._notifier is not None:
            self._notifier.reloaded()

    @contextmanager
    def _telling_the_end(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self._notifier is not None:
                self._notifier.close()

    @contextmanager
    def _ending_in_time(self) -> Iterator[None]:
        seconds = self.plan.settings.duration_seconds
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self._stop.set)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _make_notifier(clock: SystemClock) -> "Notifier | None":
    """Make what tells systemd; its imports are spared where there is none."""
    if "NOTIFY_SOCKET" not in os.environ:
        return None
    from edge.service.notify import Notifier

    return Notifier(clock=clock)


def _read_anew(read: Reader, before: RunPlan) -> RunPlan:
    """Read the configuration anew, and check what can be checked while the old one runs.

    Raises:
        CatseyeError: It is wrong, or the model cannot be read, does not run as it did where it was
            made, or does not have the labels.
    """
    if before.config is not None:
        wait_until_saved(before.config.path)
    plan = read()
    model = run_parts.read_model(plan.settings)
    _check_labels(plan, model)
    verify_model(model, runtime=plan.settings.runtime)
    return plan


def _check_labels(plan: RunPlan, model: "ModelFile") -> None:
    if plan.config is not None:
        from edge.config import check_labels

        check_labels(plan.config, model.manifest.labels)


def _can_show() -> bool:
    """Whether a window can be opened; if not, say what to do about it."""
    from edge.window import check_window

    try:
        check_window()
    except (MissingExtraError, SettingError) as error:
        output.say(f"edge: {error} The run goes on without a window.")
        return False
    return True

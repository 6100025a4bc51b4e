"""What a running instance says of itself: to `edge status`, to the broker, to the watchdog."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """An output that a guard owns.

    Attributes:
        name: Of the action.
        mode: "auto", "open" or "lock".
        is_energised: Whether it is energised now.
        is_open: Whether what it moves is open now, by the declared wiring.
        trouble: What keeps it from working, in words; empty if nothing does.
    """

    name: str
    mode: str
    is_energised: bool
    is_open: bool
    trouble: str = ""

    @property
    def is_open_at_rest(self) -> bool:
        """Whether what it moves is open while it is de-energised.

        Example:
            >>> OutputStatus("door", "auto", is_energised=True, is_open=True).is_open_at_rest
            False
        """
        return self.is_open != self.is_energised


@dataclass(frozen=True, slots=True)
class ActionStatus:
    """An action, and how it fares.

    Attributes:
        name: As in `[actions.NAME]`.
        kind: Such as "mqtt".
        done: How often it was done.
        failed: How often it failed.
        dropped: Occurrences it was spared because too many waited.
        waiting: Occurrences that wait, a spool's included.
        trouble: The latest failure, without secrets; empty once it was done again.
    """

    name: str
    kind: str
    done: int = 0
    failed: int = 0
    dropped: int = 0
    waiting: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The memory of events.

    Attributes:
        events: Events that are kept.
        bytes: What the whole folder takes.
        free_bytes: What is free on its disk.
        waiting: Events that wait to be written.
        lost_snapshots: Snapshots and clips that could not be written since the start.
        trouble: What keeps it from working, such as "disk full"; empty if nothing does.
    """

    events: int
    bytes: int
    free_bytes: int
    waiting: int = 0
    lost_snapshots: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class EventStatus:
    """The event that began last.

    Attributes:
        label: What appeared.
        score: Its best score so far.
        wall_seconds: Unix time of its start.
        is_over: Whether it has ended.
    """

    label: str
    score: float
    wall_seconds: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the whole.

    Attributes:
        place: Name of this installation.
        picture: State of the picture, a value of `edge.records.Picture`.
        reason: Why it is not live; else empty.
        source: Address, without secrets.
        model: Name of the model.
        uptime_seconds: Since the start.
        fps: Frames looked at per second.
        age_ms: From capture to decision, median; `None` before the first.
        label: What is believed now.
        vetoed: Names of the rules that a veto holds back now.
        suspect: Names of the rules that a veto or a limit holds back again and again.
        event: The one that began last; `None` before the first.
        outputs: Outputs that guards own.
        actions: All actions.
        store: The memory; `None` without one.
        celsius: Temperature of the machine; `None` where it does not say.
        troubles: What its firmware notices about supply and heat now.
        is_clock_trusted: Whether the clock on the wall is known to be right.
    """

    place: str
    picture: str
    reason: str = ""
    source: str = ""
    model: str = ""
    uptime_seconds: float = 0.0
    fps: float = 0.0
    age_ms: float | None = None
    label: str = "unknown"
    vetoed: frozenset[str] = field(default_factory=frozenset)
    suspect: frozenset[str] = field(default_factory=frozenset)
    event: EventStatus | None = None
    outputs: tuple[OutputStatus, ...] = ()
    actions: tuple[ActionStatus, ...] = ()
    store: StoreStatus | None = None
    celsius: float | None = None
    troubles: tuple[str, ...] = ()
    is_clock_trusted: bool = False

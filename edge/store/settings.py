"""Settings of the memory of events: what is kept, where, and how much of it."""

from dataclasses import dataclass
from pathlib import Path

from edge.errors import SettingError
from edge.settings import setting

_FOLDER = Path("memory")
_MOST_RESERVE = 0.25  # of the room for everything


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What is remembered, and within which limits; the newest is always kept.

    Attributes:
        folder: Holds the database, the snapshots and the clips; made where it is missing.
        keep_mb: Most that the folder may take, in megabytes of 1,000,000 bytes.
        keep_days: Events older than this are removed, unless the clock is not to be trusted.
        keep_events: Most events that are kept.
        reserve_mb: Set aside on the disk, and given up once it is full; part of `keep_mb`.
        snapshots: Whether a picture of each event is kept.
        clips: Whether a short film of each event is kept.
        pre_roll_seconds: What a clip shows of the time before its event.
        clip_seconds: What a clip shows from the start of its event.

    Example:
        >>> StoreSettings(keep_mb=50).keep_events
        10000
    """

    folder: Path = setting(_FOLDER)
    keep_mb: float = setting(500.0, least=5, most=10_000_000)
    keep_days: float = setting(90.0, least=0.01, most=36_500)
    keep_events: int = setting(10_000, least=10, most=10_000_000)
    reserve_mb: float = setting(1.0, least=0, most=1000)
    snapshots: bool = setting(True)
    clips: bool = setting(True)
    pre_roll_seconds: float = setting(3.0, least=0, most=30)
    clip_seconds: float = setting(8.0, least=1, most=60)

    def __post_init__(self) -> None:
        """Refuse a reserve that would leave no room for what is to be remembered."""
        if self.reserve_mb > self.keep_mb * _MOST_RESERVE:
            raise SettingError(
                "The reserve takes at most a quarter of what the memory may take",
                received=f"reserve_mb = {self.reserve_mb:g} with keep_mb = {self.keep_mb:g}",
                fix=f"Set reserve_mb to {self.keep_mb * _MOST_RESERVE:g} or less",
            )

"""What the capture process is asked for.

It travels as JSON over a pipe, so that no address, and no password in it, is in a process list.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from edge.manifest import InputSpec
from edge.sources.options import SourceOptions

if TYPE_CHECKING:
    from edge.region import Region

OPEN_SOURCE = "edge.sources:open_source"
"""What opens an address unless told otherwise."""


@dataclass(frozen=True, slots=True)
class LensRequest:
    """What to capture, and what to make of each frame.

    Attributes:
        address: Of the source, for `opener`; it may hold a password.
        is_live: Whether it is a camera or a stream, which is waited for and opened again, and not
            a recording, which ends; `edge.sources.is_live` tells.
        options: What to ask the source for, and how its picture is turned.
        every_frame: Hand over each frame of a recording, in order, as fast as they are read,
            instead of the newest one by the recording's own clock.
        input: What to fit frames to while the reader waits for them; nothing when `None`.
        region: What to cut out of a frame before it is fitted; all of it when `None`.
        opener: "package.module:callable" that is called with address, `clock` and `options` and
            returns a `FrameSource`.

    Example:
        >>> request = LensRequest("0", is_live=True, input=InputSpec(160, 160))
        >>> LensRequest.from_json(request.to_json()) == request
        True
    """

    address: str = field(repr=False)
    is_live: bool
    options: SourceOptions = field(default_factory=SourceOptions)
    every_frame: bool = False
    input: InputSpec | None = None
    region: "Region | None" = None
    opener: str = OPEN_SOURCE

    def to_json(self) -> str:
        """Write it as one line."""
        values = asdict(self)
        if self.region is not None:  # it has more, which is made anew
            values["region"] = {"box": self.region.box, "polygon": self.region.polygon}
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> "LensRequest":
        """Read what `to_json` has written."""
        values = json.loads(text)
        values["options"] = SourceOptions(**_as_tuples(values["options"]))
        if values["input"] is not None:
            values["input"] = InputSpec.from_dict(values["input"])
        if values["region"] is not None:
            from edge.region import Region

            values["region"] = Region(**_as_tuples(values["region"]))
        return cls(**values)


def _as_tuples(value: Any) -> Any:
    """Turn the lists of JSON, at any depth of values, back into tuples."""
    if isinstance(value, dict):
        return {name: _as_tuples(inner) for name, inner in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value

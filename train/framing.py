"""What becomes of each photo before the network: as the command line and the run folder say it."""

from typing import Any

from edge.errors import ModelFileError, SettingError
from edge.manifest import InputSpec, Region


def parse_region(text: str) -> Region:
    """Read what `--region` takes.

    Raises:
        SettingError: It is no rectangle within the frame.

    Example:
        >>> parse_region("0.5,0,1,1").left
        0.5
    """
    try:
        left, top, right, bottom = map(float, text.split(","))
        return Region(left, top, right, bottom)
    except (ValueError, ModelFileError) as error:
        raise SettingError(
            "--region must be LEFT,TOP,RIGHT,BOTTOM in fractions of the frame, from 0 to 1",
            received=text,
            fix="Use for example --region 0.25,0,0.75,1, the middle half of the width",
        ) from error


def describe_input(spec: InputSpec) -> dict[str, Any]:
    """Return what the run's manifest says about the input.

    The type of its values is left out: `edge convert` chooses it.
    """
    return {name: value for name, value in spec.to_dict().items() if name != "dtype"}

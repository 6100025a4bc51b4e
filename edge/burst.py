"""Names of pictures taken one after the other: they tell which belong together.

Pictures of one occasion are nearly the same. If some of them teach a network and others judge it,
it is judged on what it knows by heart; so a split keeps those of one burst together, by the name.
"""

import re
from datetime import datetime

_NAME = re.compile(r"(?:.*/)?([^/]+-\d{8}T\d{6}-b\d{3,})-i\d{3,}\.\w+")


def name_picture(label: str, *, started: datetime, burst: int, index: int) -> str:
    """Return the file name of one picture of a burst.

    Args:
        label: What it shows.
        started: When the burst began.
        burst: Its number, from 1.
        index: Number of the picture in it, from 1.

    Example:
        >>> name_picture("cat", started=datetime(2026, 5, 1, 7, 30), burst=2, index=11)
        'cat-20260501T073000-b002-i011.jpg'
    """
    return f"{label}-{started:%Y%m%dT%H%M%S}-b{burst:03d}-i{index:03d}.jpg"


def find_burst(path: str) -> str | None:
    """Return the name of the burst that a picture belongs to; `None` for a name of other make.

    Args:
        path: Of the picture, with forward slashes. Its folders do not count, so that a picture
            that was sorted into another one still belongs to the rest.

    Example:
        >>> find_burst("photos/cat/cat-20260501T073000-b002-i011.jpg")
        'cat-20260501T073000-b002'
        >>> find_burst("photos/cat/IMG_0815.jpg") is None
        True
    """
    match = _NAME.fullmatch(path)
    return match[1] if match else None

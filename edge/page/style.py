"""The look of the pages: light and dark as the reader's system is set, wide, narrow and printed."""

from pathlib import Path

SERIES = 8
"""Colours that are told apart by people of any colour vision (after Okabe and Ito 2008)."""


def read_style() -> str:
    """Return the style sheet of every page."""
    return (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def series_colour(index: int) -> str:
    """Return the CSS colour of a series; beyond the palette they go round the colour wheel.

    Example:
        >>> series_colour(0)
        'var(--s0)'
    """
    if index < SERIES:
        return f"var(--s{index})"
    return f"hsl({index * 137.508 % 360:.0f} 55% 52%)"

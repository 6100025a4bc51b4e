"""Holds a wrapped model against the original: does it say of a frame what that says of the pixels?

The original is fed here without any of what the wrapped file brings along: its pixels are prepared
as its maker did it, in floating point and channel by channel.
"""

import numpy as np
from numpy.typing import NDArray

from convert.foreign import ForeignModel
from convert.scaling import Normalization, Scaling
from edge.errors import ModelFileError
from edge.interpreter import open_interpreter
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from edge.records import Scores

_SHARE = 0.05  # of what answers to different patterns differ by
_FLOAT_ROUNDING = 1e-5  # of a score: two operators more round otherwise


def ask_original(
    foreign: ForeignModel, patterns_rgb: NDArray[np.uint8], *, scaling: Scaling
) -> Scores:
    """Return what the original says about patterns, `(patterns, labels)`, raw scores.

    Args:
        foreign: What came; it must have run in a child process before.
        patterns_rgb: `(patterns, height, width, 3)`, `uint8`, RGB, of any size.
        scaling: How its pixels are prepared.
    """
    spec = InputSpec(*foreign.size_wh)
    interpreter = open_interpreter(foreign.model_bytes, threads=1)
    rows: list[Scores] = []
    try:
        for pattern_rgb in patterns_rgb:
            pixels_rgb = fit_frame(np.ascontiguousarray(pattern_rgb[:, :, ::-1]), spec=spec)
            interpreter.input_view()[0] = _prepare(pixels_rgb, foreign.takes.dtype, scaling)
            interpreter.invoke()
            rows.append(interpreter.output())
    finally:
        interpreter.close()
    return np.stack(rows)


def check_answers(found: Scores, expected: Scores, *, step: float, name: str) -> None:
    """Refuse a wrapped model whose answers are not the original's.

    How far two answers are apart is half the sum of the differences of their scores (of
    probabilities, the total variation distance). It may be a twentieth of what the answers to
    different patterns are apart from their mean, so that a thousand scores that are all small are
    held as close as three; and what rounding to steps takes from each score.

    Args:
        found: `(patterns, labels)`, what the wrapped model says.
        expected: `(patterns, labels)`, what the original says.
        step: What the wrapped model's scores are rounded to and the original's are not; 0 for none.
        name: Of the original, for the message.

    Raises:
        ModelFileError: They are further apart, or no numbers.

    Example:
        >>> said = np.array([[0.75, 0.25], [0.25, 0.75]], np.float32)
        >>> check_answers(said, said, step=0.0, name="foreign.tflite")
    """
    spread = _distance(expected, expected.mean(axis=0)).mean()
    rounding = np.minimum(expected, step).sum(axis=1) / 2 + _FLOAT_ROUNDING * expected.sum(axis=1)
    apart, allowed = _distance(found, expected), _SHARE * spread + rounding
    if (apart <= allowed).all():  # which what is no number is not
        return
    worst = int(np.argmax(apart - allowed))
    raise ModelFileError(
        "A wrapped model must answer as the original does",
        received=f"{name}, whose answer to pattern {worst + 1} of {len(found)} is "
        f"{apart[worst]:.3g} off, over {allowed[worst]:.3g}",
        fix="Report it with the file; use the original as it is meanwhile",
    )


def _prepare(pixels_rgb: NDArray[np.uint8], dtype: str, scaling: Scaling) -> NDArray[np.generic]:
    if dtype == "uint8":
        return pixels_rgb
    if dtype == "int8":
        return (pixels_rgb.astype(np.int16) - 128).astype(np.int8)
    normalization = scaling.built_in or Normalization((scaling.mean,), (scaling.scale,))
    means, deviations = np.array(normalization.per_channel()).T
    prepared: NDArray[np.float32] = ((pixels_rgb - means) / deviations).astype(np.float32)
    return prepared


def _distance(scores: Scores, others: Scores) -> NDArray[np.float64]:
    """Return half the sum of the differences, `(patterns,)`."""
    apart: NDArray[np.float64] = np.abs(scores.astype(np.float64) - others).sum(axis=1) / 2
    return apart

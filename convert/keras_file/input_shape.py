"""What a network of others may take, and what to do about one that takes something else."""

from typing import Any

from edge.errors import ModelFileError

LARGEST_SIDE = 4096
"""Of a picture, in pixels."""


def refuse_input(shape: Any) -> ModelFileError:
    """Return the error for an input that is no picture of a fixed size in three colours.

    Args:
        shape: As the file has it, such as `[None, 224, 224, 1]`.
    """
    return ModelFileError(
        "The network must take pictures of a fixed size in three colours, (None, height, width, 3)",
        received=f"an input of the shape {shape}",
        fix=_advise(shape),
    )


def _advise(shape: Any) -> str:
    if isinstance(shape, list) and len(shape) == 4:
        if shape[3] == 1:
            return (
                "Put keras.Input((height, width, 3)) and Conv2D(1, 1, use_bias=False) with the "
                "weights 0.299, 0.587 and 0.114 before it, which make grey of colours, and save "
                "that"
            )
        if shape[3] == 3 and None in shape[1:3]:
            return (
                "Fix its size: keras.Sequential([keras.Input((224, 224, 3)), model]), and save that"
            )
        if shape[3] == 3:
            return f"Build it for pictures of at most {LARGEST_SIDE} pixels a side"
    return "Build it with such an input, the channels last, and save it with its weights"

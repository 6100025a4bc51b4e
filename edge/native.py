"""What native libraries read from the environment when they are loaded, set in one place.

It must be called before NumPy or OpenCV is imported. Child processes inherit it. What a user has
set stays.
"""

import os

_SETTINGS = {
    # NumPy and OpenCV each bring an OpenBLAS, which starts a thread and takes buffers for every
    # core; nothing from lens to decision multiplies matrices.
    "OPENBLAS_NUM_THREADS": "1",
}


def spare_memory() -> None:
    """Let libraries that are loaded from now on start no threads that a live run does not use.

    Example:
        >>> spare_memory()
        >>> os.environ["OPENBLAS_NUM_THREADS"]
        '1'
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)

"""Every TFLite runtime that is installed, for the contracts that run over all of them."""

import pytest

from edge.errors import MissingExtraError
from edge.interpreter import RUNTIMES, load_runtime


# TensorFlow takes long to import, once here and once in the process that tries a new model.
@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow if name == "tensorflow" else ())
        for name in RUNTIMES
    ]
)
def runtime(request):
    """Return the name of a runtime; skip the test where it is missing."""
    try:
        load_runtime(request.param)
    except MissingExtraError as error:
        pytest.skip(f"{request.param}: {error.received}")
    return request.param

"""Optional dependencies: what they are called, and what to install when one is missing."""

import os
from importlib.util import find_spec

from edge.errors import MissingExtraError

_DESKTOP_MODULES = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "matplotlib")

# tfmot understands Keras 2 only; oneDNN, off by default on processors without AVX-512, trains
# a depthwise network 1.5 times as fast with AVX2 (benchmarks/training_speed.py).
_TENSORFLOW_ENVIRONMENT = {
    "TF_USE_LEGACY_KERAS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def require_desktop() -> None:
    """Prepare the process for TensorFlow; call it before the first `import tensorflow`.

    Raises:
        MissingExtraError: The extra `desktop` is not installed.
    """
    missing = [module for module in _DESKTOP_MODULES if find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            "Training and conversion need the extra 'desktop'",
            received="an installation without " + ", ".join(missing),
            fix="On the desktop machine run: pip install 'catseye[desktop]'",
        )
    for name, value in _TENSORFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)

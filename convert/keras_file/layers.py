"""Which layers of a Keras file can be converted, and which of their settings a network rests on.

Everything else about a layer, such as its initializer, says how it was trained.
"""

from collections.abc import Mapping

_CONVOLUTION = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
_POOLING = ("pool_size", "strides", "padding")

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "Average": (),
    "AveragePooling2D": _POOLING,
    "BatchNormalization": ("axis", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": (*_CONVOLUTION, "filters", "groups"),
    "Cropping2D": ("cropping",),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv2D": (*_CONVOLUTION, "depth_multiplier"),
    "ELU": ("alpha",),
    "Flatten": (),
    "GlobalAveragePooling2D": ("keepdims",),
    "GlobalMaxPooling2D": ("keepdims",),
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
    "LeakyReLU": ("alpha", "negative_slope"),
    "MaxPooling2D": _POOLING,
    "Maximum": (),
    "Minimum": (),
    "Multiply": (),
    "Normalization": ("axis", "mean", "variance", "invert"),
    "PReLU": ("shared_axes",),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "SeparableConv2D": (*_CONVOLUTION, "filters", "depth_multiplier"),
    "Softmax": ("axis",),
    "Subtract": (),
    "UpSampling2D": ("size", "interpolation"),
    "ZeroPadding2D": ("padding",),
}
"""By kind of layer, the settings that say what it computes; the same in Keras 3 and tf_keras."""

AUGMENTATIONS = frozenset(
    {
        *("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomShear"),
        *("RandomPerspective", "RandomElasticTransform", "RandomErasing", "RandomGaussianBlur"),
        *("RandomBrightness", "RandomContrast", "RandomHue", "RandomSaturation"),
        *("RandomColorJitter", "RandomColorDegeneration", "RandomGrayscale", "RandomInvert"),
        *("RandomPosterization", "RandomSharpness", "RandAugment", "AugMix", "CutMix", "MixUp"),
    }
)
"""Kinds that change pictures in training only. `RandomCrop` is none: it crops afterwards, too."""

INACTIVE = frozenset(
    {
        *("Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise"),
        *("ActivityRegularization", "Identity"),
    }
)
"""Other kinds that do nothing after training."""

ACTIVATIONS = frozenset(
    {
        *("linear", "relu", "relu6", "sigmoid", "softmax", "tanh", "swish", "silu", "elu", "selu"),
        *("gelu", "softplus", "softsign", "exponential", "hard_sigmoid", "hard_silu", "hard_swish"),
    }
)
"""Activations by name; what Keras 3 means otherwise than tf_keras, `rebuild` knows."""

OPERATORS: Mapping[str, str] = {
    **dict.fromkeys(("TrueDivide", "Divide", "math.truediv", "math.divide"), "divide"),
    **dict.fromkeys(("Subtract", "math.subtract"), "subtract"),
    **dict.fromkeys(("Add", "math.add", "__operators__.add"), "add"),
    **dict.fromkeys(("Multiply", "math.multiply"), "multiply"),
}
"""Arithmetic between layers, such as `x / 127.5 - 1`, by its names in Keras 3 and tf_keras."""

MODELS = frozenset({"Functional", "Sequential", "Model"})
"""Kinds that hold layers."""


def is_known(kind: str) -> bool:
    """Whether a kind of layer can be converted, or left out.

    Example:
        >>> is_known("Conv2D"), is_known("RandomFlip"), is_known("Lambda")
        (True, True, False)
    """
    return kind in SETTINGS or kind in AUGMENTATIONS or kind in INACTIVE or kind == "InputLayer"

"""Both networks are flat, small enough, and quantizable; ImageNet's weights are in their places."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tf_keras

from edge.errors import DataError, SettingError
from edge.images import read_picture
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from train.networks import INPUT_MEAN, INPUT_SCALE, NETWORK_NAMES, find_network
from train.networks.cnn import build_cnn
from train.networks.efficientnet_lite0 import (
    build_efficientnet_lite0,
    build_pretrained,
    load_weights,
)
from train.networks.torch_weights import read_imagenet_weights

FLAT = {
    "InputLayer",
    "Conv2D",
    "DepthwiseConv2D",
    "BatchNormalization",
    "ReLU",
    "Add",
    "MaxPooling2D",
    "GlobalAveragePooling2D",
    "Dropout",
    "Dense",
}


@pytest.fixture(scope="module")
def tensors():
    return read_imagenet_weights()


@pytest.fixture(scope="module")
def lite0():
    return build_pretrained(2, 32)


@pytest.fixture(scope="module")
def cnn():
    return build_cnn(3, 32)


@pytest.mark.parametrize("name", NETWORK_NAMES)
def test_find_network_names_a_function_that_is_there(name):
    spec = find_network(name)
    assert spec.name == name
    assert callable(spec.load())
    assert spec.side % 32 == 0
    assert [amount.pictures for amount in spec.amounts][-1] is None


def test_find_network_lists_what_there_is():
    with pytest.raises(SettingError, match="one of efficientnet-lite0, mobilenet-v2, cnn, lenet5"):
        find_network("resnet")


@pytest.mark.parametrize(
    ("fixture", "labels", "most_parameters"), [("cnn", 3, 250_000), ("lite0", 2, 3_500_000)]
)
def test_network_is_flat_and_small(request, fixture, labels, most_parameters):
    network = request.getfixturevalue(fixture)
    assert {type(layer).__name__ for layer in network.layers} <= FLAT
    assert network.input_shape == (None, 32, 32, 3)
    assert network.output_shape == (None, labels)
    assert network.layers[-1].name == "scores"
    assert network.count_params() < most_parameters
    for layer in network.layers:
        if isinstance(layer, tf_keras.layers.ReLU):
            assert layer.max_value == 6.0


@pytest.mark.parametrize("fixture", ["cnn", "lite0"])
def test_network_can_be_quantized(request, fixture):
    from tensorflow_model_optimization.quantization.keras import quantize_model

    network = request.getfixturevalue(fixture)
    quantized = quantize_model(network)
    assert quantized.output_shape == network.output_shape
    assert sum("quant" in layer.name for layer in quantized.layers) > len(network.layers) / 2


def test_pretrained_network_learns_behind_its_first_stages(lite0):
    frozen = {layer.name.split("_")[0] for layer in lite0.layers if not layer.trainable}
    free = {layer.name.split("_")[0] for layer in lite0.layers if layer.trainable}
    assert frozen == {"stem", "stage1", "stage2", "stage3"}
    assert {"stage4", "stage7", "head", "scores"} <= free


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [
        ("none", ()),
        ("first", ("stem", "stage1", "stage2", "stage3")),
        ("most", ("stem", "stage1", "stage2", "stage3", "stage4", "stage5")),
    ],
)
def test_freeze_says_which_stages_stay(freeze, frozen):
    network = build_pretrained(2, 32, freeze=freeze)
    for layer in network.layers:
        is_frozen = layer.name.split("_")[0] in frozen
        if freeze == "most" and isinstance(layer, tf_keras.layers.BatchNormalization):
            is_frozen = True  # a few photos' statistics say less than ImageNet's
        assert layer.trainable != is_frozen, layer.name


def test_frozen_body_leaves_the_last_layer_to_learn():
    network = build_pretrained(2, 32, freeze="body")
    assert [v.name for v in network.trainable_variables] == ["scores/kernel:0", "scores/bias:0"]


def test_imagenet_weights_lie_where_they_belong(lite0, tensors):
    stem = lite0.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(stem[1, 2, 0, 7], tensors["_conv_stem.weight"][7, 0, 1, 2])
    filters = lite0.get_layer("stage3_block2_filter_conv").get_weights()[0]
    torch_filters = tensors["_blocks.4._depthwise_conv.weight"]
    np.testing.assert_array_equal(filters[4, 3, 9, 0], torch_filters[9, 0, 4, 3])
    gamma, beta, mean, variance = lite0.get_layer("head_bn").get_weights()
    np.testing.assert_array_equal(gamma, tensors["_bn1.weight"])
    np.testing.assert_array_equal(beta, tensors["_bn1.bias"])
    np.testing.assert_array_equal(mean, tensors["_bn1.running_mean"])
    np.testing.assert_array_equal(variance, tensors["_bn1.running_var"])


def test_imagenet_network_knows_a_cat(tensors):
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no photo of a cat: scikit-image is not installed")
    network = build_efficientnet_lite0(1000, 224)
    load_weights(network, tensors, with_scores=True)
    photo = Path(spec.submodule_search_locations[0]) / "data" / "chelsea.png"
    pixels = fit_frame(read_picture(photo), spec=InputSpec(224, 224)).astype(np.float32)
    scores = network((pixels[np.newaxis] - INPUT_MEAN) / INPUT_SCALE).numpy()[0]
    assert 281 <= scores.argmax() <= 285  # tabby, tiger, Persian, Siamese, Egyptian
    assert scores[281:286].sum() > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_conv_head.weight": None}, "for head_conv"),  # missing
        ({"_bn1.bias": np.zeros(3, np.float32)}, "for head_bn"),  # another shape
        ({"_extra.weight": np.zeros(3, np.float32)}, "belong to no layer: _extra.weight"),
    ],
)
def test_foreign_weights_are_refused(lite0, tensors, change, message):
    changed = {k: v for k, v in {**tensors, **change}.items() if v is not None}
    with pytest.raises(DataError, match=message):
        load_weights(lite0, changed, with_scores=False)

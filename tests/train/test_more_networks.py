"""LeNet-5, MobileNetV2 and the user's own: flat, quantizable, and clear when they cannot be had."""

import h5py
import numpy as np
import pytest
import tf_keras
from archive_server import Archive, serve

from edge.errors import DataError, SettingError
from train.building import build_network, choose_dtype_policy
from train.networks import find_network, mobilenet_v2
from train.networks.cnn import build_cnn
from train.networks.lenet5 import build_lenet5
from train.networks.mobilenet_v2 import build_mobilenet_v2
from train.networks.own import build_own
from train.settings import TrainOptions, settle

FLAT = {
    "InputLayer",
    "Activation",
    "Add",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "GlobalAveragePooling2D",
    "ReLU",
    "ZeroPadding2D",
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of weights as Keras publishes them, of the narrowest MobileNetV2."""
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2_0.35_96_no_top.h5"
    tf_keras.utils.set_random_seed(5)
    tf_keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None
    ).save_weights(path)
    return path


@pytest.fixture(scope="module")
def mobilenet(weights):
    return build_mobilenet_v2(3, 32, width=0.35, weights=str(weights))


@pytest.fixture(scope="module")
def lenet5():
    return build_lenet5(3, 32)


@pytest.mark.parametrize("fixture", ["mobilenet", "lenet5"])
def test_network_is_flat_and_quantizable(request, fixture):
    from tensorflow_model_optimization.quantization.keras import quantize_model

    network = request.getfixturevalue(fixture)
    assert {type(layer).__name__ for layer in network.layers} <= FLAT
    assert network.input_shape == (None, 32, 32, 3)
    assert network.output_shape == (None, 3)
    assert network.layers[-1].name == "scores"
    assert quantize_model(network).output_shape == (None, 3)


def test_lenet5_has_the_published_sizes(lenet5):
    maps = {name: lenet5.get_layer(name).output_shape[1:] for name in ("c1", "s2", "c3", "s4")}
    assert maps == {"c1": (28, 28, 6), "s2": (14, 14, 6), "c3": (10, 10, 16), "s4": (5, 5, 16)}
    assert lenet5.get_layer("c5").output_shape == (None, 1, 1, 120)
    assert lenet5.get_layer("f6").units == 84
    # a coefficient and an offset per map, as in table I of the paper: 12 and 32 parameters
    assert [lenet5.get_layer(name).count_params() for name in ("s2", "s4")] == [12, 32]
    assert build_lenet5(3, 64).output_shape == (None, 3)


def test_mobilenet_v2_has_the_weights_of_the_file_at_another_size(mobilenet, weights):
    body = tf_keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=str(weights)
    )
    for name in ("Conv1", "block_3_depthwise", "Conv_1_bn"):
        for one, two in zip(
            mobilenet.get_layer(name).get_weights(), body.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, two)
    frozen = {layer.name for layer in mobilenet.layers if not layer.trainable}
    assert {"Conv1", "bn_Conv1", "expanded_conv_project", "block_5_add"} <= frozen
    assert not {"block_6_expand", "block_16_project", "Conv_1", "scores"} & frozen


def test_mobilenet_v2_keeps_most_of_itself_for_few_photos(weights):
    options = {"width": 0.35, "weights": str(weights)}
    most = build_mobilenet_v2(3, 32, **options, freeze="most")
    free = {layer.name for layer in most.layers if layer.trainable and layer.weights}
    assert {"block_13_expand", "block_16_project", "Conv_1", "scores"} <= free
    assert not {"block_12_project", "block_13_expand_BN", "Conv_1_bn"} & free
    body = build_mobilenet_v2(3, 32, **options, freeze="body")
    assert len(body.trainable_variables) == 2


def test_mobilenet_v2_says_which_file_is_missing(weights, tmp_path):
    with pytest.raises(DataError, match=r"not there.*kernels_0\.5_160_no_top\.h5"):
        build_mobilenet_v2(2, 160, width=0.5, weights=str(tmp_path / "none.h5"))
    with pytest.raises(DataError, match=r"at width 0\.5.*Received: .*_no_top\.h5: .*shape"):
        build_mobilenet_v2(2, 32, width=0.5, weights=str(weights))
    with pytest.raises(SettingError, match=r"0\.35, 0\.5, 0\.75.*Received: 0\.6"):
        build_mobilenet_v2(2, 32, width=0.6)


@pytest.fixture
def keras_home(monkeypatch, tmp_path):
    """An empty home folder; returns where Keras would keep its files."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".keras" / "models"


def test_mobilenet_v2_offline_says_how_to_go_on(monkeypatch, keras_home):
    """No address of a network can be looked up, and the cache of Keras is empty."""
    import socket

    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(DataError, match=r"downloaded on first use.*no network.*--weights"):
        build_mobilenet_v2(2, 96)
    assert list(keras_home.iterdir()) == []


def test_mobilenet_v2_fetches_its_weights_once(monkeypatch, keras_home, weights):
    archive = Archive(weights.read_bytes())
    with serve(archive) as url:
        monkeypatch.setattr(mobilenet_v2, "_URL", f"{url}/")
        for _ in range(2):
            build_mobilenet_v2(2, 96, width=0.35)
    assert len(archive.requests) == 1
    (kept,) = keras_home.iterdir()
    assert kept.name == "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
    assert kept.read_bytes() == weights.read_bytes()


@pytest.mark.parametrize(
    ("trouble", "message"),
    [({"cuts": [1000]}, "closed"), ({"statuses": [404]}, "404")],
    ids=str,
)
def test_weights_that_do_not_come_whole_are_not_kept(monkeypatch, keras_home, trouble, message):
    with serve(Archive(bytes(5000), **trouble)) as url:
        monkeypatch.setattr(mobilenet_v2, "_URL", f"{url}/")
        with pytest.raises(DataError, match=message):
            build_mobilenet_v2(2, 96, width=0.35)
    assert list(keras_home.iterdir()) == []


@pytest.mark.parametrize("name", ["text.h5", "other.h5", "checkpoint.index"])
def test_file_that_holds_no_weights_of_mobilenet_v2_is_refused(tmp_path, name):
    (tmp_path / "text.h5").write_text("no weights")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["layer_names"] = [b"Conv1"]  # which then is not there: Keras's KeyError
    other = tf_keras.Sequential([tf_keras.layers.Dense(1, input_shape=(1,))])
    other.save_weights(tmp_path / "checkpoint")
    with pytest.raises(DataError, match="--weights must be those of MobileNetV2"):
        build_mobilenet_v2(2, 96, width=0.35, weights=str(tmp_path / name))


def test_width_multiplies_the_channels_of_the_cnn():
    assert build_cnn(3, 32, width=0.5).get_layer("round1_conv").filters == 8
    full, half = (build_cnn(3, 32, width=width).count_params() for width in (1.0, 0.5))
    assert 0.2 < half / full < 0.35


def settle_for(**options):
    options = TrainOptions(side=32, **options)
    return settle(options, find_network(options.chosen_network), pictures=100)


def test_build_network_passes_what_the_network_knows():
    network = build_network(settle_for(network="cnn", width=0.5, dropout=0.7), labels=3)
    assert network.get_layer("round1_conv").filters == 8
    assert network.get_layer("dropout").rate == 0.7


def test_dropout_needs_a_layer_of_it():
    with pytest.raises(SettingError, match=r"needs a network with a Dropout layer.*lenet5"):
        build_network(settle_for(network="lenet5", dropout=0.5), labels=3)


def test_own_network_is_built_and_quantizable():
    from tensorflow_model_optimization.quantization.keras import quantize_model

    network = build_network(settle_for(network="own_networks:build_right"), labels=4)
    assert network.output_shape == (None, 4)
    quantize_model(network)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_networks:build_nested", r"layer 'model.*' is of the kind tf_keras.*Functional"),
        ("own_networks:build_rescaling", "layer 'rescaling' is of the kind tf_keras.*Rescaling"),
        ("own_networks:build_foreign", "is of the kind own_networks.Doubling"),
        ("own_networks:build_logits", "no probabilities; end with a softmax"),
        ("own_networks:build_two_labels", r"shape are \(None, 32, 32, 3\) and \(None, 4\), not"),
        ("own_networks:build_nothing", "returned builtins.NoneType, not a tf_keras.Model"),
        ("own_networks:build_failing", "KeyError: 'stage9'"),
        ("own_networks:build_without_arguments", "TypeError: .*0 positional arguments"),
        ("own_networks:build_absent", "AttributeError: .*build_absent"),
        ("no_such.module:build", "ModuleNotFoundError: No module named 'no_such'"),
    ],
)
def test_own_network_that_breaks_the_contract_is_refused(name, message):
    with pytest.raises(SettingError, match=message) as caught:
        build_own(find_network(name), 3, 32)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["resnet:", ":build", "my-networks:build", "a.b", "a..b:c"])
def test_what_names_no_function_is_refused(name):
    with pytest.raises(SettingError, match="--network must be one of"):
        find_network(name)


def test_policy_without_a_gpu_is_full():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    assert choose_dtype_policy("auto") == choose_dtype_policy("off") == "float32"

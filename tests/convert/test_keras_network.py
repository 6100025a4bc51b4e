"""Keras files of others as flat networks: the same scores, whatever they were made of."""

import importlib

import numpy as np
import pytest
from keras_models import KERASES, ask, build, build_base, pixels, scramble
from texture_runs import LABELS, SIDE

from convert.emulation import Emulation
from edge.errors import DataError, ModelFileError


def kinds(origin):
    return [type(layer).__name__ for layer in origin.network.layers]


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", KERASES)
def test_nested_model_is_unfolded_and_says_the_same(prepare, kind):
    model = scramble(build(kind))
    origin = prepare(model)
    expected = np.asarray(model(pixels(), training=False))
    assert expected.std(axis=0).max() > 0.003  # it does not say the same of everything
    assert ask(origin, pixels()) == pytest.approx(expected, abs=1e-5)
    assert kinds(origin) == [
        *("InputLayer", "DepthwiseConv2D", "ZeroPadding2D", "Conv2D", "BatchNormalization"),
        *("ReLU", "DepthwiseConv2D", "BatchNormalization", "ReLU", "Add", "Conv2D"),
        *("GlobalAveragePooling2D", "Dense"),
    ]
    assert (
        "augmentation: 'flip' left out, since it changes pictures in training only" in origin.notes
    )
    assert "pixels: (pixel - 127.5) / 127.5, by its own 'to_one'" in origin.notes


@pytest.mark.parametrize("kind", KERASES)
@pytest.mark.parametrize(
    ("front", "mean", "scale"),
    [
        # one scale, and a mean that is a whole number: the input says it all
        (lambda layers, x: layers.Rescaling(1 / 255)(x), 0, 255),
        (lambda layers, x: layers.Rescaling(1 / 128, offset=-127 / 128)(x), 127, 128),
        (lambda layers, x: layers.Normalization(mean=100.0, variance=400.0)(x), 100, 20),
        (lambda layers, x: x / 255.0, 0, 255),
        (lambda layers, x: (x - 127.0) * 0.0125, 127, 80),
        (lambda layers, x: layers.Rescaling(1.0)(x), 0, 1),
    ],
)
def test_scaling_at_the_front_becomes_that_of_the_input(prepare, kind, front, mean, scale):
    model = scramble(build(kind, front=front))
    origin = prepare(model)
    assert (origin.input.mean, origin.input.scale) == pytest.approx((mean, scale))
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )
    assert kinds(origin)[1] == "ZeroPadding2D"


@pytest.mark.parametrize("kind", KERASES)
@pytest.mark.parametrize(
    "front",
    [
        lambda layers, x: layers.Normalization(
            mean=[123.7, 116.3, 103.5], variance=[3410, 3263, 3294]
        )(x),
        lambda layers, x: layers.Normalization(mean=[0.48, 0.45, 0.4], variance=[0.05] * 3)(
            layers.Rescaling(1 / 255)(x)
        ),
        lambda layers, x: 1.0 - x / 127.5,  # a negative
    ],
)
def test_scaling_that_differs_by_channel_stays_in_the_network(prepare, kind, front):
    model = scramble(build(kind, front=front))
    origin = prepare(model)
    assert kinds(origin)[1] == "DepthwiseConv2D"
    assert origin.input.mean == int(origin.input.mean)
    assert any("a 1x1 convolution was put at the front" in note for note in origin.notes)
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )


@pytest.mark.parametrize("kind", KERASES)
def test_normalization_that_was_adapted_carries_its_numbers_as_weights(prepare, kind):
    layers = importlib.import_module(kind).layers
    normalization = layers.Normalization()
    normalization.adapt(pixels(5) * np.float32([1, 0.5, 0.8]))
    model = build(kind, front=lambda _, x: normalization(x))
    weights = normalization.get_weights()
    scramble(model)
    normalization.set_weights(weights)
    origin = prepare(model)
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )


@pytest.mark.parametrize("kind", KERASES)
@pytest.mark.parametrize("scaling", [("127", "128"), ("123.7,116.3,103.5", "58.4,57.1,57.4")])
def test_scaling_that_happened_before_the_network_is_asked_for(prepare, kind, scaling):
    model = scramble(build(kind, front=lambda _, x: x))
    with pytest.raises(ModelFileError, match=r"no Rescaling or Normalization layer .*Say how"):
        prepare(model)
    origin = prepare(model, scaling=scaling)
    means, deviations = (np.float32([float(n) for n in text.split(",")]) for text in scaling)
    expected = np.asarray(model((pixels() - means) / deviations, training=False))
    assert ask(origin, pixels()) == pytest.approx(expected, abs=1e-5)


def test_scaling_twice_is_refused(prepare):
    model = build(
        "tf_keras", front=lambda layers, x: layers.Rescaling(1 / 127.5, offset=-1)(x / 255.0)
    )
    with pytest.raises(ModelFileError, match=r"must fit pixels of 0 to 255.*they lie 0\.0078"):
        prepare(model)
    prepare(model, scaling=("0", "0.00392"))  # whoever insists


def test_normalization_of_pixels_that_were_divided_before_wants_that_said(prepare):
    front = lambda layers, x: layers.Normalization(mean=0.45, variance=0.06)(x)  # noqa: E731
    model = scramble(build("tf_keras", front=front))
    with pytest.raises(ModelFileError, match=r"must fit pixels of 0 to 255.*--mean 0 --std 255"):
        prepare(model)
    origin = prepare(model, scaling=("0", "255"))
    expected = np.asarray(model(pixels() / 255, training=False))
    assert ask(origin, pixels()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", KERASES)
def test_logits_get_a_softmax(prepare, kind):
    model = scramble(build(kind, activation=None))
    origin = prepare(model)
    expected = softmax(np.asarray(model(pixels(), training=False)))
    assert ask(origin, pixels()) == pytest.approx(expected, abs=1e-5)
    assert any("logits" in note and "softmax was added" in note for note in origin.notes)


@pytest.mark.parametrize("kind", KERASES)
@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_single_score_becomes_two_probabilities(prepare, kind, activation):
    model = scramble(build(kind, activation=activation, outputs=1))
    origin = prepare(model, labels=LABELS[:2])
    share = np.asarray(model(pixels(), training=False))
    if activation == "linear":
        share = 1 / (1 + np.exp(-share))
    expected = np.concatenate([1 - share, share], axis=1)
    assert ask(origin, pixels()) == pytest.approx(expected, abs=1e-5)
    assert any("near 0 for the first label and near 1 for the second" in n for n in origin.notes)


@pytest.mark.parametrize("kind", KERASES)
def test_activation_behind_the_last_layer_joins_it(prepare, kind):
    keras = importlib.import_module(kind)
    layers = keras.layers
    body = [layers.Input((SIDE, SIDE, 3)), layers.Rescaling(1 / 255), build_base(keras)]
    ends = [layers.Flatten(), layers.Dense(3), layers.Softmax()]
    model = scramble(keras.Sequential([*body, *ends]))
    origin = prepare(model)
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )
    assert kinds(origin)[-1] == "Dense"
    assert len([note for note in origin.notes if note.startswith("scores")]) == 0


@pytest.mark.parametrize("kind", KERASES)
def test_scores_that_add_up_are_probabilities_whatever_makes_them(prepare, kind):
    keras = importlib.import_module(kind)
    layers = keras.layers
    entry = layers.Input((SIDE, SIDE, 3))
    x = layers.GlobalAveragePooling2D()(build_base(keras)(layers.Rescaling(1 / 255)(entry)))
    both = [layers.Dense(3, "softmax", name=name)(x) for name in ("one", "two")]
    model = scramble(keras.Model(entry, layers.Average()(both)))
    origin = prepare(model)
    assert "scores: probabilities, since they add up to 1" in origin.notes
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )


@pytest.mark.parametrize(
    ("activation", "said"), [("sigmoid", "yes or no"), ("relu", "relu at the")]
)
def test_scores_that_are_no_probabilities_are_refused(prepare, activation, said):
    with pytest.raises(ModelFileError, match=f"must be probabilities.*{said}"):
        prepare(scramble(build("tf_keras", activation=activation)))


@pytest.mark.parametrize(
    ("outputs", "wanted"), [(4, "each of the 4 scores"), (1, "two labels for")]
)
def test_labels_must_be_as_many_as_the_scores(prepare, outputs, wanted):
    with pytest.raises(DataError, match=f"{wanted}.*Received: 3: stripes"):
        prepare(build("tf_keras", outputs=outputs))


@pytest.mark.parametrize("kind", KERASES)
def test_every_kind_of_layer_is_built_again(prepare, kind):
    keras = importlib.import_module(kind)
    layers = keras.layers
    entry = layers.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255)(entry)
    x = layers.Conv2D(8, 3, 2, "same", activation="swish")(x)
    x = layers.GaussianNoise(0.1)(x)
    y = layers.SeparableConv2D(8, 3, padding="same", depth_multiplier=2)(x)
    x = layers.Subtract()([layers.LeakyReLU(0.2)(x), layers.ELU(0.7)(y)])
    x = layers.LayerNormalization()(x)
    x = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2)(x)])
    x = layers.Cropping2D(1)(layers.UpSampling2D(2)(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = x * layers.Conv2D(16, 1, activation="sigmoid")(gate) + 0.5
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.SpatialDropout2D(0.1)(layers.Permute((2, 1, 3))(x))
    x = layers.Maximum()([x, layers.Activation("tanh")(x)])
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), layers.Flatten()(x)])
    x = layers.Dense(12, activation="gelu")(layers.Reshape((-1,))(x))
    model = scramble(keras.Model(entry, layers.Dense(3, "softmax")(x)))
    origin = prepare(model)
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-4
    )


@pytest.mark.parametrize("name", ["relu6", "silu", "hard_silu", "hard_sigmoid"])
def test_activations_of_keras_3_mean_what_they_mean_there(prepare, name):
    model = build(
        "keras",
        front=lambda layers, x: layers.Activation(name)(layers.Rescaling(1 / 32, offset=-4)(x)),
    )
    origin = prepare(scramble(model))
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )


@pytest.mark.parametrize("kind", KERASES)
def test_layer_that_is_used_twice_becomes_two(prepare, kind):
    keras = importlib.import_module(kind)
    layers = keras.layers
    entry = layers.Input((SIDE, SIDE, 3))
    shared = layers.Conv2D(3, 3, padding="same", activation="relu", name="shared")
    x = shared(shared(layers.Rescaling(1 / 255)(entry)))
    x = layers.GlobalAveragePooling2D()(x)
    model = scramble(keras.Model(entry, layers.Dense(3, "softmax")(x)))
    origin = prepare(model)
    assert kinds(origin).count("Conv2D") == 2
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )


def test_names_that_tensorflow_refuses_and_names_that_clash(prepare):
    import keras

    layers = keras.layers
    base = keras.Sequential(
        [layers.Input((SIDE, SIDE, 3)), layers.Conv2D(4, 3, name="größe 1"), layers.Flatten()],
        name="net",
    )
    head = keras.Sequential([layers.Dense(8, name="größe 1"), layers.Dense(3, "softmax")])
    entry = layers.Input((SIDE, SIDE, 3))
    model = scramble(keras.Model(entry, head(base(layers.Rescaling(1 / 255)(entry)))))
    origin = prepare(model)
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )


@pytest.mark.parametrize("kind", KERASES)
def test_half_precision_is_rebuilt_in_full(prepare, kind):
    keras = importlib.import_module(kind)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = scramble(build(kind))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    origin = prepare(model)
    assert origin.network.layers[-1].dtype == "float32"
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=2e-2
    )


def test_file_of_tensorflow_2_15_is_read_by_tf_keras(prepare, tmp_path):
    model = scramble(build("tf_keras", front=lambda layers, x: x / 255.0))
    model.save(tmp_path / "others.keras")

    def age(config):
        """Name modules as Keras 2.15 did."""
        for layer in (config, *config["config"]["layers"]):
            layer["module"] = layer["module"].replace("tf_keras.src", "keras.src")

    origin = prepare(None, change=age)
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KERASES)
def test_mobilenet_with_a_head_can_learn_to_be_8_bit(prepare, kind):
    """The usual form of transfer learning; tfmot takes what it was rebuilt to."""
    keras = importlib.import_module(kind)
    layers = keras.layers
    base = keras.applications.MobileNetV2(
        (SIDE, SIDE, 3), alpha=0.35, weights=None, include_top=False
    )
    base.trainable = False
    entry = layers.Input((SIDE, SIDE, 3))
    x = keras.applications.mobilenet_v2.preprocess_input(layers.RandomRotation(0.1)(entry))
    x = layers.GlobalAveragePooling2D()(base(x, training=False))
    model = keras.Model(entry, layers.Dense(3)(layers.Dropout(0.2)(x)))
    scramble(model)
    origin = prepare(model)
    expected = softmax(np.asarray(model(pixels(), training=False)))
    assert ask(origin, pixels()) == pytest.approx(expected, abs=1e-3)
    Emulation(origin.network, spec=origin.input)


def test_training_mode_that_was_left_on_is_noticed(prepare):
    import tf_keras

    layers = tf_keras.layers
    entry = layers.Input((SIDE, SIDE, 3))
    x = layers.Flatten()(build_base(tf_keras)(layers.Rescaling(1 / 255)(entry)))
    x = layers.Dropout(0.9)(x, training=True)
    model = scramble(tf_keras.Model(entry, layers.Dense(3, "softmax")(x)))
    with pytest.raises(ModelFileError, match=r"must say the same.*training=True"):
        prepare(model)

"""Networks as users write them, right and wrong, for `--network own_networks:FUNCTION`."""

import tf_keras

layers = tf_keras.layers


def build_right(labels, side):
    pixels = layers.Input((side, side, 3))
    values = layers.Conv2D(8, 3, 2, use_bias=False)(pixels)
    values = layers.BatchNormalization()(values)
    values = layers.ReLU(6.0)(values)
    values = layers.GlobalAveragePooling2D()(values)
    return tf_keras.Model(pixels, layers.Dense(labels, activation="softmax")(values))


def build_nested(labels, side):
    pixels = layers.Input((side, side, 3))
    return tf_keras.Model(pixels, build_right(labels, side)(pixels))


def build_rescaling(labels, side):
    pixels = layers.Input((side, side, 3))
    values = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255, name="rescaling")(pixels))
    return tf_keras.Model(pixels, layers.Dense(labels, activation="softmax")(values))


class Doubling(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def build_foreign(labels, side):
    pixels = layers.Input((side, side, 3))
    values = layers.GlobalAveragePooling2D()(Doubling()(pixels))
    return tf_keras.Model(pixels, layers.Dense(labels, activation="softmax")(values))


def build_logits(labels, side):
    pixels = layers.Input((side, side, 3))
    return tf_keras.Model(pixels, layers.Dense(labels)(layers.GlobalAveragePooling2D()(pixels)))


def build_two_labels(labels, side):
    return build_right(labels + 1, side)


def build_nothing(labels, side):
    return None


def build_failing(labels, side):
    raise KeyError("stage9")


def build_without_arguments():
    return None

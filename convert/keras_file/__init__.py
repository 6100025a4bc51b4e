"""A `.keras` file that catseye has not made, as a network that it can convert.

archive       the file itself: opened, checked, and handed to Keras with nothing in it to run
weights_file  its weights, which must lie in the file itself
layers        which layers can be converted, and what of their settings counts
architecture  the layers in the order of computing, models within models unfolded
input_shape   what a network may take
front         scaling and augmentation at the beginning
ending        scores at the end, as probabilities
rebuild       the same network in tf_keras, which TensorFlow's tools for TFLite stand on
source        all of it: what `edge convert` takes instead of a run folder

Only `rebuild` needs TensorFlow, so that most refusals come at once.
"""

"""Fine-tuning: faithful to the device, never worse than plain post-training quantization."""

import numpy as np
import pytest
from texture_runs import SIDE, build_network, fit, spread_channels, write_pictures

from convert import export
from convert.emulation import MEAN, WIDEST, Emulation
from convert.network import load_network
from convert.parity import Judge, run_model
from convert.pictures import load_pictures, sample_pictures
from convert.qat import Recipe, fine_tune, predict, scale_pixels
from convert.run_folder import RunPicture, read_run
from edge.errors import RunFolderError
from edge.manifest import InputSpec

QUICK = Recipe(epochs=2, learning_rate=1e-3, checks=2)


@pytest.fixture(scope="module")
def parts(run_folder):
    """The run, its training pictures and its validation pictures."""
    run = read_run(run_folder)
    train, validation = (
        load_pictures(
            sample_pictures(run.part(part)), labels=run.labels, spec=InputSpec(SIDE, SIDE)
        )
        for part in ("train", "validation")
    )
    return run, train, validation


@pytest.fixture(scope="module")
def settled(parts):
    """The run's network and its emulation with measured ranges."""
    run, train, _ = parts
    network = load_network(run)
    emulation = Emulation(network, spec=run.input)
    pixels = scale_pixels(train.pixels_rgb, run.input)
    emulation.settle([pixels[start : start + 16] for start in range(0, len(pixels), 16)])
    return network, emulation


def test_emulation_says_what_the_device_says(parts, settled):
    run, _, validation = parts
    _, emulation = settled
    emulation.use_ranges(WIDEST)
    emulated = predict(emulation.model, validation, spec=run.input)
    model_bytes = export.export_emulation(emulation, spec=run.input)
    on_device, _ = run_model(model_bytes, validation, spec=run.input)
    assert np.abs(emulated - on_device).mean() < 0.01
    assert (emulated.argmax(axis=1) == on_device.argmax(axis=1)).mean() > 0.98


def test_emulation_rounds_every_channel_of_a_depthwise_convolution_by_itself(settled):
    _, emulation = settled
    wrapper = next(item for item in emulation.model.layers if "depthwise" in item.name)
    weight, quantizer, _ = wrapper._weight_vars[0]
    largest = np.abs(weight.numpy()).max(axis=(0, 1))
    steps = quantizer(weight, training=False, weights={}).numpy() / (largest / 127.0)
    assert steps == pytest.approx(np.rint(steps), abs=1e-3)
    assert np.abs(steps).max(axis=(0, 1)) == pytest.approx(127.0, abs=1e-3)


def test_emulation_rounds_a_dense_layer_with_one_range_as_the_file_does(settled):
    _, emulation = settled
    wrapper = next(item for item in emulation.model.layers if "last_layer" in item.name)
    weight, quantizer, _ = wrapper._weight_vars[0]
    largest = np.abs(weight.numpy()).max()
    steps = quantizer(weight, training=False, weights={}).numpy() / (largest / 127.0)
    assert steps == pytest.approx(np.rint(steps), abs=1e-3)
    assert np.abs(steps).max() == pytest.approx(127.0, abs=1e-3)


def test_mean_ranges_lie_within_the_widest(settled):
    _, emulation = settled
    widest, mean = (_range_ends(emulation, kind) for kind in (WIDEST, MEAN))
    assert len(widest) >= 5
    assert all((low <= 0 <= high) for low, high in widest)
    for (low, high), (mean_low, mean_high) in zip(widest, mean, strict=True):
        assert low <= mean_low + 1e-5
        assert mean_high <= high + 1e-5


def _range_ends(emulation, kind):
    emulation.use_ranges(kind)
    ends = [float(end.used.numpy()) for end in emulation._phase.ends]
    return list(zip(ends[::2], ends[1::2], strict=True))


def test_fine_tune_leaves_the_original_and_the_batch_statistics_alone(parts):
    run, train, validation = parts
    network = load_network(run)
    before = [weight.numpy().copy() for weight in network.weights]
    found = fine_tune(network, train, validation, spec=run.input, recipe=QUICK)
    assert all(np.array_equal(*pair) for pair in zip(before, network.get_weights(), strict=True))
    names = [weight.name for weight in found.emulation.model.weights]
    after = found.emulation.model.get_weights()
    learned = 0
    for name, settled_weight, weight in zip(names, found.settled_weights, after, strict=True):
        if "moving" in name:
            assert np.array_equal(settled_weight, weight), name
        learned += not np.array_equal(settled_weight, weight)
    assert found.best.step == 0 or learned


def test_fine_tune_keeps_the_state_nearest_to_the_teacher(parts):
    run, train, validation = parts
    found = fine_tune(load_network(run), train, validation, spec=run.input, recipe=QUICK)
    assert [state.step for state in found.states] == [0, 15, 30]
    assert found.best == min(found.states, key=lambda state: state.divergence)


def test_fine_tune_too_bold_ends_where_it_began(parts):
    run, train, validation = parts
    bold = Recipe(epochs=1, learning_rate=10.0, checks=1)
    found = fine_tune(load_network(run), train, validation, spec=run.input, recipe=bold)
    assert found.best.step == 0
    kept = zip(found.settled_weights, found.emulation.model.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in kept)


def test_qat_wins_back_what_post_training_loses_on_a_badly_conditioned_network(parts, tmp_path):
    """On the validation pictures, which it chooses by, and on others, which nobody has seen."""
    run, train, validation = parts
    network = build_network(spread=3.0)
    fit(network, train.pixels_rgb, train.truth)
    spread_channels(network, 3.0)
    recipe = Recipe(epochs=3, learning_rate=1e-3)
    found = fine_tune(network, train, validation, spec=run.input, recipe=recipe)
    plain = export.export_int8(network, train.pixels_rgb, spec=run.input)
    taught = export.export_emulation(found.emulation, spec=run.input)
    for pictures in (validation, unseen_pictures(tmp_path, run)):
        original = predict(network, pictures, spec=run.input)
        judge = Judge(pictures, run.labels, run.input, original)
        post_training = judge.measure("int8", plain, dtype="uint8")
        qat = judge.measure("qat", taught, dtype="uint8")
        assert post_training.accuracy <= judge.original_accuracy - 0.01
        assert qat.accuracy >= judge.original_accuracy - 0.005
        assert qat.agreement >= 0.98
        assert qat.divergence <= post_training.divergence / 2


def unseen_pictures(root, run):
    """Pictures of a part of its own, which were drawn with another seed."""
    rows = write_pictures(root, {"test": 80}, seed=1)
    pictures = [RunPicture(root / row["path"], row["label"], "test", row["sha256"]) for row in rows]
    return load_pictures(pictures, labels=run.labels, spec=run.input)


def test_emulation_names_a_layer_that_it_cannot_quantize(parts):
    import tf_keras

    run, _, _ = parts
    layers = tf_keras.layers
    pixels = layers.Input((SIDE, SIDE, 3))
    x = layers.LayerNormalization(name="odd_one")(pixels)
    network = tf_keras.Model(pixels, layers.Dense(3)(layers.Flatten()(x)))
    with pytest.raises(RunFolderError, match=r"odd_one.*--quantize int8"):
        Emulation(network, spec=run.input)

"""A run folder of generated pictures and a small network, made once and shared."""

import pytest
from colour_model import LABELS as COLOURS
from colour_model import build_colour_model
from keras_models import change_archive
from texture_runs import (
    LABELS,
    SIDE,
    build_network,
    fit,
    spread_channels,
    write_pictures,
    write_run,
)

from edge.cli import main
from edge.errors import MissingExtraError
from edge.extras import require_desktop

try:
    require_desktop()  # before anybody imports TensorFlow
except MissingExtraError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture(scope="session")
def textures(tmp_path_factory):
    """Generated pictures on disk and the rows of their split."""
    root = tmp_path_factory.mktemp("textures")
    return root, write_pictures(root, {"train": 80, "validation": 60, "test": 2})


def train_network(textures, **shape):
    """Build a network and train it on the training part."""
    from convert.pictures import load_pictures
    from convert.run_folder import RunPicture
    from edge.manifest import InputSpec

    root, rows = textures
    train = [
        RunPicture(root / row["path"], row["label"], row["part"], row["sha256"])
        for row in rows
        if row["part"] == "train"
    ]
    pictures = load_pictures(train, labels=LABELS, spec=InputSpec(SIDE, SIDE))
    network = build_network(**shape)
    fit(network, pictures.pixels_rgb, pictures.truth)
    return network


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory, textures):
    """A finished run; tests that change it copy it first."""
    root, rows = textures
    network = train_network(textures)
    run = tmp_path_factory.mktemp("runs") / "run"
    write_run(run, root, rows, network)
    return run


@pytest.fixture(scope="session")
def wide_run(tmp_path_factory, textures):
    """A run whose network has a layer of over 1,024 weights, which "dynamic" makes smaller."""
    root, rows = textures
    run = tmp_path_factory.mktemp("wide") / "run"
    write_run(run, root, rows, train_network(textures, channels=256))
    return run


@pytest.fixture(scope="session")
def hard_runs(tmp_path_factory, textures):
    """Runs of one network whose channels differ in size by that many powers of 10.

    In floats all are the same function. With 3, eight bits lose some pictures and learning brings
    them back; with 5, eight bits lose nearly everything.
    """
    root, rows = textures
    network = train_network(textures, spread=3.0)
    settled = network.get_weights()
    folder = tmp_path_factory.mktemp("hard")
    for powers in (3, 5):
        network.set_weights(settled)
        spread_channels(network, powers)
        write_run(folder / str(powers), root, rows, network)
    return {powers: folder / str(powers) for powers in (3, 5)}


@pytest.fixture(scope="session")
def odd_run(tmp_path_factory, textures):
    """A run whose network has a layer that tfmot cannot quantize, and is no good in 8 bits.

    It prefers the last label by so little that 1/256 steps cannot tell.
    """
    import tf_keras

    layers = tf_keras.layers
    pixels = layers.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(16, 3, 2, "same", activation="elu", name="odd_one")(pixels)
    x = layers.GlobalMaxPooling2D()(x)
    network = tf_keras.Model(pixels, layers.Dense(len(LABELS), activation="softmax")(x))
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([kernel * 0, bias * 0 + [0, 0, 1e-4]])
    root, rows = textures
    run = tmp_path_factory.mktemp("odd") / "run"
    write_run(run, root, rows, network)
    return run


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("".join(f"{label}\n" for label in COLOURS))
    return path


@pytest.fixture
def foreign(tmp_path):
    """Write a colour model as others would: without metadata or labels; return its path."""

    def write(**arguments):
        path = tmp_path / "foreign.tflite"
        path.write_bytes(build_colour_model(**arguments))
        return path

    return write


@pytest.fixture
def pack(tmp_path, labels, capsys):
    """Call the command; return exit code, standard output and standard error."""

    def call(model, *arguments, with_labels=True):
        words = ["--labels", labels] if with_labels else []
        words += ["-o", tmp_path / "packaged.tflite", *arguments]
        code = main(["package", str(model), *map(str, words)])
        return (code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder per label, and the label file."""
    folder = tmp_path_factory.mktemp("photos")
    write_pictures(folder / "photos", {"any": 6})
    (folder / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    return folder


@pytest.fixture
def prepare(photos, tmp_path):
    """Save a model and make it ready to be converted."""

    def call(model, *, scaling=None, labels=None, change=None):
        from convert.keras_file.source import read_keras_file
        from convert.scaling import read_normalization

        path = tmp_path / "others.keras"
        if model is not None:
            model.save(path)
        if change is not None:
            change_archive(path, change)
        labels_file = photos / "labels.txt"
        data = photos / "photos"
        if labels is not None:
            labels_file = tmp_path / "labels.txt"
            labels_file.write_text("\n".join(labels), encoding="utf-8")
            data = tmp_path / "photos"
            for label, other in zip(labels, LABELS, strict=False):
                (data / label).mkdir(parents=True)
                for picture in (photos / "photos" / other).iterdir():
                    (data / label / picture.name).write_bytes(picture.read_bytes())
        file = read_keras_file(
            path,
            labels_file=labels_file,
            data=data,
            asked=read_normalization(*scaling) if scaling else None,
        )
        return file.prepare()

    return call

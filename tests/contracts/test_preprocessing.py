"""One frame, one set of pixels: training, the converter's check and the device agree to the bit."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from convert import parity
from convert.parity import Judge
from convert.pictures import load_pictures
from convert.run_folder import RunPicture
from edge.classifier import Classifier
from edge.images import read_picture
from edge.manifest import RESIZE_MODES, InputSpec, Manifest
from edge.preprocess import fit_frame
from edge.testing import FakeInterpreter, fake_model
from train.augment import CACHE_SCALE, PRESETS
from train.batches import TrainingBatches
from train.cache import PixelCache
from train.framing import describe_input
from train.scan import decode_files
from train.settings import TrainSettings

SIDE = 64
LABELS = ("a", "b")
SIZES = {
    "odd": (317, 211),
    "4 to 3": (640, 480),
    "16 to 9": (1280, 720),
    "upright": (480, 640),
    "twenty-five times": (1600, 1200),
    "as large as the input": (SIDE, SIDE),
    "small": (20, 33),
    "a pixel": (1, 1),
    "a line": (701, 1),
    "a column": (1, 701),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A picture of noise of every size, and a grey one."""
    folder = tmp_path_factory.mktemp("pictures")
    chance = np.random.default_rng(5)
    for name, (width, height) in SIZES.items():
        pixels = chance.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png", compress_level=1)
    grey = chance.integers(0, 256, (97, 131), np.uint8)
    Image.fromarray(grey).save(folder / "grey.png")
    return folder


def settings_of(resize, region):
    return TrainSettings(
        "cnn", SIDE, 1, 2, learning_rate=0.1, seed=1, patience=1, resize=resize, region=region
    )


def as_written(spec):
    """Return what `edge convert` reads of the manifest that `edge train` writes."""
    return InputSpec.from_dict(json.loads(json.dumps(describe_input(spec))))


def trained_on(folder, names, settings, part):
    """Return what training decodes for one of its parts."""
    spec = settings.cached(part)
    cache = PixelCache(folder, [0] * len(names), side=spec.width)
    assert decode_files(folder, names, spec=spec, cache=cache) == []
    return cache


def checked_with(folder, names, spec, monkeypatch):
    """Return what the converter feeds to a converted model."""
    pictures = [
        RunPicture(folder / name, "a", "validation", hashlib.sha256(data).hexdigest())
        for name in names
        for data in [(folder / name).read_bytes()]
    ]
    loaded = load_pictures(pictures, labels=LABELS, spec=spec)
    interpreter = FakeInterpreter([(0.9, 0.1)], size_wh=spec.size_wh)
    monkeypatch.setattr(parity, "open_interpreter", lambda *_, **__: interpreter)
    original = np.tile(np.array([0.9, 0.1], np.float32), (len(names), 1))
    Judge(loaded, LABELS, spec, original).measure("int8", b"", dtype="uint8")
    return interpreter.seen


def run_with(folder, names, spec):
    """Return what the device feeds to the model of a file that carries this input."""
    model = fake_model(LABELS, size_wh=spec.size_wh)
    values = json.loads(json.dumps(dataclasses.replace(model.manifest, input=spec).to_dict()))
    model = dataclasses.replace(model, manifest=Manifest.from_dict(values))
    interpreter = FakeInterpreter([(0.9, 0.1)], size_wh=spec.size_wh)
    with Classifier(model, interpreter) as classifier:
        for name in names:
            classifier.classify(read_picture(folder / name))
    return interpreter.seen


@pytest.mark.parametrize("region", ["0,0,1,1", "0.25,0,0.75,1", "0.1,0.33,0.9,1"])
@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_training_converter_and_device_see_the_same_pixels(folder, monkeypatch, resize, region):
    names = sorted(path.name for path in folder.glob("*.png"))
    settings = settings_of(resize, region)
    trained = trained_on(folder, names, settings, "validation").pixels_rgb
    spec = as_written(settings.input)
    checked = checked_with(folder, names, spec, monkeypatch)
    seen = run_with(folder, names, spec)
    assert (spec.resize, str(spec.region)) == (resize, region)
    for row, name in enumerate(names):
        np.testing.assert_array_equal(checked[row], trained[row], err_msg=name)
        np.testing.assert_array_equal(seen[row], trained[row], err_msg=name)
    assert len(checked) == len(seen) == len(names) == len(SIZES) + 1


@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_what_is_learned_from_is_the_same_frame_but_larger(folder, resize):
    names = sorted(path.name for path in folder.glob("*.png"))
    settings = settings_of(resize, "0.25,0,0.75,1")
    cache = trained_on(folder, names, settings, "train")
    side = round(SIDE * CACHE_SCALE)
    spec = InputSpec(side, side, resize=resize, region=settings.input.region)
    for row, name in enumerate(names):
        expected = fit_frame(read_picture(folder / name), spec=spec)
        np.testing.assert_array_equal(cache.pixels_rgb[row], expected, err_msg=name)


@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_without_augmentation_training_shows_what_the_device_shows_or_its_mirror_image(
    folder, resize
):
    """The cache is of the input's size here, so that nothing is resized twice."""
    names = sorted(path.name for path in folder.glob("*.png"))
    cache = trained_on(folder, names, settings_of(resize, "0,0,1,1"), "validation")
    batches = TrainingBatches(
        cache, batch_size=2, side=SIDE, seed=1, strength=PRESETS["none"], resize=resize
    )
    seen = run_with(folder, names, settings_of(resize, "0,0,1,1").input)
    for row, pixels_rgb in enumerate(seen):
        learned = batches.picture(row, epoch=1)
        is_same = [np.array_equal(learned, one) for one in (pixels_rgb, pixels_rgb[:, ::-1])]
        assert any(is_same), names[row]

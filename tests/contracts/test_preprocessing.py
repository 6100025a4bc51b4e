"""One frame, one set of pixels: training, the converter's check and the device agree to the bit."""

import hashlib
import io
import json
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image
from pixel_model import build_pixel_model, name_labels, picture_of, write_pixel_model
from rich.console import Console

from convert.parity import Judge
from convert.pictures import load_pictures
from convert.run_folder import RunPicture
from edge.classifier import Classifier
from edge.images import read_picture
from edge.interpreter import open_interpreter
from edge.manifest import RESIZE_MODES, InputSpec
from edge.preprocess import fit_frame
from edge.testing import ManualClock
from train.augment import CACHE_SCALE
from train.framing import describe_input
from train.preparation import TrainRequest, prepare
from train.progress import TrainProgress
from train.settings import TrainOptions
from train.training import make_batches

SIDE = 32
LABELS = ("a", "b")
REGIONS = ("0,0,1,1", "0.25,0,0.75,1", "0.1,0.33,0.9,1")
SIZES = {
    "odd": (317, 211),
    "4 to 3": (640, 480),
    "16 to 9": (1280, 720),
    "upright": (480, 640),
    "fifty times": (1600, 1200),
    "as large as the input": (SIDE, SIDE),
    "small": (20, 33),
    "a pixel": (1, 1),
    "a line": (701, 1),
    "a column": (1, 701),
}
REAL_SIZES = ((200, 150), (200, 112), (150, 200), (200, 200))
"""Of photos in negatives.zip: 4:3, 16:9, upright, square."""


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A picture of noise of every size per label, and a grey one; the split is given."""
    root = tmp_path_factory.mktemp("generated")
    chance = np.random.default_rng(5)
    for label in LABELS:
        for part in ("train", "val", "test"):
            (root / part / label).mkdir(parents=True)
            sizes = SIZES if part == "train" else {"odd": (40, 30)}
            for name, (width, height) in sizes.items():
                pixels = chance.integers(0, 256, (height, width, 3), np.uint8)
                path = root / part / label / f"{name}.png"
                Image.fromarray(pixels).save(path, compress_level=1)
        grey = chance.integers(0, 256, (97, 131), np.uint8)
        Image.fromarray(grey).save(root / "train" / label / "grey.png")
    return root


@pytest.fixture(scope="module")
def real(tmp_path_factory, shared_data):
    """Real photos, squares and others, and frames of clips; the split is given."""
    root = tmp_path_factory.mktemp("real")
    for label in LABELS:
        for part in ("train", "val", "test"):
            (root / part / label).mkdir(parents=True)
    with zipfile.ZipFile(shared_data / "cats-vs-dogs.zip") as archive:
        names = [name for name in archive.namelist() if "/Cat/" in name and name.endswith(".jpg")]
        for part, chosen in (("train", names[:8]), ("val", names[8:10]), ("test", names[10:12])):
            _extract(archive, chosen, root / part / "a")
    with zipfile.ZipFile(shared_data / "negatives.zip") as archive:
        found = {size_wh: [] for size_wh in REAL_SIZES}
        for name in archive.namelist():
            if "/houses/" in name and name.endswith(".jpg") and min(map(len, found.values())) < 4:
                size_wh = Image.open(io.BytesIO(archive.read(name))).size
                found.get(size_wh, []).append(name)
        for names in found.values():
            for part, chosen in (("train", names[:2]), ("val", names[2:3]), ("test", names[3:4])):
                _extract(archive, chosen, root / part / "b")
    for number, clip in enumerate(sorted((shared_data / "videos").glob("*cat*.mp4"))):
        capture = cv2.VideoCapture(str(clip))
        cv2.imwrite(str(root / f"train/b/clip {number}.png"), capture.read()[1])
        capture.release()
    return root


def _extract(archive, names, folder):
    for name in names:
        (folder / name.replace("/", " ")).write_bytes(archive.read(name))


def prepared_by(root, output, **options):
    """Do what `edge train` does before the first step; only the network is left away."""
    options = TrainOptions("cnn", SIDE, epochs=1, batch_size=2, **options)
    console = Console(file=io.StringIO())
    progress = TrainProgress(clock=ManualClock(), console=console)
    return prepare(TrainRequest(root, output, options), progress, begin=lambda plan: plan)


def trained_on(prepared):
    """Return the pictures that the network learns from in an epoch."""
    plan = prepared.plan
    batches = make_batches(plan.settings, plan.labels, prepared.parts.train)
    return [picture for batch in batches.epoch(1) for picture in batch.pixels_rgb]


def as_written(spec):
    """Return what `edge convert` reads of the manifest that `edge train` writes."""
    return InputSpec.from_dict(json.loads(json.dumps(describe_input(spec))))


def checked_with(paths, spec):
    """Return what the converter feeds to a converted model."""
    labels = name_labels(spec)
    pictures = [
        RunPicture(path, labels[0], "validation", hashlib.sha256(path.read_bytes()).hexdigest())
        for path in paths
    ]
    loaded = load_pictures(pictures, labels=labels, spec=spec)
    judge = Judge(loaded, labels, spec, np.ones((len(paths), len(labels)), np.float32))
    measured = judge.measure("int8", build_pixel_model(spec), dtype="uint8")
    return [picture_of(scores, spec) for scores in measured.scores]


def run_with(paths, spec, file):
    """Return what the device feeds to the model of a file that carries this input."""
    model = write_pixel_model(file, spec)
    with Classifier(model, open_interpreter(model.model_bytes)) as classifier:
        seen = [classifier.classify(read_picture(path)).scores for path in paths]
    return [picture_of(scores, model.manifest.input) for scores in seen]


def check_agreement(root, tmp_path, *, resize, region):
    """Hold what is learned from without augmentation against the converter and the device."""
    prepared = prepared_by(root, tmp_path / "run", resize=resize, region=region, augment="none")
    spec = as_written(prepared.plan.settings.input)
    assert (spec.resize, str(spec.region)) == (resize, region)
    paths = [root / entry.path for entry in prepared.plan.split.part("train")]
    seen = run_with(paths, spec, tmp_path / "pixels.tflite")
    checked = checked_with(paths, spec)
    for path, on_device, by_converter in zip(paths, seen, checked, strict=True):
        np.testing.assert_array_equal(on_device, fit_frame(read_picture(path), spec=spec))
        np.testing.assert_array_equal(by_converter, on_device, err_msg=path.name)
    names = {}
    for path, on_device in zip(paths, seen, strict=True):
        names[on_device.tobytes()] = names[on_device[:, ::-1].tobytes()] = path
    learned = [names.get(picture.tobytes()) for picture in trained_on(prepared)]
    assert None not in learned  # as the device sees it, or its mirror image
    assert len(set(learned)) == len(learned) == len(paths) // 2 * 2
    validation = [root / entry.path for entry in prepared.plan.split.part("validation")]
    for path, pixels_rgb in zip(validation, prepared.parts.validation.pixels_rgb, strict=True):
        np.testing.assert_array_equal(pixels_rgb, fit_frame(read_picture(path), spec=spec))
    return [read_picture(path).shape[1::-1] for path in paths]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_training_converter_and_device_see_the_same_pixels(generated, tmp_path, resize, region):
    sizes_wh = check_agreement(generated, tmp_path, resize=resize, region=region)
    assert len(sizes_wh) == len(LABELS) * (len(SIZES) + 1)


@pytest.mark.parametrize("region", REGIONS[:2])
@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_training_converter_and_device_see_the_same_of_real_photos(real, tmp_path, resize, region):
    sizes_wh = check_agreement(real, tmp_path, resize=resize, region=region)
    assert {(180, 180), (1280, 720), (720, 1232), *REAL_SIZES} <= set(sizes_wh)


@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_what_is_cropped_at_random_is_the_same_frame_but_larger(generated, tmp_path, resize):
    region = REGIONS[1]
    prepared = prepared_by(generated, tmp_path / "run", resize=resize, region=region)
    assert prepared.plan.settings.augment == "door"
    side = round(SIDE * CACHE_SCALE)
    spec = InputSpec(side, side, resize=resize, region=prepared.plan.settings.input.region)
    entries = prepared.plan.split.part("train")
    for entry, pixels_rgb in zip(entries, prepared.parts.train.pixels_rgb, strict=True):
        expected = fit_frame(read_picture(generated / entry.path), spec=spec)
        np.testing.assert_array_equal(pixels_rgb, expected, err_msg=entry.path)


@pytest.mark.parametrize("size_wh", [(SIDE, SIDE), (180, 180), (701, 701)])
def test_of_a_square_photo_all_modes_make_the_same(size_wh):
    """So that a network learns the same of it, whatever it is going to see frames with."""
    photo = np.random.default_rng(3).integers(0, 256, (*size_wh, 3), np.uint8)
    fitted = [fit_frame(photo, spec=InputSpec(SIDE, SIDE, resize=mode)) for mode in RESIZE_MODES]
    assert all(np.array_equal(fitted[0], other) for other in fitted)

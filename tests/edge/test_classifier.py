import dataclasses

import numpy as np
import pytest
from colour_model import LABELS, picture_bgr, write_colour_model

from edge.classifier import Classifier, input_filler, open_classifier
from edge.errors import ModelFileError, SettingError
from edge.interpreter import open_interpreter
from edge.manifest import RESIZE_MODES, InputSpec, Region
from edge.metrics import apply_temperature
from edge.modelfile import read_model_file
from edge.preprocess import describe_framing, fit_frame
from edge.testing import FakeInterpreter, fake_model


@pytest.fixture
def path(tmp_path):
    return write_colour_model(tmp_path / "colours.tflite")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_classify_says_the_colour(tmp_path, dtype):
    path = write_colour_model(tmp_path / "colours.tflite", dtype=dtype)
    with open_classifier(path) as classifier:
        for label in LABELS:
            prediction = classifier.classify(picture_bgr(label))
            assert (prediction.label, prediction.top_label) == (label, label)
            assert prediction.score == pytest.approx(0.965, abs=0.005)
            assert prediction.scores.dtype == np.float32
            assert prediction.inference_ms > 0


def test_score_below_its_threshold_is_unknown(tmp_path):
    path = write_colour_model(
        tmp_path / "colours.tflite", thresholds={"red": 0.99, "green": 0.5, "blue": 0.5}
    )
    with open_classifier(path) as classifier:
        red = classifier.classify(picture_bgr("red"))
        assert (red.label, red.top_label) == ("unknown", "red")
        assert classifier.classify(picture_bgr("green")).label == "green"


def test_temperature_is_applied_to_the_scores(tmp_path):
    path = write_colour_model(tmp_path / "colours.tflite")
    softened = write_colour_model(tmp_path / "softened.tflite", temperature=2.0)
    with open_classifier(path) as plain, open_classifier(softened) as soft:
        scores = plain.classify(picture_bgr("blue")).scores
        expected = apply_temperature(scores, 2.0)
        np.testing.assert_allclose(soft.classify(picture_bgr("blue")).scores, expected)


def test_scores_of_a_prediction_outlive_the_next_frame(path):
    with open_classifier(path) as classifier:
        first = classifier.classify(picture_bgr("red"))
        classifier.classify(picture_bgr("green"))
        assert first.scores.argmax() == LABELS.index("red")


@pytest.mark.parametrize(
    "frame_bgr",
    [
        np.zeros((48, 64), np.uint8),  # grey
        np.zeros((48, 64, 4), np.uint8),  # with alpha
        np.zeros((48, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),  # empty
    ],
)
def test_frames_of_another_kind_are_refused(path, frame_bgr):
    with (
        open_classifier(path) as classifier,
        pytest.raises(SettingError, match=r"\(height, width, 3\), uint8"),
    ):
        classifier.classify(frame_bgr)


def test_frames_may_be_views_of_any_size(path):
    frame_bgr = np.zeros((120, 161, 3), np.uint8)
    frame_bgr[..., 2] = 255
    with open_classifier(path) as classifier:
        for view in (frame_bgr[::2, ::-1], frame_bgr[:1], frame_bgr[:, :1], frame_bgr[3:90, 7:9]):
            assert classifier.classify(view).label == "red"


def test_manifest_that_does_not_fit_the_model_is_refused(path):
    model = read_model_file(path)
    interpreter = open_interpreter(model.model_bytes)
    other = dataclasses.replace(model.manifest, input=InputSpec(16, 16))
    with pytest.raises(ModelFileError, match=r"input must be.*16, 16.*Received: \(\(1, 6, 8, 3\)"):
        Classifier(dataclasses.replace(model, manifest=other), interpreter)


def test_labels_that_do_not_fit_the_model_are_refused():
    with pytest.raises(ModelFileError, match=r"output must be.*\(2,\).*Received: \(3,\)"):
        Classifier(fake_model(("cat", "dog")), FakeInterpreter([(0.1, 0.2, 0.7)]))


def test_frames_reach_the_tensor_as_fit_frame_makes_them():
    frame_bgr = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    expected_rgb = fit_frame(frame_bgr, spec=InputSpec(8, 6))
    tensor = np.zeros((6, 8, 3), np.uint8)
    input_filler(InputSpec(8, 6))(frame_bgr, tensor)
    np.testing.assert_array_equal(tensor, expected_rgb)


def test_signed_tensors_get_pixels_less_128():
    frame_bgr = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    tensor = np.zeros((16, 16, 3), np.int8)
    input_filler(InputSpec(16, 16, dtype="int8"))(frame_bgr, tensor)
    expected = fit_frame(frame_bgr, spec=InputSpec(16, 16)).astype(np.int16) - 128
    np.testing.assert_array_equal(tensor, expected)


def test_float_tensors_are_scaled_by_mean_and_scale():
    frame_bgr = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    tensor = np.zeros((6, 8, 3), np.float32)
    input_filler(InputSpec(8, 6, dtype="float32", mean=10.0, scale=4.0))(frame_bgr, tensor)
    expected = (fit_frame(frame_bgr, spec=InputSpec(8, 6)).astype(np.float32) - 10) / 4
    np.testing.assert_allclose(tensor, expected)


def test_wrong_settings_are_found_before_the_model_is_read(tmp_path):
    with pytest.raises(SettingError, match="from 1 to 64"):
        open_classifier(tmp_path / "absent.tflite", threads=0)
    with pytest.raises(SettingError, match="runtime must be one of"):
        open_classifier(tmp_path / "absent.tflite", runtime="onnx")


FRAMINGS = [
    InputSpec(8, 6, resize=resize, region=region)
    for resize in RESIZE_MODES
    for region in (Region(), Region(0.5, 0.0, 1.0, 1.0))
]


@pytest.mark.parametrize("spec", FRAMINGS, ids=describe_framing)
def test_classify_feeds_the_frame_as_the_manifest_says(spec):
    frame_bgr = np.random.default_rng(2).integers(0, 256, (48, 64, 3), np.uint8)
    model = fake_model(("a", "b"), size_wh=(8, 6))
    model = dataclasses.replace(model, manifest=dataclasses.replace(model.manifest, input=spec))
    interpreter = FakeInterpreter([(0.5, 0.5)], size_wh=(8, 6))
    with Classifier(model, interpreter) as classifier:
        classifier.classify(frame_bgr)
        fitted_rgb = fit_frame(frame_bgr, spec=spec)
        classifier.classify_fitted(np.ascontiguousarray(fitted_rgb[:, :, ::-1]))
    np.testing.assert_array_equal(interpreter.seen[0], fitted_rgb)
    np.testing.assert_array_equal(interpreter.seen[1], fitted_rgb)  # no region is cut out again

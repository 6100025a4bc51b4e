import numpy as np
import pytest
from colour_model import picture_bgr, write_colour_model
from PIL import Image

from edge.classifier import open_classifier
from edge.errors import DataError, SettingError
from edge.evaluation import evaluate_pictures, find_labelled_pictures

LABELS = ("red", "green", "blue")


@pytest.fixture
def folder(tmp_path):
    """Two reds, one blue, a green that lies among the blues and one that is nearly grey."""
    folder = tmp_path / "pictures"
    for name, colour in (
        ("Red/1.png", "red"),
        ("Red/deep/2.png", "red"),
        ("blue/1.png", "blue"),
        ("blue/2.png", "green"),
    ):
        save(folder / name, picture_bgr(colour))
    save(folder / "blue/3.png", np.full((8, 8, 3), (140, 128, 128), np.uint8))
    return folder


def save(path, pixels_bgr):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels_bgr[:, :, ::-1])).save(path)


def evaluate(tmp_path, pictures, **options):
    with open_classifier(write_colour_model(tmp_path / "colours.tflite")) as classifier:
        return evaluate_pictures(classifier, pictures, **options)


def test_folders_may_be_a_subset_of_the_labels_in_any_case(folder):
    found = find_labelled_pictures(folder, labels=LABELS)
    assert [(picture.path.relative_to(folder).as_posix(), picture.label) for picture in found] == [
        ("Red/1.png", "red"),
        ("Red/deep/2.png", "red"),
        ("blue/1.png", "blue"),
        ("blue/2.png", "blue"),
        ("blue/3.png", "blue"),
    ]


def test_counts_apply_the_thresholds(tmp_path, folder):
    judged = []
    found = evaluate(
        tmp_path,
        find_labelled_pictures(folder, labels=LABELS),
        when_judged=lambda: judged.append(1),
    )
    assert found.result.confusion.tolist() == [[2, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1]]
    assert found.result.accuracy == pytest.approx(3 / 5)
    assert found.result.top1_accuracy == pytest.approx(4 / 5)
    assert found.result.rejected == 1
    assert len(judged) == 5
    assert found.skipped == ()


def test_unreadable_pictures_are_skipped_and_named(tmp_path, folder):
    (folder / "Red/html.jpg").write_text("<html>404</html>")
    found = evaluate(tmp_path, find_labelled_pictures(folder, labels=LABELS))
    assert found.result.images == 5
    assert [(skip.path.name, skip.reason) for skip in found.skipped] == [
        ("html.jpg", "it holds text (HTML or XML)")
    ]


def test_other_names_are_mapped(folder):
    (folder / "Red").rename(folder / "Tomatoes")
    found = find_labelled_pictures(folder, labels=LABELS, mapping={"tomatoes": "Red"})
    assert sum(picture.label == "red" for picture in found) == 2


@pytest.mark.parametrize(
    ("mapping", "error", "message"),
    [
        ({}, DataError, "one of the model's labels: red, green, blue. Received: tomatoes"),
        ({"tomatoes": "crimson"}, SettingError, "red, green, blue. Received: tomatoes=crimson"),
    ],
)
def test_folder_that_stands_for_no_label_is_an_error(folder, mapping, error, message):
    (folder / "Red").rename(folder / "tomatoes")
    with pytest.raises(error, match=message):
        find_labelled_pictures(folder, labels=LABELS, mapping=mapping)


def test_hidden_folders_are_left_out(folder):
    (folder / ".cache").mkdir()
    assert len(find_labelled_pictures(folder, labels=LABELS)) == 5


def test_absent_and_empty_folders_are_errors(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        find_labelled_pictures(tmp_path / "absent", labels=LABELS)
    with pytest.raises(DataError, match="no subfolder"):
        find_labelled_pictures(tmp_path, labels=LABELS)


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "pictures/red").mkdir(parents=True)
    (tmp_path / "pictures/red/empty.jpg").touch()
    pictures = find_labelled_pictures(tmp_path / "pictures", labels=LABELS)
    with pytest.raises(DataError, match="1 picture files, 1 of them unreadable"):
        evaluate(tmp_path, pictures)

"""A file that loses too much is not written, and the report says where it loses and what helps."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from convert.conversion import Settings, convert_run
from convert.gate import AGREEMENT, RECALL, Limits, Loss
from convert.metadata import Provenance
from convert.modes import AUTO_ORDER, MODES
from convert.package import write_package
from convert.refusal import Flip, give_advice
from convert.run_folder import read_run
from edge.cli import main
from edge.errors import ParityError
from edge.modelfile import read_model_file

LEARNING = ("--epochs", "3", "--learning-rate", "1e-3")
ONE_PICTURE = ("--max-drop", "4", "--min-agreement", "0.97")  # or two, of 60 of a label


def call(*arguments):
    """Run the command line in this process; return exit code and standard output."""
    held = io.StringIO()
    with contextlib.redirect_stdout(held):
        code = main(["convert", *map(str, arguments)])
    return code, held.getvalue()


@pytest.fixture(scope="module")
def refused(hard_runs, tmp_path_factory):
    """A folder with an older file, after an int8 conversion was refused, and its report."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "m.tflite").write_bytes(b"older")
    code, text = call(
        *(hard_runs[3], "-o", folder / "m.tflite", "--overwrite"),
        *("--quantize", "int8", "--json"),
    )
    assert code == 1
    return folder, json.loads(text)


def test_refused_file_is_not_written_and_the_older_one_stays(refused):
    folder, report = refused
    assert [path.name for path in folder.iterdir()] == ["m.tflite"]
    assert (folder / "m.tflite").read_bytes() == b"older"
    assert (report["path"], report["model_sha256"], report["size_bytes"]) == (None, None, None)


def test_refusal_counts_what_is_lost(refused):
    _, report = refused
    plain = report["models"]["int8"]
    losses = report["refusal"]["losses"]
    assert report["attempts"][0]["losses"] == losses
    assert {loss["figure"] for loss in losses} == {"accuracy", "recall", "agreement"}
    for loss in losses:
        if loss["figure"] == "accuracy":
            assert loss["after"] / loss["pictures"] == pytest.approx(plain["accuracy"])
        if loss["figure"] == "recall":
            recall = plain["recall"][loss["label"]]
            assert loss["after"] / loss["pictures"] == pytest.approx(recall)
        if loss["figure"] == "agreement":
            assert loss["after"] / loss["pictures"] == pytest.approx(plain["agreement"])


def test_refusal_names_the_layers_that_were_badly_set(refused):
    layers = refused[1]["refusal"]["layers"]
    # The last layer takes back what the channels before it are apart; both have no fine steps left.
    assert [layer["layer"] for layer in layers[:2]] == ["last_layer", "last_convolution"]
    assert [layer["operator"] for layer in layers[:2]] == ["FULLY_CONNECTED", "CONV_2D"]
    assert layers[0]["error"] > 0.1
    assert len({layer["layer"] for layer in layers}) == 5


def test_refusal_names_the_pictures_that_flipped(refused, hard_runs):
    _, report = refused
    flips = report["refusal"]["flips"]
    validation = {str(picture.path) for picture in read_run(hard_runs[3]).part("validation")}
    disagreed = next(loss for loss in report["refusal"]["losses"] if loss["figure"] == "agreement")
    assert len(flips) == disagreed["before"] - disagreed["after"] > 0
    for flip in flips:
        assert flip["path"] in validation
        assert f"/{flip['label']}/" in flip["path"]
        assert flip["before"] != flip["after"]
        assert 0 < flip["after_score"] <= 1
    became_wrong = [flip["before"] == flip["label"] for flip in flips]
    assert became_wrong == sorted(became_wrong, reverse=True)


def test_what_the_advice_says_is_accepted(refused, hard_runs, tmp_path):
    advice = refused[1]["refusal"]["advice"]
    assert "--quantize qat" in advice[0]
    words = advice[-1].rstrip(".").split()
    limits = words[words.index("--max-drop") :]
    path = tmp_path / "m.tflite"
    code, text = call(hard_runs[3], "-o", path, "--quantize", "int8", "--json", *limits)
    report = json.loads(text)
    assert code == 0
    assert report["refusal"] is None
    gate = read_model_file(path).manifest.quantization["gate"]
    assert gate == report["gate"]
    assert gate["max_drop"] == float(limits[1]) > 0.5


def test_refusal_for_people(hard_runs, tmp_path, capfd):
    path = tmp_path / "m.tflite"
    assert main(["convert", str(hard_runs[3]), "-o", str(path), "--quantize", "int8"]) == 1
    out, err = capfd.readouterr()
    for text in (
        "int8 (refused)",
        "refused: accuracy falls by",
        "of 180 pictures are right)",
        "layers that 8 bits hurt most",
        "float network says",
        "validation-",
        "What to try:",
        "- Try --quantize qat",
        "Take more photos: a single picture weighs",
        "With --report FILE.html a page shows these pictures.",
    ):
        assert text in out
    assert "A file must be as good as its float network, but for --max-drop 0.5" in err
    assert "Received: with --quantize int8: accuracy falls by" in err
    assert "Nothing was written." in err
    assert "TensorFlow" not in err  # no chatter of native libraries
    assert list(tmp_path.iterdir()) == []


def test_auto_goes_on_to_learning_which_earns_what_rounding_loses(hard_runs, tmp_path):
    path = tmp_path / "m.tflite"
    code, text = call(
        hard_runs[3], "-o", path, "--quantize", "auto", "--json", *LEARNING, *ONE_PICTURE
    )
    report = json.loads(text)
    assert code == 0
    original, plain, qat = (report["models"][name] for name in ("float32", "int8", "qat"))
    assert plain["accuracy"] < original["accuracy"] - 0.05
    assert qat["accuracy"] >= original["accuracy"] - 0.02
    assert [(attempt["mode"], attempt["passed"]) for attempt in report["attempts"]] == [
        ("int8", False),
        ("qat", True),
    ]
    assert "accuracy falls by" in report["attempts"][0]["reason"]
    assert "in agreement with the float network on" in report["attempts"][1]["reason"]
    assert (report["quantize"], report["deployed"], report["warnings"]) == ("auto", "qat", [])
    manifest = read_model_file(path).manifest
    assert manifest.input.dtype == "uint8"
    assert (manifest.quantization["asked"], manifest.quantization["mode"]) == ("auto", "qat")
    assert manifest.quantization["attempts"] == report["attempts"]


def test_auto_ends_with_floats_and_warns_of_them(hard_runs, tmp_path, capfd):
    path = tmp_path / "m.tflite"
    assert main(["convert", str(hard_runs[5]), "-o", str(path), "--quantize", "auto"]) == 0
    out, err = capfd.readouterr()
    assert "auto: int8 is not good enough: accuracy falls by" in out
    assert "auto: qat is not good enough: accuracy falls by" in out
    assert "auto: dynamic is good enough: right on" in out
    assert "WARNING: the file computes with floats, 8-bit weights" in err
    assert "Edge TPU" in err
    manifest = read_model_file(path).manifest
    assert (manifest.quantization["mode"], manifest.input.dtype) == ("dynamic", "float32")
    assert "fine_tuning" not in manifest.quantization


def test_auto_stops_at_int8_where_that_is_good_enough(run_folder, tmp_path):
    code, text = call(run_folder, "-o", tmp_path / "m.tflite", "--quantize", "auto", "--json")
    report = json.loads(text)
    assert code == 0
    assert [attempt["mode"] for attempt in report["attempts"]] == ["int8"]
    assert list(report["models"]) == ["float32", "int8"]


def test_auto_passes_over_a_mode_that_cannot_be_made(odd_run, tmp_path):
    """Of a network with a layer that tfmot does not know."""
    code, text = call(
        *(odd_run, "-o", tmp_path / "m.tflite", "--quantize", "auto", "--json"),
        *("--max-drop", "0", "--min-agreement", "1"),
    )
    report = json.loads(text)
    found = {attempt["mode"]: attempt for attempt in report["attempts"]}
    assert code == 0
    assert found["qat"]["state"] is None
    assert "cannot be made" in found["qat"]["reason"]
    assert report["deployed"] in AUTO_ORDER[2:]


def test_package_of_a_refused_conversion_is_not_written(hard_runs, tmp_path):
    run = read_run(hard_runs[5])
    settings = Settings(mode="int8")
    conversion = convert_run(run, settings=settings)
    with pytest.raises(ParityError, match="Nothing was written"):
        write_package(
            tmp_path / "m.tflite",
            conversion,
            run=run,
            settings=settings,
            provenance=Provenance("hard"),
        )
    assert list(tmp_path.iterdir()) == []


def flip(score):
    return Flip(Path("a.jpg"), "cat", "cat", score, "dog", 0.6)


def test_advice_explains_what_one_picture_weighs():
    losses = [
        Loss(RECALL, "cat", before=20, after=19, pictures=20, limit=0.5),
        Loss(AGREEMENT, None, before=60, after=59, pictures=60, limit=0.99),
    ]
    advice = give_advice("qat", losses, Limits(), [flip(0.55)])
    assert "--epochs 3 --learning-rate 1e-3" in advice[0]
    assert advice[1] == (
        "Take more photos: a single picture weighs 5 points of the recall of 'cat' (20 pictures), "
        "1.67 points of agreement (60 pictures) here; from 200 validation pictures of each label "
        "and 100 in all on, one is within the limits."
    )
    assert "in 1 of 1 the float network itself was not sure" in advice[2]
    assert advice[3].endswith("--max-drop 5 --min-agreement 0.983.")


def test_advice_on_many_pictures_does_not_ask_for_more():
    losses = [Loss(AGREEMENT, None, before=2000, after=1900, pictures=2000, limit=0.99)]
    advice = give_advice("int8", losses, Limits(), [flip(0.9)])
    assert len(advice) == 2
    assert "photos" not in " ".join(advice)


def test_advice_under_limits_that_nothing_meets_by_more_photos():
    losses = [Loss(RECALL, "cat", before=20, after=19, pictures=20, limit=0.0)]
    advice = give_advice("float32", losses, Limits(max_drop=0), [])
    assert advice[0] == (
        "Allow for one picture: a single picture weighs 5 points of the recall of 'cat' "
        "(20 pictures) here, and these limits let none through."
    )


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "float32"])
def test_every_mode_has_a_next_step(mode):
    losses = [Loss(AGREEMENT, None, before=2000, after=1900, pictures=2000, limit=0.99)]
    advised = give_advice(mode, losses, Limits(), [])[0]
    assert advised.startswith("Try ")
    assert "--quantize" in advised

"""What a run folder must hold, and what is said when it does not."""

import json
import shutil

import pytest

from convert.run_folder import read_run
from edge.errors import RunFolderError


@pytest.fixture
def run_copy(run_folder, tmp_path):
    """A run folder to damage."""
    return shutil.copytree(run_folder, tmp_path / "run")


def change_facts(run, **changes):
    path = run / "manifest.json"
    facts = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(facts), encoding="utf-8")


def test_read_run_returns_what_training_wrote(run_folder):
    run = read_run(run_folder)
    assert run.name == "textures"
    assert run.labels == ("stripes", "rößchen dots", "plain")
    assert run.input.size_wh == (32, 32)
    assert (run.input.mean, run.input.scale) == (127.0, 128.0)
    assert run.is_complete
    assert len(run.part("train")) == 240
    assert len(run.part("validation")) == 180
    assert run.part("test")[0].path.is_absolute()


@pytest.mark.parametrize("name", ["manifest.json", "model.keras", "split.csv"])
def test_read_run_names_the_file_that_is_missing(run_copy, name):
    (run_copy / name).unlink()
    with pytest.raises(RunFolderError, match=f"A run folder must hold {name}"):
        read_run(run_copy)


def test_read_run_of_an_unfinished_training_says_how_to_finish_it(run_copy):
    (run_copy / "model.keras").unlink()
    change_facts(run_copy, status="interrupted")
    with pytest.raises(RunFolderError, match=r"status is 'interrupted'.*edge train .* --resume"):
        read_run(run_copy)


def test_read_run_takes_what_an_interrupted_training_reached(run_copy):
    change_facts(run_copy, status="interrupted")
    assert not read_run(run_copy).is_complete


def test_read_run_without_folder(tmp_path):
    with pytest.raises(RunFolderError, match=r"The run folder must exist.*which is not there"):
        read_run(tmp_path / "none")


def test_read_run_of_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="which is a file"):
        read_run(tmp_path / "file")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "not of the format catseye-run"),
        ({"format_version": 2}, "version 2"),
        ({"labels": ["one", "One"]}, "twice"),
        ({"labels": ["stripes"]}, "rößchen dots"),  # the split has more
        ({"labels": 3}, "wrong kind"),
        ({"input": {"width": 0, "height": 32}}, r"input\.width"),
        ({"input": {"wide": 32}}, "wide"),
        ({"data": {}}, "'root'"),
    ],
)
def test_read_run_refuses_a_manifest_that_it_does_not_understand(run_copy, changes, said):
    change_facts(run_copy, **changes)
    with pytest.raises(RunFolderError, match=said):
        read_run(run_copy)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_read_run_refuses_a_manifest_that_is_no_object(run_copy, text):
    (run_copy / "manifest.json").write_text(text)
    with pytest.raises(RunFolderError, match=r"manifest\.json"):
        read_run(run_copy)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\na.png,plain\n", "table cannot be read"),  # columns missing
        ("path,label,part,sha256\na.png,plain,training,0\n", "'training'"),
        ("path,label,part,sha256\na.png,plain,train,0\n", "no picture in part 'validation'"),
        ("path,label,part,sha256\n", "no picture in part 'train'"),
    ],
)
def test_read_run_refuses_a_split_that_it_does_not_understand(run_copy, text, said):
    (run_copy / "split.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=said):
        read_run(run_copy)

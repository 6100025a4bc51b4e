"""A checkpoint is complete or not there; a run folder is not touched unasked."""

from dataclasses import replace

import numpy as np
import pytest

from edge.errors import RunFolderError
from train.checkpoint import (
    EpochRecord,
    TrainState,
    best_epoch,
    load_state,
    path_before,
    save_state,
    write_atomically,
)
from train.networks import find_network
from train.run_folder import (
    RunFolder,
    check_is_free,
    clear,
    read_settings,
    remove_checkpoint,
    write_settings,
)
from train.settings import TrainOptions, settle
from train.tables import read_skipped, write_history, write_skipped


def record(epoch, val_loss=1.0):
    return EpochRecord(epoch, 0.5, 0.75, val_loss, 0.5, 1e-4, 40.0, 2.5)


@pytest.fixture
def state():
    weights = [np.arange(12, dtype=np.float32).reshape(3, 4), np.float32(7.0)]
    return TrainState(
        history=(record(1, 0.1 + 0.2), record(2)),
        weights=weights,
        best_weights=[array + 1 for array in weights],
        optimizer=[np.int64(9), np.zeros((0,), np.float32)],
    )


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "run")
    clear(run)
    return run


@pytest.fixture
def settings():
    return settle(TrainOptions("cnn"), find_network("cnn"), pictures=100)


def test_state_comes_back_bit_for_bit(tmp_path, state):
    save_state(tmp_path / "state.npz", state)
    loaded = load_state(tmp_path / "state.npz")
    assert loaded.history == state.history  # floats to the last digit
    for name in ("weights", "best_weights", "optimizer"):
        for one, two in zip(getattr(state, name), getattr(loaded, name), strict=True):
            assert one.dtype == two.dtype
            np.testing.assert_array_equal(one, two)
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_state_is_none_before_the_first_epoch(tmp_path):
    assert load_state(tmp_path / "state.npz") is None


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_damaged_state_is_refused(tmp_path, state, kept):
    path = tmp_path / "state.npz"
    save_state(path, state)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(RunFolderError, match=r"checkpoint .* Begin anew with --overwrite"):
        load_state(path)


def test_state_that_is_a_pickle_is_not_run(tmp_path):
    path = tmp_path / "state.npz"
    np.savez(path, history=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RunFolderError, match="pickle"):
        load_state(path)


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    write_atomically(path, b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(RunFolderError, match=r"No space left\. .*--resume"):
        write_atomically(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def next_state(state, epoch):
    """The state with another epoch, told apart by its weights."""
    return replace(state, weights=[np.full(4, epoch)], history=(*state.history, record(epoch)))


def test_state_before_is_kept(tmp_path, state):
    path = tmp_path / "state.npz"
    for epoch in (3, 4, 5):
        save_state(path, next_state(state, epoch))
    assert load_state(path).weights[0][0] == 5
    assert load_state(path_before(path)).weights[0][0] == 4
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped"])
def test_damaged_newest_state_falls_back_to_the_one_before(tmp_path, state, damage, caplog):
    path = tmp_path / "state.npz"
    save_state(path, next_state(state, 3))
    save_state(path, next_state(state, 4))
    content = bytearray(path.read_bytes())
    content[content.index(np.full(4, 4).tobytes())] ^= 1
    cut = {"empty": b"", "cut": content[:-9], "flipped": content}
    path.unlink()
    if damage != "missing":
        path.write_bytes(cut[damage])
    assert load_state(path).weights[0][0] == 3
    assert ("going on from the one before" in caplog.text) == (damage != "missing")


def test_no_flipped_bit_of_a_state_goes_unnoticed(tmp_path, state):
    """What is loaded is what was written, or nothing is loaded."""
    path = tmp_path / "state.npz"
    save_state(path, state)
    content = path.read_bytes()
    chance = np.random.default_rng(4)
    refused = 0
    for place in chance.integers(0, len(content), 400):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(chance.integers(8))
        path.write_bytes(damaged)
        try:
            loaded = load_state(path)
        except RunFolderError:
            refused += 1
        else:
            assert loaded.history == state.history
            for one, two in zip(loaded.weights, state.weights, strict=True):
                np.testing.assert_array_equal(one, two)
    assert refused > 100


def test_best_epoch_is_the_first_of_the_lowest_validation_loss():
    assert best_epoch(()) is None
    assert best_epoch([record(1, 0.9), record(2, 0.4), record(3, 0.4)]).epoch == 2


def test_run_folder_may_be_new_or_empty(tmp_path):
    check_is_free(RunFolder(tmp_path), is_overwriting=False)
    check_is_free(RunFolder(tmp_path / "new"), is_overwriting=False)


def test_run_folder_with_a_run_is_overwritten_only_when_asked(run):
    with pytest.raises(RunFolderError, match=r"holds a run. .* --resume, .* --overwrite"):
        check_is_free(run, is_overwriting=False)
    check_is_free(run, is_overwriting=True)


@pytest.mark.parametrize("is_overwriting", [False, True])
def test_run_folder_with_something_else_is_never_touched(tmp_path, is_overwriting):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunFolderError, match=r"holds something else. Name another folder with -o"):
        check_is_free(RunFolder(tmp_path), is_overwriting=is_overwriting)
    with pytest.raises(RunFolderError, match="holds something else"):
        check_is_free(RunFolder(tmp_path / "thesis.txt"), is_overwriting=is_overwriting)


def test_clear_takes_away_the_earlier_run_and_nothing_else(run):
    for path in (*run.files, run.path / "notes.txt", run.state):
        path.write_text("old")
    clear(run)
    assert sorted(path.name for path in run.path.iterdir()) == ["checkpoint", "notes.txt"]
    assert list(run.checkpoint.iterdir()) == []


def test_clear_says_that_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="must be writable"):
        clear(RunFolder(tmp_path / "file" / "run"))


def test_settings_come_back(run, settings):
    write_settings(run, settings)
    assert read_settings(run) == settings


def test_resume_says_that_there_is_nothing_to_resume(run, settings):
    with pytest.raises(RunFolderError, match=r"which holds none. Leave --resume away"):
        read_settings(run)
    write_settings(run, settings)
    for path in (run.model, run.manifest):
        path.write_text("")
    remove_checkpoint(run)
    with pytest.raises(RunFolderError, match="which is complete"):
        read_settings(run)


@pytest.mark.parametrize("content", ["", "[]", '{"network": "cnn"}'])
def test_damaged_settings_are_refused(run, content):
    run.settings.write_text(content)
    with pytest.raises(RunFolderError, match=r"settings\.json.*--overwrite"):
        read_settings(run)


def test_tables_are_written(run):
    write_history(run.history, [record(1)])
    lines = run.history.read_text().splitlines()
    assert lines[0] == (
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,images_per_second,seconds,"
        "batch_size"
    )
    assert lines[1] == "1,0.5,0.75,1,0.5,0.0001,40,2.5,0"
    from train.scan import SkippedFile

    skipped = (SkippedFile("a,b.jpg", 'it says "no"'),)
    write_skipped(run.skipped, skipped)
    assert read_skipped(run.skipped) == skipped


def test_checkpoint_that_is_removed_in_part_is_not_begun_anew(run, settings, state, monkeypatch):
    """A kill after the first file: the run is complete, and says so."""
    write_settings(run, settings)
    save_state(run.state, state)
    for path in (run.model, run.manifest):
        path.write_text("")
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    remove_checkpoint(run)
    assert run.state.is_file()
    with pytest.raises(RunFolderError, match="which is complete"):
        read_settings(run)

"""`edge replay` as its users call it, with a model of one kilobyte and clips made here."""

import json
import shlex

import pytest
from clips import BLUE, GREEN, RED, write_picture, write_scene
from colour_model import LABELS, write_colour_model

from edge.cli import main

BLACK = (0, 0, 0)
HEADER = "clip,label,start_seconds,end_seconds\n"
SURE = "votes=1 window=1 period_seconds=0 leave_seconds=0 hysteresis=0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two clips: red that turns green, and blue; what is to be seen on the first; a model."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "clips").mkdir()
    write_scene(folder / "clips" / "porch.avi", [RED] * 10 + [GREEN] * 10)
    write_scene(folder / "clips" / "room.avi", [BLUE] * 10)
    rows = "porch.avi,red,0,1\nporch.avi,green,1,\n"
    (folder / "labels.csv").write_text(HEADER + rows)
    write_colour_model(folder / "colours.tflite")
    return folder


def replay(folder, *words, clips="clips", expect="labels.csv"):
    model = folder / "colours.tflite"
    return main(
        ["replay", str(folder / clips), "--expect", str(folder / expect), "-m", str(model), *words]
    )


def test_replay_says_what_was_right_late_and_false(capfd, folder):
    assert replay(folder) == 0
    shown = capfd.readouterr().out
    rows = [line.split() for line in shown.splitlines() if line.startswith((" porch", " room"))]
    assert [row[:3] for row in rows] == [
        ["porch.avi", "right", "red"],
        ["porch.avi", "right", "green"],
        ["room.avi", "false", "blue"],
    ]
    assert all(float(row[5]) < 1.0 for row in rows[:2])
    assert "nothing is expected on room.avi\n" in shown
    assert "2 clips: 2 of 2 appearances right, 0 missed, 0 wrong, 0 repeated, " in shown
    assert "too few: red: 1 of 1 appearances found; of many more it may be 21% to 100%" in shown
    assert "too few: no clip shows blue: nothing is known about finding it" in shown


def test_replay_writes_findings_and_a_summary_as_json(capfd, folder):
    assert replay(folder, "--json", "--cost", "false=7", "--evidence", SURE) == 0
    *findings, summary = map(json.loads, capfd.readouterr().out.splitlines())
    assert [(found["clip"], found["verdict"]) for found in findings] == [
        *(("porch.avi", "right"), ("porch.avi", "right"), ("room.avi", "false"))
    ]
    assert [found["late_seconds"] for found in findings] == [0.0, 0.0, None]
    assert (summary["type"], summary["right"], summary["false"]) == ("summary", 2, 1)
    assert (summary["cost"], summary["empty"]) == (7.0, ["room.avi"])
    assert summary["recorded_seconds"] == pytest.approx(3.0)


def test_what_tune_prints_makes_replay_cost_what_it_says(capfd, folder):
    assert replay(folder, "--tune", "--json", "--tries", "150") == 0
    tuning = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (tuning["type"], tuning["tried"]) == ("tuning", 150)
    assert tuning["cost_best"] < tuning["cost_before"]
    assert replay(folder, *shlex.split(tuning["options"]), "--json") == 0
    summary = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert summary["cost"] == pytest.approx(tuning["cost_best"])


def test_tune_shows_the_options_for_edge_run(capfd, folder):
    assert replay(folder, "--tune", "--tries", "100") == 0
    shown = capfd.readouterr().out
    assert "options for edge run" in shown
    assert "100 rules tried; cost " in shown
    assert "when each clip is judged by rules that the others chose" in shown


def test_tune_prints_options_that_hold_without_those_of_replay(capfd, folder):
    assert replay(folder, "--evidence", SURE, "--threshold", "red=0.9", "--json") == 0
    before = json.loads(capfd.readouterr().out.splitlines()[-1])
    tuned = ("--tune", "--tries", "1", "--json")
    assert replay(folder, "--evidence", SURE, "--threshold", "red=0.9", *tuned) == 0
    tuning = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert replay(folder, *shlex.split(tuning["options"]), "--json") == 0
    again = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert "--threshold red=0.9" in tuning["options"]
    assert again["late_seconds"] == before["late_seconds"]


def test_tune_on_one_clip_says_that_it_is_too_few(capfd, folder):
    assert replay(folder, "--tune", "--tries", "5", clips="clips/porch.avi") == 0
    assert "too few: one clip cannot say what its best rules do" in capfd.readouterr().out


def test_a_single_clip_takes_its_rows_and_leaves_those_of_others(capfd, folder):
    assert replay(folder, clips="clips/porch.avi") == 0
    shown = capfd.readouterr()
    assert "1 clip: 2 of 2 appearances right" in shown.out
    assert shown.err == ""


def test_a_single_clip_without_a_row_is_said_to_have_none(capfd, folder):
    assert replay(folder, clips="clips/room.avi") == 0
    shown = capfd.readouterr()
    assert "labels.csv has no row of room.avi: nothing is expected on it" in shown.err


def test_a_folder_with_one_clip_refuses_names_of_others(capfd, folder, tmp_path):
    (tmp_path / "porch.avi").symlink_to(folder / "clips" / "porch.avi")
    (tmp_path / "labels.csv").write_text(HEADER + "prch.avi,red,0,1\n")
    assert replay(folder, clips=tmp_path, expect=tmp_path / "labels.csv") == 1
    assert "Did you mean 'porch.avi'" in capfd.readouterr().err


def test_pictures_of_a_folder_are_frames_of_a_clip_a_second_apart(capfd, folder, tmp_path):
    for number in range(8):
        write_picture(tmp_path / "frames" / f"{number}.png", RED if number < 4 else BLACK)
    (tmp_path / "labels.csv").write_text(HEADER + "frames,red,0,4\n")
    words = ("--json", "--evidence", SURE)
    assert replay(folder, *words, clips=tmp_path / "frames", expect=tmp_path / "labels.csv") == 0
    finding, summary = map(json.loads, capfd.readouterr().out.splitlines())
    assert (finding["verdict"], finding["late_seconds"]) == ("right", 0.0)
    assert summary["recorded_seconds"] == 8.0


def test_rows_are_refused_before_any_clip_is_replayed(capfd, folder, tmp_path):
    rows = "porch.avi,rd,0,1\nproch.avi,red,0,1\nporch.avi,red,2,1\n"
    (tmp_path / "labels.csv").write_text(HEADER + rows)
    assert replay(folder, expect=tmp_path / "labels.csv") == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "Received: 3 mistakes:\n  line 2, label: " in said.err


def test_wrong_options_are_refused_with_the_right_ones(capfd, folder):
    assert replay(folder, "--cost", "mised=3") == 2
    assert "Did you mean missed" in capfd.readouterr().err
    assert replay(folder, "--picture", "dark=1") == 2
    assert "--picture takes NAME=VALUE" in capfd.readouterr().err
    assert replay(folder, "--threshold", f"{LABELS[0]}=2") == 2
    assert "--threshold must be a score from 0 to 1" in capfd.readouterr().err


def test_replay_of_the_real_clips_finds_what_a_person_saw_on_two_of_three(
    capfd, shared_data, repository
):
    expect = repository / "benchmarks" / "clips.csv"
    words = ["replay", str(shared_data / "videos"), "--expect", str(expect), "--json"]
    assert main(words) == 0
    *findings, summary = map(json.loads, capfd.readouterr().out.splitlines())
    assert len(summary["clips"]) == 5
    assert summary["appearances"] == 3
    assert len(summary["empty"]) == 2
    assert summary["right"] >= 2
    assert {found["clip"] for found in findings} <= set(summary["clips"])

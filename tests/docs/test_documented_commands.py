"""Runs the commands of the README and the guides, as they stand there, in one prepared folder.

What a test cannot run is listed with the reason; a command that is neither run nor listed fails.
"""

import csv
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from colour_model import build_colour_model, write_colour_model

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EDGE = Path(sys.executable).parent / "edge"

# First words of commands that need what a test does not have.
NOT_RUN = {
    "make": "run by tests/packaging",
    "sudo": "changes the machine",
    "pip": "run by tests/packaging in environments of their own",
    "python3": "makes an environment; run by tests/packaging",
    ".": "enters an environment",
    "source": "enters an environment",
    "git": "needs the network",
    "cd": "enters the clone",
    "scp": "needs a Raspberry Pi",
    "ssh": "needs a Raspberry Pi",
}
RUN = ("edge ", "python benchmarks/", "cp ", "truncate ")
CAMERA = {"--camera 0": "--source clip.avi --as-fast-as-possible"}
NO_HARDWARE = {"EDGE_SOURCE": "clip.avi", "EDGE_ACTIONS_DOOR_PIN": "file:pin.csv"}
NEEDS_DATA = "pets-data"  # commands on the embedded model's data take an hour
# Run by tests of their own, in folders of their own.
OWN_TEST = ("collect.md", "replay.md", "pet-door.md", "service.md")
# Scripts, of which test_pet_door_page and test_service_page run every line but those of NOT_RUN.
SCRIPTS = ("pet-door.md", "service.md")
NEEDS_PI = (
    "edge run --source picamera2:",
    "libcamerify",
    "rpicam",
    "v4l2-ctl",
    "vcgencmd",
    "uname",
    "getconf",
    "cat /etc",
)


def shell_lines(page: Path) -> list[str]:
    """Return the commands of a page's `sh` blocks, continuation lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


DOCUMENTED = [(page, line) for page in PAGES for line in shell_lines(page)]


def is_runnable(line: str) -> bool:
    """Whether a documented command is run here rather than listed with its reason."""
    return line.startswith(RUN) and not line.startswith(NEEDS_PI) and NEEDS_DATA not in line


def expected_code(line: str) -> int:
    """Return the exit code that a page tells of a command."""
    if line.startswith(("edge check", "edge status", "edge door")):
        return 1  # here are neither the camera nor the pin of the door, and nothing runs
    return int(line.startswith("edge ") and "damaged.tflite" in line)


def texture(generator: np.random.Generator, label: str) -> np.ndarray:
    """Make a picture of an easy texture: horizontal or vertical stripes, or noise."""
    wave = np.sin(np.arange(96) / generator.uniform(1.5, 3.0)) * 100 + 128
    picture = np.tile(wave, (96, 1)) if label == "mine" else np.tile(wave[:, None], (1, 96))
    if label == "none":
        picture = np.full((96, 96), generator.uniform(60, 200))
    noisy = picture[:, :, None] + generator.normal(0, 12, (96, 96, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """Return a folder with the files that the guides speak of."""
    folder = tmp_path_factory.mktemp("guide")
    generator = np.random.default_rng(3)
    for label in ("mine", "other", "none"):
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(24):
            path = folder / "photos" / label / f"house{number % 12}_{number:02d}.png"
            cv2.imwrite(str(path), texture(generator, label))
    cv2.imwrite(str(folder / "cat.jpg"), texture(generator, "mine"))
    writer = cv2.VideoWriter(
        str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 96)
    )
    for _ in range(12):
        writer.write(texture(generator, "mine"))
    writer.release()
    (folder / "clips").mkdir()
    (folder / "clips" / "porch.avi").write_bytes((folder / "clip.avi").read_bytes())
    (folder / "labels.csv").write_text("clip,label,start_seconds,end_seconds\nporch.avi,cat,0.2,\n")
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks")
    (folder / "foreign.tflite").write_bytes(build_colour_model())
    (folder / "labels.txt").write_text("red\ngreen\nblue\n")
    if importlib.util.find_spec("tensorflow") is not None:
        write_keras_file(folder)
    return folder


def write_keras_file(folder: Path) -> None:
    """Train a network elsewhere, as it were, and write it with its labels."""
    from keras_models import build, fit
    from texture_runs import SIDE

    labels = ("mine", "none", "other")
    paths = [
        (path, place)
        for place, name in enumerate(labels)
        for path in (folder / "photos" / name).iterdir()
    ]
    pixels_rgb = [cv2.resize(cv2.imread(str(path)), (SIDE, SIDE))[:, :, ::-1] for path, _ in paths]
    network = build("keras")
    fit(network, np.stack(pixels_rgb), np.array([place for _, place in paths]), epochs=12)
    network.save(folder / "mine.keras")
    (folder / "mine.txt").write_text("\n".join(labels))


def run(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a documented command with this environment's `edge` and Python."""
    for documented, stand_in in CAMERA.items():
        line = line.replace(documented, stand_in)
    words = [str(EDGE) if word == "edge" else word for word in shlex.split(line)]
    words = [sys.executable if word == "python" else word for word in words]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), **variables}
    return subprocess.run(
        words,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def test_every_documented_command_is_run_or_listed():
    for page, line in DOCUMENTED:
        if page.name in SCRIPTS:
            continue
        word = line.split()[0]
        is_listed = word in NOT_RUN or line.startswith(NEEDS_PI) or NEEDS_DATA in line
        assert is_runnable(line) or is_listed, f"{page.name}: {line}"


PATHS = {
    "maker": ("train", "convert", "evaluate", "run"),
    "door": ("init", "check", "run", "run"),
}


def test_door_path_of_the_readme(workplace):
    """A clip stands for the camera, and a file for the pin."""
    lines = [line for line in shell_lines(ROOT / "README.md") if is_runnable(line)]
    for line in lines[-len(PATHS["door"]) :]:
        done = run(line, workplace, **NO_HARDWARE)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
    assert (workplace / "pin.csv").read_text().endswith(",0\n")


@pytest.mark.slow
def test_maker_path_of_the_readme(workplace):
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    lines = [line for line in shell_lines(ROOT / "README.md") if is_runnable(line)]
    assert [line.split()[1] for line in lines] == [*PATHS["maker"], *PATHS["door"]]
    for line in lines[: len(PATHS["maker"])]:
        done = run(line, workplace)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


# Where there are real photos, test_guide_on_real_photos_shows_what_it_says runs the guide on them.
RUN_ELSEWHERE = ("README.md", *OWN_TEST, *(["guide.md"] if SHARED_DATA.is_dir() else []))
GUIDE_LINES = [
    pytest.param(page.name, line, id=f"{page.stem}: {line}"[:70])
    for page, line in DOCUMENTED
    if is_runnable(line) and page.name not in RUN_ELSEWHERE
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line"), GUIDE_LINES)
def test_command_of_a_guide(page, line, workplace):
    """Runs after the README's path, whose run folder and model the guides go on with."""
    if not (workplace / "pets.tflite").exists():
        pytest.skip("the README's path did not make a model")
    done = run(line, workplace)
    assert done.returncode == expected_code(line), f"{page}: {line}\n{done.stdout}\n{done.stderr}"


GUIDE = ROOT / "docs" / "guide.md"
PHOTOS = 60  # of each label


@pytest.fixture(scope="module")
def real_photos(shared_data, tmp_path_factory):
    """Return a folder with real photos of cats and dogs, and one of a cat beside them."""
    folder = tmp_path_factory.mktemp("real")
    with zipfile.ZipFile(shared_data / "cats-vs-dogs.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        for label in ("Cat", "Dog"):
            own = [name for name in names if f"/{label}/" in name]
            for name in own[:: len(own) // PHOTOS][:PHOTOS]:
                path = folder / "photos" / label.casefold() / Path(name).name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
        unseen = next(name for name in names[1:] if "/Cat/" in name)
        (folder / "cat.jpg").write_bytes(archive.read(unseen))
    clip = shared_data / "videos" / "Sanskar-J__dog.mp4"
    (folder / "clip.avi").symlink_to(clip)
    return folder


@pytest.mark.slow
def test_guide_on_real_photos_shows_what_it_says(real_photos):
    """All four steps in order; without augmentation the network learns the photos by heart."""
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    lines = [line for line in shell_lines(GUIDE) if is_runnable(line)]
    verbs = [line.split()[1] for line in lines if line.startswith("edge ")]
    assert (verbs[:2], verbs[-6:-2]) == (["data"] * 2, ["convert", "classify", *["inspect"] * 2])
    assert verbs[-2:] == ["evaluate", "run"]
    said = {}
    for line in lines:
        done = run(line, real_photos)
        assert done.returncode == expected_code(line), f"{line}\n{done.stdout}\n{done.stderr}"
        said[line.split()[1]] = done.stdout
    seen, others = read_last_accuracy(real_photos / "run-plain")
    assert seen > 0.97  # by heart
    assert others < seen - 0.15
    assert read_last_accuracy(real_photos / "run-door")[0] < seen - 0.05
    assert (real_photos / "run-plain/augmentation.png").is_file()
    assert said["classify"].split()[1] in ("cat", "dog", "unknown")
    assert (real_photos / "guide.html").is_file()


def test_guide_shows_a_damaged_copy_refused(tmp_path):
    """The same lines with a small model, which takes no training."""
    write_colour_model(tmp_path / "guide.tflite")
    lines = [line for line in shell_lines(GUIDE) if line.startswith(("edge inspect", *RUN[2:]))]
    codes, said = [], []
    for line in lines:
        done = run(line, tmp_path)
        assert done.returncode == expected_code(line), f"{line}\n{done.stdout}\n{done.stderr}"
        codes.append(done.returncode)
        said.append(done.stdout)
    assert codes == [0, 0, 0, 1]
    assert said[0].startswith("guide.tflite: intact")
    assert f"```text\n{said[-1].splitlines()[0]}\n```" in GUIDE.read_text()
    refused = run("edge classify guide.tflite --model damaged.tflite", tmp_path)
    assert refused.returncode == 1
    assert "its zip tail is cut off or overwritten" in refused.stderr


def read_last_accuracy(folder: Path) -> list[float]:
    """Return the mean accuracy of the last epochs of a run, in training and in validation."""
    with (folder / "history.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-5:]
    return [
        sum(float(row[name]) for row in last) / len(last) for name in ("accuracy", "val_accuracy")
    ]


def test_pictures_of_the_pages_are_there():
    for page in PAGES:
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text()):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"


def test_first_program_of_the_readme_runs(workplace):
    block = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    program = block[1]
    assert len([line for line in program.splitlines() if line.strip()]) <= 8
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=workplace,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in ("cat", "dog", "none", "unknown")

"""A run folder of generated pictures and a small network, made once and shared."""

import pytest
from texture_runs import LABELS, SIDE, build_network, fit, write_pictures, write_run

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


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory, textures):
    """A finished run; tests that change it copy it first."""
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
    network = build_network()
    fit(network, pictures.pixels_rgb, pictures.truth)
    run = tmp_path_factory.mktemp("runs") / "run"
    write_run(run, root, rows, network)
    return run

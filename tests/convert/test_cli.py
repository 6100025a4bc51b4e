"""`edge convert` as a user calls it."""

import contextlib
import io
import json

import pytest

from edge.cli import main


def call(*arguments):
    """Run the command line in this process; return exit code and standard output."""
    held = io.StringIO()
    with contextlib.redirect_stdout(held):
        code = main(["convert", *map(str, arguments)])
    return code, held.getvalue()


@pytest.fixture(scope="session")
def converted(run_folder, tmp_path_factory):
    """A file made with quantization-aware training, and the JSON report."""
    path = tmp_path_factory.mktemp("models") / "textures.tflite"
    code, text = call(run_folder, "-o", path, "--json", "--author", "A. Uthor")
    assert code == 0
    return path, text


def test_convert_json_is_one_object_and_nothing_else(converted):
    path, text = converted
    report = json.loads(text)
    assert text.count("\n") == 1
    assert report["path"] == str(path)
    assert report["size_bytes"] == path.stat().st_size
    assert set(report["models"]) == {"float32", "int8", "qat"}

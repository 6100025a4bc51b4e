"""The report of a conversion as a page, and as JSON in the file."""

import contextlib
import errno
import io
import json
import re
import shutil
from pathlib import Path

import pytest

from edge.cli import main
from edge.interpreter import available_runtimes
from edge.modelfile import read_model_file


def call(*arguments):
    """Run the command line in this process; return exit code and standard output."""
    held = io.StringIO()
    with contextlib.redirect_stdout(held):
        code = main(["convert", *map(str, arguments)])
    return code, held.getvalue()


@pytest.fixture(scope="module")
def written(run_folder, tmp_path_factory):
    """A folder with a converted file and its page, and the report."""
    folder = tmp_path_factory.mktemp("page")
    code, text = call(
        *(run_folder, "-o", folder / "m.tflite", "--quantize", "int8", "--json"),
        *("--report", folder / "m.html"),
    )
    assert code == 0
    return folder, json.loads(text)


@pytest.fixture(scope="module")
def refused(hard_runs, tmp_path_factory):
    """A folder with the page of a file that was refused, and the report."""
    folder = tmp_path_factory.mktemp("refused")
    code, text = call(
        *(hard_runs[3], "-o", folder / "m.tflite", "--quantize", "int8", "--json"),
        *("--report", folder / "m.html"),
    )
    assert code == 1
    return folder, json.loads(text)


def read(folder):
    return (folder / "m.html").read_text(encoding="utf-8")


def test_report_tells_latency_operators_and_edge_tpu(written):
    _, report = written
    assert report["report"].endswith("m.html")
    rows = report["latency"]
    assert {row["runtime"] for row in rows} == set(available_runtimes())
    for row in rows:
        if row["reason"]:
            assert row["invoke_ms"] == {"p50": None, "p90": None}
        else:
            assert row["invocations"] >= 10
            assert 0 < row["invoke_ms"]["p50"] <= row["invoke_ms"]["p90"]
    assert next(row["threads"] for row in rows if row["runtime"] == "litert") == 1
    assert "cores" in report["machine"]
    names = {use["name"]: use for use in report["operators"]}
    assert names["CONV_2D"]["inputs"] == ["int8", "int8", "int32"]
    assert report["edge_tpu"]["on_tpu"] == report["edge_tpu"]["operators"]
    assert sum(use["count"] for use in report["operators"]) == report["edge_tpu"]["operators"]
    for reliability in report["reliability"].values():
        assert 0 <= reliability["error"] <= 1
        assert sum(one["count"] for one in reliability["bins"]) == 180


def test_report_is_in_the_file(written):
    folder, report = written
    found = read_model_file(folder / "m.tflite").manifest.quantization
    assert found["operators"] == report["operators"]
    assert found["edge_tpu"] == report["edge_tpu"]
    assert found["calibration"]["temperature"] == report["temperature"]
    for name in ("before", "after"):
        assert found["calibration"][name] == report["reliability"][name]
    assert found["measured"]["latency"] == report["latency"]
    assert found["measured"]["machine"] == report["machine"]
    times = {name: figures["latency_ms"] for name, figures in report["models"].items()}
    assert {
        name: figures["latency_ms"] for name, figures in found["measured"]["models"].items()
    } == times
    assert all("latency_ms" not in figures for figures in found["parity"]["models"].values())


def test_page_of_a_file_shows_the_report(written):
    folder, report = written
    page = read(folder)
    for text in (
        "<h1>m.tflite: how good it is</h1>",
        "int8 (in the file)",
        "int8, post-training: rounded as trained, nothing was learned.",
        "recall of rößchen dots",
        "Chosen for precision 0.95",
        "DEPTHWISE_CONV_2D",
        "operators would run on an Edge TPU",
        "not the compiler&#x27;s own verdict",
        report["network_sha256"],
        report["model_sha256"],
    ):
        assert text in page
    accuracy = f"{report['models']['int8']['accuracy'] * 100:.2f} %"
    assert f"<b>{accuracy}</b>" in page
    assert "What to try" not in page


def test_page_of_a_refused_file_shows_where_it_loses(refused):
    folder, report = refused
    refusal, page = report["refusal"], read(folder)
    assert [path.name for path in folder.iterdir()] == ["m.html"]
    assert "<h1>m.tflite: why it was not written</h1>" in page
    for text in ("Refused: accuracy falls by", "What to try", "last_convolution", "int8 (refused)"):
        assert text in page
    for sentence in refusal["advice"]:
        assert sentence.replace("'", "&#x27;") in page
    assert page.count("data:image/jpeg") == min(24, len(refusal["flips"])) > 0
    assert all(re.findall(r'<img [^>]*alt="picture of [^"]+"', page))


@pytest.mark.parametrize("name", ["written", "refused"])
def test_page_loads_nothing_and_can_be_read_aloud(name, request):
    page = read(request.getfixturevalue(name)[0])
    assert "<script" not in page
    assert set(re.findall(r'(?:src|href)="([^":]*):', page)) <= {"data"}
    assert page.count("<svg") == page.count('role="img"') == page.count("aria-label=")
    heads = re.findall(r"<th(?: [^>]*)?>", page)
    assert heads
    assert all('scope="col"' in head for head in heads)
    tables, captions = page.count("<table>"), len(re.findall(r"</div><figcaption>", page))
    assert tables == captions


def test_page_is_refused_before_the_work(run_folder, tmp_path, capfd):
    code, _ = call(run_folder, "-o", tmp_path / "m.tflite", "--report", tmp_path / "m.pdf")
    assert code == 2
    assert "ends in .html" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("page", "code", "message"),
    [
        ("/proc/m.html", 1, "A report must be writable"),
        ("m.tflite.html", 2, "must be another file than --output"),  # the model
        ("run/report.html", 2, "the page of the training"),
        ("others.html", 1, "replaces an earlier report only"),
    ],
)
def test_page_never_takes_the_place_of_something_else(
    run_folder, tmp_path, capfd, page, code, message
):
    run = shutil.copytree(run_folder, tmp_path / "run")
    for name in ("run/report.html", "others.html"):
        (tmp_path / name).write_text("mine")
    model = tmp_path / "m.tflite.html"
    assert call(run, "-o", model, "--report", tmp_path / page) == (code, "")
    assert message in capfd.readouterr().err
    assert not model.exists()
    assert (tmp_path / "others.html").read_text() == "mine"


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("powers", [0, 3])
def test_result_is_said_although_the_page_cannot_be_written(
    request, tmp_path, capfd, monkeypatch, powers, is_json
):
    """The disk is full when the page is due; the file was written, or refused, before."""
    runs = request.getfixturevalue("hard_runs") if powers else {}
    run = runs.get(powers) or request.getfixturevalue("run_folder")
    monkeypatch.setattr(Path, "write_bytes", full_for_pages(Path.write_bytes))
    options = ("--quantize", "int8", "--report", tmp_path / "m.html", *["--json"] * is_json)
    code, said = call(run, "-o", tmp_path / "m.tflite", *options)
    assert (code, (tmp_path / "m.tflite").exists()) == (1, powers == 0)
    assert "A report must be writable" in capfd.readouterr().err
    if is_json:
        assert (json.loads(said)["refusal"] is None) == (powers == 0)
    else:
        assert ("verified" in said, "What to try:" in said) == (powers == 0, powers == 3)
        assert "report:" not in said


def full_for_pages(write):
    def write_bytes(path, data):
        if ".html" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    return write_bytes

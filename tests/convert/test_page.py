"""The report of a conversion as a page, and as JSON in the file."""

import contextlib
import io
import json
import re

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

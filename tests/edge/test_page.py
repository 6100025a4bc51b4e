"""Pages: nothing of the user's becomes markup, drawings are well formed, nothing is loaded."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from edge.errors import OutputError, SettingError
from edge.page.blocks import (
    Chart,
    Figure,
    Gallery,
    Heading,
    Page,
    Row,
    Shot,
    Table,
    Text,
    Tile,
    Tiles,
)
from edge.page.charts import Bar, Dot, Series, bar_chart, cloud_chart, line_chart
from edge.page.matrix import matrix_chart
from edge.page.pictures import encode_picture, lay_heat
from edge.page.render import check_page_path, render_page, write_page
from edge.page.style import SERIES, series_colour
from edge.page.svg import Axis

EVIL = '</title><script>alert("1")</script>&\'猫 größe'
SHARE = Axis("share", 0, 1, is_share=True)
VOID = {"meta", "img", "br"}
SVG = "{http://www.w3.org/2000/svg}"


class Reader(HTMLParser):
    """Collects tags, attributes and text, and sees that every element is closed."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.open, self.words, self.sources = [], [], [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def page_of_everything(name):
    chart = line_chart([Series(name, [(0, 0), (1, 1)])], x=SHARE, y=SHARE, mark=(0.5, name))
    cloud = cloud_chart([Dot(0.5, 0.5, 0, name)], [name], x=SHARE, y=SHARE)
    picture = encode_picture(np.zeros((8, 8, 3), np.uint8))
    return Page(
        title=name,
        subtitle=name,
        blocks=[
            Heading(name),
            Text(name),
            Text(name, is_note=True),
            Tiles([Tile(name, name, name)]),
            Table((name, "n"), [(name, 1)], name),
            Row([Figure(chart, name, name), Figure(cloud, name)]),
            Figure(bar_chart([Bar(name, 0.5, (0.4, 0.6))], axis=SHARE), name),
            Figure(matrix_chart([[1]], rows=[name], columns=[name]), name),
            Gallery([Shot([picture, picture], name, (name,))], name, title=name),
        ],
        footer=name,
    )


def test_texts_of_the_user_never_become_markup():
    markup = render_page(page_of_everything(EVIL)).decode()
    reader = Reader(markup)
    assert reader.open == []
    assert "script" not in reader.tags
    assert "".join(reader.words).count('alert("1")') > 15  # still there, as text
    assert all(source.startswith("data:image/jpeg;base64,") for source in reader.sources)
    assert "default-src 'none'" in markup
    assert not re.search(r"(src|href)=\"(http|//)|url\(|@import", markup)


def test_names_that_are_no_unicode_are_shown_somehow():
    broken = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert b"caf?.jpg" in render_page(Page("p", broken, []))


def test_sections_begin_at_headings():
    blocks = [Text("before"), Heading("one"), Text("a"), Heading("two")]
    markup = render_page(Page("p", "", blocks)).decode()
    assert [part.count("<h2>") for part in markup.split("<section>")[1:]] == [0, 1, 1]


def test_columns_of_numbers_are_set_right():
    rows = [("x", 1234, "\N{MINUS SIGN}1.5"), ("y", None, "+2")]
    markup = render_page(Page("p", "", [Table(("a", "b", "c"), rows)])).decode()
    assert markup.count('<td class="number">') == 4
    assert ">1,234<" in markup


def test_what_a_table_shows_is_said_beside_what_scrolls():
    """On a telephone a wide table is moved sideways; the text below it stays."""
    markup = render_page(Page("p", "", [Table(("a",), [("x",)], "said")])).decode()
    assert "</table></div><figcaption>said</figcaption></figure>" in markup


def test_table_without_titles_has_no_head():
    markup = render_page(Page("p", "", [Table(("", ""), [("x", "y")])])).decode()
    assert "<thead>" not in markup


@pytest.mark.parametrize(
    "chart",
    [
        line_chart([Series("a", [(0, 0.2), (1, 0.8)], has_dots=True)], x=SHARE, y=SHARE),
        line_chart([], x=SHARE, y=SHARE),
        line_chart([Series("a", [(3, 7.0)])], x=Axis("x", 3, 3), y=Axis("y", 7, 7)),  # no range
        line_chart([Series("a", [(0, float("nan"))])], x=SHARE, y=SHARE),
        bar_chart([Bar(str(n), n / 20, (0, 1)) for n in range(20)], axis=SHARE, colours=True),
        matrix_chart(np.eye(20, 21, dtype=int).tolist(), rows=["r"] * 20, columns=["c"] * 21),
        matrix_chart([[0, 0]], rows=["empty"], columns=["a", "b"]),
        cloud_chart([], [], x=SHARE, y=SHARE),
    ],
)
def test_drawings_are_well_formed_and_stay_inside(chart):
    root = ElementTree.fromstring(chart.svg)
    _, _, width, height = map(float, root.get("viewBox").split())
    for shape in root.iter(f"{SVG}rect"):
        x, y, wide, high = (float(shape.get(name)) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width + 0.01
        assert 0 <= y <= y + high <= height + 0.01
    for shape in root.iter(f"{SVG}circle"):
        assert 0 <= float(shape.get("cx")) <= width
        assert 0 <= float(shape.get("cy")) <= height
    assert root.get("role") == "img"
    assert root.get("aria-label")


def test_bars_are_as_long_as_their_values():
    root = ElementTree.fromstring(bar_chart([Bar("a", 0.25), Bar("b", 1.0)], axis=SHARE).svg)
    lengths = [float(shape.get("width")) for shape in root.iter(f"{SVG}rect")]
    assert lengths[0] / lengths[1] == pytest.approx(0.25)


def test_bars_say_their_values_to_those_who_do_not_see_them():
    bars = [Bar("cat", 0.25), Bar("empty", float("nan"))]
    root = ElementTree.fromstring(bar_chart(bars, axis=SHARE).svg)
    assert root.get("aria-label") == "share: cat 25.0 %, empty \N{EN DASH}"


def test_each_picture_of_a_shot_has_a_name_of_its_own():
    shot = Shot(["data:a", "data:b"], "2 alike", names=["cat/1.jpg", "cat/2.jpg"])
    text = render_page(Page("t", "s", [Gallery([shot], is_whole=True)])).decode()
    assert re.findall('alt="([^"]*)"', text) == ["cat/1.jpg", "cat/2.jpg"]
    assert 'class="gallery whole"' in text
    text = render_page(Page("t", "s", [Gallery([Shot(["data:a"], "cat")])])).decode()
    assert re.findall('alt="([^"]*)"', text) == ["cat"]


def test_lines_go_through_their_points():
    root = ElementTree.fromstring(
        line_chart([Series("a", [(0, 0), (0.5, 1), (1, 0.5)])], x=SHARE, y=SHARE).svg
    )
    (path,) = root.iter(f"{SVG}path")
    places = np.array(re.findall(r"([\d.]+) ([\d.]+)", path.get("d")), float)
    assert places[1, 0] == pytest.approx(places[[0, 2], 0].mean(), abs=0.1)
    assert places[2, 1] == pytest.approx(places[:2, 1].mean(), abs=0.1)
    assert places[1, 1] < places[0, 1]  # up is up


def test_matrix_is_darkest_where_the_share_is_greatest():
    chart = matrix_chart([[9, 1], [5, 5]], rows=["a", "b"], columns=["a", "b"])
    strengths = [float(found) for found in re.findall(r"--heat\),([\d.]+)", chart.svg)]
    assert strengths[0] > strengths[2] == strengths[3] > strengths[1]
    assert "shows a, taken for b: 1 of 10" in chart.svg


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis("", 0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Axis("", 1, 5, is_whole=True), [1, 2, 3, 4, 5]),
        (Axis("", 0.93, 1), [0.94, 0.96, 0.98, 1.0]),
        (Axis("", 0, 13_000), [0, 2500, 5000, 7500, 10000, 12500]),
    ],
)
def test_ticks_are_round_numbers(axis, ticks):
    assert axis.ticks() == pytest.approx(ticks)


def test_series_have_colours_of_their_own():
    colours = {series_colour(index) for index in range(3 * SERIES)}
    assert len(colours) == 3 * SERIES


def test_pictures_are_reduced_and_embedded():
    large = np.random.default_rng(1).integers(0, 255, (600, 900, 3), np.uint8)
    uri = encode_picture(large, side=64)
    assert uri.startswith("data:image/jpeg;base64,")
    assert len(uri) < 20_000
    assert encode_picture(np.zeros((1, 5000, 3), np.uint8), side=64)


def test_heat_glows_where_it_is_high():
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    laid = lay_heat(np.full((64, 64, 3), 60, np.uint8), heat)
    assert laid[:8, :8].mean() > 1.5 * laid[40:, 40:].mean()


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("report.json", SettingError, "ends in .html"),
        ("absent/report.html", OutputError, "folder of a report must be there"),
        ("folder.html", OutputError, "not a folder"),
        ("/proc/report.html", OutputError, "A report must be writable"),
        ("others.html", OutputError, "replaces an earlier report only"),
    ],
)
def test_unusable_places_are_refused_first(tmp_path, name, error, message):
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "others.html").write_text("<!doctype html><title>Diary</title>")
    with pytest.raises(error, match=message):
        check_page_path(tmp_path / name)


def test_page_is_written_whole(tmp_path):
    path = tmp_path / "report.html"
    check_page_path(path)
    write_page(path, Page("p", "", []))
    check_page_path(path)  # which an earlier report does not keep from being written again
    assert path.read_bytes().endswith(b"</html>\n")
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_page_that_cannot_be_written_is_named():
    with pytest.raises(OutputError, match="A report must be writable"):
        write_page(Path("/dev/null/report.html"), Page("p", "", []))


def test_legend_names_each_series():
    chart = Chart("<svg></svg>", (("猫 & co", "red"),))
    assert "猫 &amp; co" in render_page(Page("p", "", [Figure(chart, "f")])).decode()

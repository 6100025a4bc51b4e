"""Every fault of docs/faults.md has a test, and every test that it names exists."""

import ast
import re
from functools import cache

import pytest

CASES = range(1, 41)
WITHOUT_A_PAGE = {33, 34}  # faults of a web page, of which there is none
LINK = re.compile(r"\[([\w/]+\.py)::(\w+)\]\(\.\./([\w/]+\.py)\)")
LONGEST_LINE = 120  # of what is no row of a table


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "faults.md").read_text(encoding="utf-8")


def cells_of(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows_of(page):
    """Return the cells of each row of the matrix: those that begin with the number of a case."""
    return [cells_of(line) for line in page.splitlines() if re.match(r"\| \d+ \|", line)]


@cache
def names_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def find_faults(rows, repository):
    """Yield what is wrong with rows of the matrix."""
    for row in rows:
        case, tests = row[0], row[-1]
        if len(row) != 5 or not all(row):
            yield f"case {case}: a row has five cells, none of them empty"
        if "none yet" in tests:
            yield f"case {case}: none yet"
        for text in tests.split("<br>"):
            link = LINK.fullmatch(text)
            if link is None:
                yield f"case {case}: no link to a test: {text!r}"
                continue
            path, name, target = link.groups()
            if path != target:
                yield f"case {case}: {path} leads to {target}"
            if not (repository / path).is_file():
                yield f"case {case}: there is no {path}"
            elif not name.startswith("test_") or name not in names_in(repository / path):
                yield f"case {case}: there is no {name} in {path}"
    for case in sorted(set(CASES) - WITHOUT_A_PAGE - {int(row[0]) for row in rows}):
        yield f"case {case}: there is no row"


def test_every_fault_has_a_test_that_exists(page, repository):
    assert list(find_faults(rows_of(page), repository)) == []


def test_cases_come_in_order_within_a_group(page):
    for group in page.split("\n## ")[1:]:
        cases = [int(row[0]) for row in rows_of(group)]
        assert cases == sorted(cases), group.splitlines()[0]


def test_faults_without_a_row_are_named(page):
    for case in WITHOUT_A_PAGE:
        assert re.search(rf"\b{case}\b", page)
    assert not WITHOUT_A_PAGE & {int(row[0]) for row in rows_of(page)}


# What stands in the cell of the tests, what is said of it.
WRONG = [
    ("none yet", "none yet"),
    ("tests/docs/test_fault_matrix.py::test_x", "no link"),  # words, and nothing to follow
    ("[tests/no.py::test_x](../tests/no.py)", "there is no tests/no.py"),
    ("[tests/conftest.py::test_x](../tests/conftest.py)", "there is no test_x in"),
    ("[tests/conftest.py::repository](../tests/conftest.py)", "there is no repository in"),
    ("[tests/no.py::test_x](../tests/conftest.py)", "leads to tests/conftest.py"),
]


@pytest.mark.parametrize(("tests", "said"), WRONG)
def test_matrix_that_is_wrong_is_noticed(repository, tests, said):
    found = list(find_faults([["1", "fault", "how", "what", tests]], repository))
    assert any(said in one for one in found)
    assert "case 2: there is no row" in found
    assert "case 33: there is no row" not in found


def test_commands_of_the_figures_exist(page, repository):
    figures = page.partition("\n## The promise in figures")[2]
    paths = set(re.findall(r"`(?:python|pytest) ([\w/]+\.py)", figures))
    assert len(paths) >= 5
    assert [path for path in sorted(paths) if not (repository / path).is_file()] == []


def test_lines_are_short_enough(page):
    long = [line for line in page.splitlines() if len(line) > LONGEST_LINE and line[0] != "|"]
    assert long == []

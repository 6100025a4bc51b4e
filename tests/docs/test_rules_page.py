"""The example of docs/rules.md prints what the page says; its tables are those of the program."""

import re
import subprocess
import sys
import tomllib
from dataclasses import MISSING, fields

import pytest

from edge import rules
from edge.rules import RuleSpec
from edge.schedule import DAYS
from edge.wallclock import TRUSTS


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "rules.md").read_text()


def rows(page):
    """Return the cells of every row of every table."""
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_example_prints_what_stands_below_it(page):
    program, output = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.S).groups()
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == output


def test_every_key_is_explained_with_its_default(page):
    explained = {row[0].strip("`"): row[1] for row in rows(page) if len(row) == 3}
    assert list(explained) == list_keys()
    for field in fields(RuleSpec):
        shown = explained[field.name]
        if field.default is MISSING:
            assert shown == "must be given"
        elif isinstance(field.default, float):
            assert float(shown) == field.default
        elif field.name == "when":
            assert shown == f"`{field.default}`"
        else:
            assert not field.default
            assert shown in ("none", "the whole day", "every day")


def list_keys():
    return [field.name for field in fields(RuleSpec)]


def test_every_result_is_explained_in_the_order_in_which_it_is_told(page):
    results = [row[0].strip("`") for row in rows(page) if len(row) == 2]
    order = [
        rules.FIRED,
        rules.VETOED,
        rules.CLOCK_NOT_TRUSTED,
        rules.OUTSIDE_HOURS,
        rules.TOO_SOON,
    ]
    assert [result for result in results if result in order] == order


def test_days_and_trusts_are_those_of_the_program(page):
    assert f"`{' '.join(DAYS)}`" in page
    assert all(f'| `"{trust}"`' in page for trust in TRUSTS)


def test_the_rule_of_the_page_is_one(page):
    [table] = tomllib.loads(re.search(r"```toml\n(.*?)```", page, re.S)[1])["rules"]
    arguments = {key: tuple(one) if isinstance(one, list) else one for key, one in table.items()}
    assert RuleSpec(**arguments).vetoed_by == ("dog",)

"""The worked example of docs/decisions.md prints what the page says; its tables are complete."""

import re
import subprocess
import sys
from dataclasses import fields

import pytest

from edge.evidence import RULES, EvidenceSpec
from edge.region import parse_region


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "decisions.md").read_text()


def test_the_worked_example_prints_what_stands_below_it(page):
    program, output = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.S).groups()
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == output


def test_every_rule_and_setting_is_explained(page):
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    explained = set(re.findall(r"`([a-z_-]+)`", " ".join(rows)))
    names = {field.name for field in fields(EvidenceSpec)} - {"rule"}
    assert names | set(RULES) <= explained


def test_the_defaults_are_those_of_the_program(page):
    spec = EvidenceSpec()
    for name in ("period", "leave", "cooldown", "longest_gap", "enter"):
        default = re.search(rf"\| `{name}_seconds` \| ([\d.]+) \|", page)[1]
        assert float(default) == getattr(spec, f"{name}_seconds")
    assert f"| {spec.half_life_seconds:g}, {spec.enough:g} |" in page
    assert f"| `hysteresis` | {spec.hysteresis:g} |" in page


def test_the_regions_of_the_page_are_regions(page):
    regions = re.findall(r'"([\d.]+,[\d., ]+)"', page)
    assert len(regions) == 3
    assert all(parse_region(text) for text in regions)

"""What docs/actions.md says, held against the program."""

import json
import re
from dataclasses import MISSING, fields

import pytest
from occurrences import make_context, make_occurrence

from edge.actions import find_kind
from edge.actions.payload import describe
from edge.errors import ActionError


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "actions.md").read_text()


def section(page, title):
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("kind", ["gpio", "webhook", "exec", "file"])
def test_page_lists_the_settings_and_their_defaults(page, kind):
    table = section(page, kind).split("| setting |")[1].split("\n\n")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\|", table, re.MULTILINE))
    settings = fields(find_kind(kind).Settings)
    assert list(listed) == [field.name for field in settings]
    assert all(listed[field.name] in _shown(field.default) for field in settings)


def _shown(default):
    """Return how a default may stand in a table."""
    if default is MISSING:
        return [""]
    if default is None:
        return ["none", "the system's"]
    if isinstance(default, str):
        return [f'`"{default}"`']
    return ["`[]`"] if default == () else [f"`{default}`".lower(), f"{default:g}"]


def test_page_shows_the_fields_of_the_payload(page):
    shown = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    told = describe(make_occurrence(), "porch")
    assert list(shown) == list(told)
    assert [type(value) for value in shown.values()] == [type(value) for value in told.values()]


def test_page_shows_an_action_that_works(page, tmp_path):
    names = {"__name__": "my_package.siren"}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], names)
    make = names["Siren"]
    context = make_context(tmp_path)
    action = make(make.Settings(), context)
    assert action.perform(make_occurrence()) == "howled for cat"
    assert list(action.check()) == []
    action.close()
    with pytest.raises(ActionError, match="must be bearable"):
        make(make.Settings(loudness=10), context).perform(make_occurrence())

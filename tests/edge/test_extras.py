import re
import tomllib

import pytest

from edge import extras
from edge.errors import MissingExtraError
from edge.extras import install_hint, require_desktop


def test_hint_names_the_clone_with_or_without_an_extra():
    assert install_hint("desktop") == "pip install '.[desktop]' (in your clone of catseye)"
    assert install_hint() == "pip install . (in your clone of catseye)"


def test_desktop_says_what_is_missing_and_how_to_come_by_it(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "tf_keras" else 1)
    with pytest.raises(MissingExtraError, match=r"without tf_keras.*pip install '\.\[desktop\]'"):
        require_desktop()


def test_every_hint_works_with_a_clone(repository):
    """No package index has catseye: only extras.py says how it is installed."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    named = set()
    from_an_index = re.compile(r"pip install[^\n`]*\bcatseye\b")
    for folder, suffix in (("edge", "py"), ("train", "py"), ("convert", "py"), ("docs", "md")):
        for path in (repository / folder).rglob(f"*.{suffix}"):
            text = path.read_text()
            assert not from_an_index.search(text) or path.name == "extras.py", path
            named |= set(re.findall(r"install_hint\([\"'](.+?)[\"']\)", text))
    assert named >= {"desktop", "gpio", "mqtt", "window", "tflite-runtime"}
    assert named <= project["optional-dependencies"].keys()

import re
import tomllib

import pytest
from packaging.requirements import Requirement

FILES = ["runtime", "demo", "build", "test"]


@pytest.fixture
def read_pins(repository):
    def read(name):
        text = (repository / f"requirements/{name}.txt").read_text(encoding="utf-8")
        lines = [line.removesuffix(" \\") for line in text.splitlines()]
        return [Requirement(line) for line in lines if line and line[0] not in " #"]

    return read


@pytest.fixture
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("name", FILES)
def test_pinned_files_name_exact_versions_with_hashes_and_no_place(read_pins, repository, name):
    for pin in read_pins(name):
        assert [part.operator for part in pin.specifier] == ["=="], pin
        assert pin.url is None
    text = (repository / f"requirements/{name}.txt").read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") >= len(read_pins(name))
    assert not re.search(r"://|^-|/home|/root|/opt", text, re.MULTILINE)


@pytest.mark.parametrize("platform", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_pinned_versions_meet_what_the_project_asks_for(read_pins, project, platform, python):
    here = {
        "platform_machine": platform,
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": "linux",
    }

    def is_for(requirement):
        return requirement.marker is None or requirement.marker.evaluate(here)

    def normalize(requirement):
        return requirement.name.lower().replace("_", "-").replace(".", "-")

    wanted = {"runtime": project["dependencies"], "test": list(project["dependencies"])}
    for extra in ("desktop", "dev", "gpio", "mqtt"):
        wanted["test"] += project["optional-dependencies"][extra]
    for name, requirements in wanted.items():
        pins = {normalize(pin): pin for pin in read_pins(name) if is_for(pin)}
        for requirement in filter(is_for, map(Requirement, requirements)):
            if requirement.extras and requirement.name == "catseye":
                continue  # `dev` asks for other extras of this project
            (pin,) = pins[normalize(requirement)].specifier
            assert requirement.specifier.contains(pin.version), requirement


def test_tests_run_with_the_versions_that_users_get(read_pins):
    tested = {str(pin) for pin in read_pins("test")}
    assert {str(pin) for pin in read_pins("runtime")} <= tested


def test_32_bit_arm_gets_the_runtime_that_exists_for_it(project):
    here = {"platform_machine": "armv7l", "python_version": "3.11", "sys_platform": "linux"}
    requirements = map(Requirement, project["dependencies"])
    names = {
        one.name: one for one in requirements if one.marker is None or one.marker.evaluate(here)
    }
    assert "tflite-runtime" in names
    assert "ai-edge-litert" not in names
    assert not names["numpy"].specifier.contains("2.0.0")
    assert not names["opencv-python-headless"].specifier.contains("4.12.0.88")

import subprocess
import sys

import pytest

from edge.errors import GuardError, SettingError
from edge.guard.pins import FilePin, check_pin, open_pin, prepare_pin
from edge.hardware import board_name


@pytest.fixture
def mock_factory(monkeypatch):
    gpiozero = pytest.importorskip("gpiozero", reason="needs the extra gpio")
    mock = pytest.importorskip("gpiozero.pins.mock")
    factory = mock.MockFactory()
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    return factory


@pytest.mark.parametrize(
    "name", ["17", "GPIO17", "gpio4", "0", "27", "file:x", "file:/a b", "a.b:C"]
)
def test_names_of_pins(name):
    check_pin(name)


@pytest.mark.parametrize(
    "name", ["", "28", "99", "-1", "GPIO", "file:", "17.5", "BOARD11", "a.b", "a b:C", "GPIO40"]
)
def test_names_that_are_no_pins(name):
    with pytest.raises(SettingError, match="A pin must be a Broadcom number from 0 to 27"):
        check_pin(name)


@pytest.mark.parametrize(("active_low", "levels"), [(False, "010"), (True, "101")])
def test_file_pin_begins_safe_and_keeps_each_level(tmp_path, active_low, levels):
    pin = FilePin(tmp_path / "pin.csv", active_low=active_low)
    pin.write(True)
    pin.write(False)
    pin.close()
    pin.close()
    lines = (tmp_path / "pin.csv").read_text().splitlines()
    assert "".join(line.split(",")[1] for line in lines) == levels
    assert all(int(line.split(",")[0]) > 0 for line in lines)


@pytest.mark.parametrize(("active_low", "safe"), [(False, 0), (True, 1)])
def test_gpio_pin_is_claimed_at_its_safe_level(mock_factory, active_low, safe):
    pin = open_pin("GPIO17", active_low=active_low)
    mocked = mock_factory.pin(17)
    assert mocked.state == safe
    pin.write(True)
    assert mocked.state == 1 - safe
    pin.write(False)
    assert mocked.state == safe
    levels = [int(entry.state) for entry in mocked.states if mocked.function == "output"]
    assert levels[-3:] == [safe, 1 - safe, safe]
    pin.close()


def test_gpio_pin_in_use_is_an_os_error(mock_factory):
    pin = open_pin("17")
    with pytest.raises(OSError, match="GPIOPinInUse"):
        open_pin("17")
    pin.close()


@pytest.mark.parametrize("factory", ["lgpio", ""])
def test_gpio_pin_without_gpio_says_so_in_one_sentence(monkeypatch, factory, recwarn):
    gpiozero = pytest.importorskip("gpiozero", reason="needs the extra gpio")
    if "Raspberry Pi" in board_name():
        pytest.skip("this machine has such pins")
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", factory)
    with pytest.raises(GuardError, match=r"needs a Raspberry Pi .* pin = \"file:pin\.csv\""):
        open_pin("17")
    assert [str(warning.message) for warning in recwarn] == []


def test_gpio_pin_without_its_extra_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiozero", None)  # as if it were not installed
    with pytest.raises(GuardError, match="needs the extra 'gpio'"):
        prepare_pin("17")


def test_gpio_pin_leaves_the_folder_as_it_is(tmp_path):
    pytest.importorskip("lgpio", reason="needs the extra gpio")
    if "Raspberry Pi" in board_name():
        pytest.skip("this machine has such pins")
    program = (
        "import os; from edge.guard.pins import open_pin, warm_pin; warm_pin('17')\n"
        "try: open_pin('17')\n"
        "except OSError: print(os.getcwd())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere.to_be:Found", "edge.guard.pins:NoSuchClass"])
def test_own_pin_that_is_not_there(name):
    with pytest.raises(GuardError, match=r"importable as package\.module:Class"):
        prepare_pin(name)


def test_file_pin_in_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_pin(f"file:{tmp_path}/no/pin.csv")

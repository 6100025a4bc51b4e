import pytest

from edge import errors


def test_catseye_error_text_has_rule_received_and_fix():
    error = errors.SettingError("--size must be at least 32", received="8", fix="Use 32 or more")
    assert str(error) == "--size must be at least 32. Received: 8. Use 32 or more."
    assert (error.rule, error.received, error.fix) == error.args


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.SettingError, ValueError),
        (errors.PictureError, ValueError),
        (errors.DataError, ValueError),
        (errors.RunFolderError, ValueError),
        (errors.ModelFileError, ValueError),
        (errors.ParityError, ValueError),
        (errors.SourceError, OSError),
        (errors.MissingExtraError, ImportError),
        (errors.WorkerError, ConnectionError),
        (errors.OutputError, OSError),
        (errors.StoreError, OSError),
        (errors.DivergenceError, ArithmeticError),
    ],
)
def test_error_is_also_the_fitting_builtin(kind, builtin):
    assert issubclass(kind, errors.CatseyeError)
    assert issubclass(kind, builtin)
    assert "what" in str(kind("rule", received="what", fix="fix"))
    assert kind.exit_code == (2 if kind is errors.SettingError else 1)


@pytest.mark.parametrize("received", ["", " "])
def test_an_empty_text_that_was_received_is_named(received):
    error = errors.CatseyeError("A source must have a name", received=received, fix="Name one")
    assert str(error) == "A source must have a name. Received: nothing. Name one."

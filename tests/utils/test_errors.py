import inspect

import pytest

from brevetti_keras.utils import errors

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and value.__module__ == errors.__name__]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_belongs_to_the_tree_and_stands_in_its_docstring(error):
    assert issubclass(error, errors.BrevettiError)
    assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.SettingsError, ValueError),
        (errors.InvalidInputError, ValueError),
        (errors.DataError, ValueError),
        (errors.StorageError, OSError),
        (errors.NotFoundError, LookupError),
        (errors.AccessError, PermissionError),
        (errors.MissingDependencyError, ImportError),
    ],
)
def test_errors_are_caught_as_the_built_in_kind_users_expect(error, builtin):
    with pytest.raises(builtin, match="one line"):
        raise error("one line")


def test_a_decode_error_is_one_line_whatever_the_files_name():
    error = errors.DecodeError("/data/a\n\x1b[2Jb.png", "expected an image")
    assert str(error) == "/data/a\\n\\x1b[2Jb.png: expected an image"
    assert error.path == "/data/a\n\x1b[2Jb.png"


def test_a_decode_error_starts_with_its_path():
    error = errors.DecodeError("/data/a.png", "expected an image, received 0 bytes")
    assert str(error) == "/data/a.png: expected an image, received 0 bytes"
    assert (error.path, error.reason) == ("/data/a.png", "expected an image, received 0 bytes")


def test_a_settings_error_keeps_what_is_wrong_by_name():
    assert errors.SettingsError("epochs: too few", {"epochs": "too few"}).errors == {"epochs": "too few"}
    assert errors.SettingsError("one line").errors == {}

"""Every error this package raises on purpose.

    BrevettiError
    ├── SettingsError         (ValueError)       a setting has a wrong name, type or range
    ├── InvalidInputError     (ValueError)       any other argument or request that cannot be used
    ├── DataError             (ValueError)       samples cannot be used: none found, one class, too many bad files
    │   └── DecodeError                          one file cannot be decoded
    ├── StorageError          (OSError)          a file or object cannot be read or written
    ├── NotFoundError         (LookupError)      no such job, dataset, model type, file
    ├── ConflictError                            it exists already, or differs from what was stored under its name
    ├── AccessError           (PermissionError)  the caller may not do this
    ├── PlatformError                            the platform could not be reached, or answered with a failure
    ├── IntegrityError                           stored data differs from its checksum
    └── MissingDependencyError (ImportError)     an optional package is not installed

Each carries one line that says what was expected, what was received and what to do. Those that stem from a
built-in kind also derive from it, so `except ValueError` works as a user of Keras or pandas would expect.
"""

from collections.abc import Mapping


class BrevettiError(Exception):
    """Base of every error raised on purpose; its text is meant for the user, without a traceback."""


class SettingsError(BrevettiError, ValueError):
    """A setting has a wrong name, type or range; the text names the setting and where the value came from.

    Attributes:
        errors: the same for each wrong setting by its dotted name, where that is known.
    """

    def __init__(self, text: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.errors = dict(errors or {})


class InvalidInputError(BrevettiError, ValueError):
    """An argument or a request cannot be used as it is."""


class DataError(BrevettiError, ValueError):
    """Samples cannot be used: none found, a single class, too many unreadable files."""


class DecodeError(DataError):
    """One file cannot be decoded; the text starts with its path."""

    def __init__(self, path: str, reason: str) -> None:
        # A file's name may hold a line's end, and this is one line.
        shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in path)
        super().__init__(f"{shown}: {reason}")
        self.path = path
        self.reason = reason


class StorageError(BrevettiError, OSError):
    """A file or object cannot be read or written."""


class NotFoundError(BrevettiError, LookupError):
    """There is no such job, dataset, model type or file."""


class ConflictError(BrevettiError):
    """It exists already, or differs from what is stored under its name."""


class AccessError(BrevettiError, PermissionError):
    """The caller may not do this."""


class PlatformError(BrevettiError):
    """The platform could not be reached, or answered with a failure."""


class IntegrityError(BrevettiError):
    """Stored data differs from its checksum: it was damaged or changed by other hands."""


class MissingDependencyError(BrevettiError, ImportError):
    """An optional package is not installed; the text says how to install it."""

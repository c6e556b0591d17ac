"""`EventLog`, the file in which a job's events stand before anything is sent: one checksummed line an event.

    log = EventLog("jobs/7f/events.log")
    log.append("epoch", {"epoch": 0, "loss": 0.5})
    events, offset = log.read_from(0)               # a reader goes on from `offset` the next time

A line is 16 hex digits (BLAKE2b of the rest), a blank and strict JSON. Lines are only ever added, each by one write
under the file's lock, so threads and processes may share a log, and a reader needs no lock. What a crash left of a last
line counts as not written: readers pass over it, and the next `append` cuts it off.
"""

import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from brevetti_keras.io.local import os_errors
from brevetti_keras.utils.encode import from_json, to_jsonable
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError, StorageError
from brevetti_keras.wire.events import Event, EventKind

_KINDS = frozenset(get_args(EventKind))
_DURABLE = frozenset({"status", "complete"})
# Made once: making one takes longer than a line.
_AS_TEXT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_DIGITS = 16


class EventLog:
    """An append-only file of events.

    Args:
        path: of the file; it and the folders on the way are made by the first `append`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._id = secrets.token_hex(8)
        # Where this object knows the file to: (inode, bytes, lines, last sequence). Read and set under the lock only.
        self._known = (0, 0, 0, 0)
        self._damaged: dict[int, str] = {}

    @property
    def damaged(self) -> tuple[str, ...]:
        """One text for each damaged line that this object has met, in the file's order."""
        return tuple(self._damaged[offset] for offset in sorted(self._damaged))

    def append(self, kind: EventKind, body: Mapping[str, Any], key: str | None = None) -> Event:
        """Adds one event and returns it as it was written.

        The line is handed to the system before this returns, so that it outlives the process; status and complete
        events are on the disk.

        Args:
            kind: see `Event`.
            body: what JSON can hold; numpy values and tensors are converted, non-finite numbers become null.
            key: makes sending twice harmless; by default one of its own.

        Raises:
            InvalidInputError: for an unknown kind, or a body that has no JSON form.
            StorageError: if the file cannot be written; it is then as it was.
        """
        if kind not in _KINDS:
            raise InvalidInputError(
                f"expected one of {', '.join(sorted(_KINDS))} as an event's kind, received {kind!r}"
            )
        clean = to_jsonable(body)
        if not isinstance(clean, dict):
            raise InvalidInputError(f"expected a mapping as an event's body, received {type(body).__name__}")
        try:
            return self._append(kind, clean, key)
        except OSError:
            # Entered only here: a training waits for this method.
            with os_errors(self.path):
                raise

    def _append(self, kind: EventKind, body: dict[str, Any], key: str | None) -> Event:
        descriptor = self._opened()
        try:
            # Closing the descriptor lets the lock go.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            inode, size, lines, last = self._catch_up(descriptor)
            sequence = last + 1
            event = Event(key=key or f"{self._id}-{sequence}", kind=kind, body=body, sequence=sequence)
            line = _line(event)
            self._write(descriptor, line, size)
            self._known = (inode, size + len(line), lines + 1, sequence)
            if kind in _DURABLE:
                os.fsync(descriptor)
            return event
        finally:
            os.close(descriptor)

    def read(self, after: int = 0, *, on_damage: Literal["raise", "skip"] = "raise") -> Iterator[Event]:
        """Yields the events with a sequence above `after`, in the file's order; a missing file holds none.

        Args:
            after: the last sequence that is known already.
            on_damage: whether to raise at a damaged line, or to note it in `damaged` and go on.

        Raises:
            IntegrityError: at a line that differs from its checksum.
        """
        for start, line in self._lines(0):
            event = self._event(start, line)
            if event is None and on_damage == "raise":
                raise IntegrityError(f"{self._damaged[start]}: restore the file from a copy, or read on past it")
            if event is not None and event.sequence > after:
                yield event

    def read_from(self, offset: int = 0) -> tuple[list[Event], int]:
        """Returns the events that stand at `offset` and after it, and the offset to go on from.

        A damaged line is left out and noted in `damaged`, and so is a file that ends before `offset`.

        Args:
            offset: bytes; 0, or what an earlier call returned.
        """
        events = []
        for start, line in self._lines(offset):
            event = self._event(start, line)
            if event is not None:
                events.append(event)
            offset = start + len(line)
        return events, offset

    def _lines(self, offset: int) -> Iterator[tuple[int, bytes]]:
        """Yields each whole line from `offset` on with the byte that it starts at."""
        if not os.path.exists(self.path):
            return
        with os_errors(self.path), open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < offset:
                self._damaged[offset] = f"{self.path}: expected at least {offset} bytes, found {size}: it was cut off"
                return
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield offset, line
                offset += len(line)

    def _event(self, start: int, line: bytes) -> Event | None:
        """The event of a line; None for a damaged one, which is then noted."""
        event = _parsed(line)
        if event is None:
            with open(self.path, "rb") as file:
                number = 1 + file.read(start).count(b"\n")
            self._damaged[start] = (
                f"{self.path}, line {number}: expected an event with its checksum, found a damaged line"
            )
        return event

    def _opened(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._made()
        except NotADirectoryError as error:
            raise StorageError(f"{self.path}: a file stands where a folder is needed") from error

    def _made(self) -> int:
        folder = os.path.dirname(self.path) or "."
        try:
            os.makedirs(folder, exist_ok=True)
        except FileExistsError as error:
            raise StorageError(f"{self.path}: a file stands where a folder is needed") from error
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_CREAT, 0o644)
        # Without this a power loss may leave a file that no folder names.
        folder_descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder_descriptor)
        finally:
            os.close(folder_descriptor)
        return descriptor

    def _catch_up(self, descriptor: int) -> tuple[int, int, int, int]:
        """Brings `_known` to the file's end, whoever wrote there, and repairs a last line that was never finished."""
        found = os.fstat(descriptor)
        inode, size, lines, last = self._known
        if found.st_ino != inode or found.st_size < size:
            inode, size, lines, last = found.st_ino, 0, 0, 0
        if found.st_size > size:
            with open(os.dup(descriptor), "rb") as file:
                file.seek(size)
                for line in file:
                    event = _parsed(line)
                    if not line.endswith(b"\n"):
                        if event is None:
                            os.ftruncate(descriptor, size)
                            break
                        os.write(descriptor, b"\n")
                        size += 1
                    size += len(line)
                    lines += 1
                    # A damaged line had a sequence too, which must not be given again.
                    last = max(last + 1, event.sequence if event is not None else 0, lines)
        return inode, size, lines, last

    def _write(self, descriptor: int, line: bytes, size: int) -> None:
        try:
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(descriptor, size)
            raise


def _line(event: Event) -> bytes:
    content = {
        "sequence": event.sequence,
        "key": event.key,
        "kind": event.kind,
        "time": event.time,
        "body": event.body,
    }
    try:
        text = _AS_TEXT(content).encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("expected text that UTF-8 can hold in an event, received a lone surrogate") from error
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGITS // 2).hexdigest().encode()


def _parsed(line: bytes) -> Event | None:
    """The event of a line, or None if the line is not what was written."""
    checksum, blank, text = line[:_DIGITS], line[_DIGITS : _DIGITS + 1], line[_DIGITS + 1 :].removesuffix(b"\n")
    if blank != b" " or checksum != _checksum(text):
        return None
    try:
        return Event.model_validate(from_json(text))
    except ValueError:
        return None

"""What a process that ended without a report left behind, as one line for people.

gone(folders.process_output(job_id), row)     # "its process (71) is gone and left no report; its output ends: …"
"""

import os
import signal
from collections.abc import Iterable

from brevetti_keras.utils.redact import Redactor

_TAIL_BYTES = 8192
_TAIL_LINES = 3
_MOST = 400


def gone(path: str, pid: int, status: int | None = None, secrets: Iterable[str] = ()) -> str:
    """Returns the message of a job whose process ended without a report.

    Args:
        path: of the file that took its standard output and error; it need not be there.
        pid: its number, 0 if it is not known.
        status: what it ended with, as `Popen.returncode`, if that is known.
        secrets: what must not stand in the message.
    """
    number = f" ({pid})" if pid else ""
    text = f"its process{number} {_end(status)} and left no report"
    tail = last_lines(path, secrets)
    return f"{text}; its output ends: {tail}" if tail else text


def last_lines(path: str, secrets: Iterable[str] = ()) -> str:
    """Returns the last lines of a text file that hold something, joined by slashes; "" without the file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            data = file.read(_TAIL_BYTES)
    except OSError:
        return ""
    text = Redactor(secrets, os.environ).text(data.decode("utf-8", "replace"))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    found = " / ".join([line for line in lines if line][-_TAIL_LINES:])
    printable = "".join(letter for letter in found if letter.isprintable())
    return printable if len(printable) <= _MOST else f"…{printable[-_MOST:]}"


def _end(status: int | None) -> str:
    if status is None:
        return "is gone"
    if status < 0:
        known = {one.value: one.name for one in signal.Signals}
        hint = ", as when memory runs out," if -status == signal.SIGKILL else ""
        return f"was ended by {known.get(-status, f'signal {-status}')}{hint}"
    return f"ended with exit status {status}"

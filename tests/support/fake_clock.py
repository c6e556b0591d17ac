"""A wall clock that a test sets while a program runs: Debian's libfaketime, which `make test` installs.

clock = FakeClock(tmp_path)
with Server(home, environment=clock.environment):
    clock.add(86_400)               # the program's next look at the clock is a day later
"""

import os
from pathlib import Path

_PLACES = ("/usr/lib", "/usr/local/lib")


class FakeClock:
    """The clock of programs that are started with its `environment`.

    Args:
        folder: where it keeps its setting.
        zone: the programs' time zone.
    """

    def __init__(self, folder: Path, zone: str = "UTC") -> None:
        self._file = folder / "clock"
        self.environment = {
            **os.environ,
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            # A wall clock that jumps leaves the monotonic one alone.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "TZ": zone,
        }
        self.add(0)

    def add(self, seconds: float) -> None:
        """Sets the clock to so many seconds after the real one."""
        temporary = self._file.with_suffix(".new")
        temporary.write_text(f"{seconds:+.0f}")
        temporary.replace(self._file)


def _library() -> str:
    found = [path for place in _PLACES for path in sorted(Path(place).glob("**/faketime/libfaketimeMT.so.1"))]
    assert found, "expected libfaketime for the tests of clocks, found none: install Debian's package 'faketime'"
    return str(found[0])

"""Runs the command line in this process, as a user would type it."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from brevetti_keras.cli.main import main


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Calls commands on one workspace; `capsys` collects what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str], workspace: str) -> None:
        self._capsys = capsys
        self.workspace = workspace

    def __call__(self, *words: str) -> Result:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = self._capsys.readouterr()
        return Result(int(ended.value.code or 0), printed.out, printed.err)

    def fails(self, *words: str, status: int) -> str:
        """Expects one clear line on standard error and `status`; returns the line."""
        result = self(*words)
        assert result.status == status, result
        lines = [line for line in result.err.strip().splitlines() if not line.startswith(("Usage:", "Try "))]
        lines = [line for line in lines if line.strip()]
        assert len(lines) == 1, result.err
        assert "Traceback" not in result.err + result.out
        return lines[0]

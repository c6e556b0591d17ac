import errno
import os
import subprocess
import sys

import click
import pytest

from brevetti_keras.cli import main as cli_main
from brevetti_keras.utils.errors import NotFoundError, SettingsError


def test_help_lists_every_command_with_one_line(command):
    result = command("--help")
    assert result.status == 0
    for name in cli_main.cli.list_commands(click.Context(cli_main.cli)):
        assert f"\n  {name} " in result.out
    assert "Begin with:  brevetti-keras demo" in result.out


def test_the_one_line_helps_agree_with_the_commands():
    context = click.Context(cli_main.cli)
    for name in cli_main.cli.list_commands(context):
        assert cli_main.cli.get_command(context, name).help, name


def test_version(command):
    assert command("--version").out.startswith("brevetti-keras, version ")


def test_an_unknown_command_is_wrong_use(command):
    assert command.fails("serv", status=2) == "Error: no command 'serv', did you mean 'serve'?"
    assert "--help lists the commands" in command.fails("zzzz", status=2)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (SettingsError("epochs: expected 1 or more, received 0"), 2, "error: epochs: expected 1 or more, received 0"),
        (NotFoundError("no job 'x'"), 1, "error: no job 'x'"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/w/info.json"),
            1,
            "error: /w/info.json: No space left on device; free some space, or name another workspace with --workspace",
        ),
        (
            OSError(errno.EROFS, "Read-only file system"),
            1,
            "error: Read-only file system; the file system is read-only",
        ),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_what_a_command_raises_ends_as_one_line(command, monkeypatch, error, status, line):
    @click.command()
    def jobs():
        raise error

    monkeypatch.setattr(cli_main.LazyGroup, "get_command", lambda *_: jobs)
    assert command.fails("jobs", status=status).startswith(line)


def test_a_fault_of_ours_keeps_its_traceback(command, monkeypatch):
    @click.command()
    def jobs():
        raise ZeroDivisionError

    monkeypatch.setattr(cli_main.LazyGroup, "get_command", lambda *_: jobs)
    with pytest.raises(ZeroDivisionError):
        cli_main.main(["jobs"])


def test_a_reader_that_goes_away_is_told_nothing(tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m brevetti_keras model-types | true",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "BREVETTI_HOME": str(tmp_path)},
    )
    assert (done.stdout, done.stderr) == ("", "")

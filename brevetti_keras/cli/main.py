"""The `brevetti-keras` command: a group of dotted strings, so that help loads no command's imports.

A command's module is imported when the command is called. Whatever is raised on purpose (`BrevettiError`) ends as one
line on standard error: exit status 2 for wrong use, 1 for a failure, 130 for Ctrl-C and 143 for SIGTERM.
"""

import difflib
import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from brevetti_keras import __version__
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError, SettingsError

# name: (module and command, help in one line)
_COMMANDS = {
    "demo": ("brevetti_keras.cli.demo:demo", "Train and show a model on real images that come with a dependency."),
    "serve": ("brevetti_keras.cli.serve:serve", "Open the platform in the browser."),
    "dataset": ("brevetti_keras.cli.dataset:dataset", "Add, list and show datasets."),
    "train": ("brevetti_keras.cli.train:train", "Train a model type on datasets."),
    "jobs": ("brevetti_keras.cli.jobs:jobs", "List jobs, newest first."),
    "show": ("brevetti_keras.cli.jobs:show", "Show one job: state, settings, metrics, artifacts."),
    "stop": ("brevetti_keras.cli.jobs:stop", "Stop a running job; what it has is kept."),
    "predict": ("brevetti_keras.cli.predict:predict", "Classify images with a trained model."),
    "model-types": ("brevetti_keras.cli.model_types:model_types", "List model types, or add a Job class as one."),
    "schema": ("brevetti_keras.cli.model_types:schema", "Print a model type's settings schema."),
    "cache": ("brevetti_keras.cli.cache:cache", "Show or clear what jobs share on this machine."),
    "sync": ("brevetti_keras.cli.sync:sync", "Bring what an outage kept back where it belongs."),
    "verify": ("brevetti_keras.cli.doctor:verify", "Check the workspace's records against their checksums."),
    "doctor": ("brevetti_keras.cli.doctor:doctor", "Check this machine, the installation and the workspace."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when called; their one-line help stands in the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the commands in the order of the table, which is that of a first use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command called `cmd_name`; None if there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; an unknown one is told with the nearest known."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f", did you mean {close[0]!r}?" if close else "; --help lists the commands"
            ctx.fail(f"no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with:  brevetti-keras demo",
)
@click.version_option(__version__, prog_name="brevetti-keras")
def cli() -> None:
    """From a folder of images to a trained, tested and packaged Keras model, every figure traceable.

    Everything is kept in a workspace: the folder that --workspace or $BREVETTI_HOME names, else ./brevetti-workspace.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits.

    Args:
        arguments: the words after the command's name; None reads `sys.argv`.
    """
    # TensorFlow's start-up chatter would stand before every result; warnings and errors stay.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result = cli.main(args=arguments, prog_name="brevetti-keras", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 130
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (SettingsError, InvalidInputError) as error:
        return _tell(error, 2)
    except BrevettiError as error:
        return _tell(error, 1)
    except OSError as error:
        return _tell_system_error(error)


def _tell(error: Exception, status: int) -> int:
    click.echo(f"error: {error}", err=True)
    return status


def _tell_system_error(error: OSError) -> int:
    advice = {
        errno.ENOSPC: "free some space, or name another workspace with --workspace",
        errno.EACCES: "check the permissions, or name another workspace with --workspace",
        errno.EROFS: "the file system is read-only: name another workspace with --workspace",
    }.get(error.errno or 0)
    where = f"{error.filename}: " if error.filename else ""
    click.echo(f"error: {where}{error.strerror or error}{f'; {advice}' if advice else ''}", err=True)
    return 1

"""`brevetti-keras serve`: the platform in the browser."""

import click

from brevetti_keras.cli.options import workspace_option
from brevetti_keras.server.serve import serve as run_server


@click.command(epilog="Example:  brevetti-keras serve --port 9000")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one."
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(0, 64),
    help="How many jobs of the queue may run at once; 0 starts none.",
)
@workspace_option
def serve(host: str, port: int, workers: int, workspace: str | None) -> None:
    """Open the workspace for browsers on this machine, until Ctrl-C, and start the jobs in its queue. Jobs go on when
    the server ends."""
    run_server(workspace, host=host, port=port, workers=workers, on_ready=_tell)


def _tell(link: str) -> None:
    click.echo(f"Open this link in a browser; it works once:\n  {link}\nCtrl-C stops the server; jobs go on.")

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
@click.option("--tls-cert", metavar="FILE", help="A certificate chain in PEM; needed on a network.")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key in PEM.")
@click.option(
    "--storage-root",
    metavar="URL",
    help="Where jobs lie: gs://bucket/prefix for their artifacts, or a folder; the workspace remembers it.",
)
@workspace_option
def serve(
    host: str,
    port: int,
    workers: int,
    tls_cert: str | None,
    tls_key: str | None,
    storage_root: str | None,
    workspace: str | None,
) -> None:
    """Open the workspace for browsers on this machine, until Ctrl-C, and start the jobs in its queue. Jobs go on when
    the server ends. On a network it listens only with TLS, and only if a user's key exists."""
    run_server(
        workspace,
        host=host,
        port=port,
        workers=workers,
        tls_cert=tls_cert,
        tls_key=tls_key,
        storage_root=storage_root,
        on_ready=_tell,
    )


def _tell(link: str) -> None:
    click.echo(f"Open this link in a browser; it works once:\n  {link}\nCtrl-C stops the server; jobs go on.")

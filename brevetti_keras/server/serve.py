"""`serve`: the platform for browsers and programs, until it is interrupted.

    serve("./brevetti-workspace", on_ready=print)      # prints the one-time link

It listens on this machine alone unless told otherwise, and on a network only with TLS and a user's key to come in by.
"""

import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Collection

import uvicorn

from brevetti_keras.server.app import build_app
from brevetti_keras.server.bucket_sync import BucketSync
from brevetti_keras.server.launcher import Launcher
from brevetti_keras.server.request_checks import LOCAL_HOSTS, LOGIN
from brevetti_keras.server.service import Service
from brevetti_keras.server.sessions import Sessions
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import AccessError, InvalidInputError, PlatformError

_LOG = logging.getLogger(__name__)
_BACKLOG = 128
_HIGHEST_PORT = 65_535
# Browsers hold the pages' streams open; they must not hold up the end.
_GRACE_SECONDS = 2


def serve(
    home: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    on_ready: Callable[[str], None] | None = None,
    tls_cert: str | None = None,
    tls_key: str | None = None,
    allowed_hosts: Collection[str] = (),
    database_url: str | None = None,
    storage_root: str | None = None,
    workers: int = 1,
) -> None:
    """Serves a workspace, and starts the jobs in its queue, until SIGINT or SIGTERM; jobs go on.

    Args:
        home: the workspace, see `open_service`.
        host: the address to listen on.
        port: 0 takes a free one.
        on_ready: told the one-time link once the server answers.
        tls_cert: path of a certificate chain in PEM; with `tls_key` the server speaks HTTPS.
        tls_key: path of its private key.
        allowed_hosts: further names under which browsers may call it.
        database_url: see `open_service`.
        storage_root: see `open_service`.
        workers: how many jobs of the queue may run at once; 0 starts none.

    Raises:
        InvalidInputError: if the address cannot be used.
        AccessError: if the address is reached from a network, without TLS or without a user's key.
        PlatformError: if the port is taken.
    """
    if bool(tls_cert) != bool(tls_key):
        raise InvalidInputError("expected a certificate and its key together, received one of them")
    for path in (tls_cert, tls_key):
        if path and not os.path.isfile(path):
            raise InvalidInputError(f"expected a PEM file, received {path}, which is not there")
    # Nothing that the server or its jobs make may be written by others, whatever the machine's habit is.
    os.umask(os.umask(0o077) | 0o022)
    with open_service(home, database_url=database_url, storage_root=storage_root) as service:
        if not is_loopback(host):
            _check_public(service, host, bool(tls_cert))
        launcher = Launcher(service, workers, database_url=database_url)
        with listening_socket(host, port) as listener, launcher, BucketSync(service):
            _run(service, listener, host, tls_cert, tls_key, allowed_hosts, on_ready)


def _run(
    service: Service,
    listener: socket.socket,
    host: str,
    tls_cert: str | None,
    tls_key: str | None,
    allowed_hosts: Collection[str],
    on_ready: Callable[[str], None] | None,
) -> None:
    port = listener.getsockname()[1]
    sessions = Sessions(cookie=f"brevetti_{port}")
    shown = next(iter(allowed_hosts), socket.gethostname()) if host in {"0.0.0.0", "::"} else host
    shown = f"[{shown}]" if ":" in shown else shown
    names = {*LOCAL_HOSTS, shown.lower(), *(name.lower() for name in allowed_hosts)}
    config = uvicorn.Config(
        build_app(service, sessions, allowed_hosts=names),
        # Our own log has the path alone; uvicorn's would have the query, where existing clients send their key.
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    if on_ready is not None:
        scheme = "https" if tls_cert else "http"
        # The socket listens already: a browser that is quicker than the server waits for it.
        on_ready(f"{scheme}://{shown}:{port}{LOGIN}?token={sessions.new_link()}")
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        _LOG.info("interrupted")


def listening_socket(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Args:
        host: a name or address.
        port: 0 takes a free one.

    Raises:
        PlatformError: if another program uses the port.
        InvalidInputError: if the address is none of this machine, or the port may not be used.
    """
    if not 0 <= port <= _HIGHEST_PORT:
        raise InvalidInputError(f"expected a port from 0 to {_HIGHEST_PORT}, received {port}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidInputError(f"expected an address of this machine and a port, received {host}:{port}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PlatformError(
                f"expected a free port, received {port}, which another program uses on {host}: choose another, or 0 "
                "for any that is free"
            ) from error
        raise InvalidInputError(
            f"expected an address of this machine and a port that may be used, received {host}:{port}: {error.strerror}"
        ) from error
    return listener


def is_loopback(host: str) -> bool:
    """Tells whether an address is reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_public(service: Service, host: str, tls: bool) -> None:
    if not tls:
        raise AccessError(
            f"expected 127.0.0.1, or TLS to be reached from a network, received {host} without: give --tls-cert and "
            "--tls-key"
        )
    if not any(not key.revoked for key in service.access.list()):
        raise AccessError(
            f"expected a user's key before the platform is reached from a network on {host}, found none: make one first"
        )

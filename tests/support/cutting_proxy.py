"""A proxy on a socket that passes requests on and, when told so, cuts the connection in the answer's place.

proxy = CuttingProxy(server.port)
proxy.cut = 2                       # the server gets the next two requests; who sent them learns nothing
httpx.post(proxy.url + "/api/…")    # RemoteProtocolError
"""

import contextlib
import re
import socket
import threading
from typing import Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class CuttingProxy:
    """Takes one request a connection.

    Args:
        port: of the server on this machine.
        only: cut the answers to requests whose first line holds this alone.

    Attributes:
        cut: how many answers are still to be cut off.
        url: its own address.
        lost: the first lines of the requests whose answers were cut off.
    """

    def __init__(self, port: int, only: str = "") -> None:
        self.cut = 0
        self.lost: list[str] = []
        self._port = port
        self._only = only.encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        # Who connects and leaves, or a server that ends, is nothing to tell.
        with (
            contextlib.suppress(ConnectionError),
            client,
            socket.create_connection(("127.0.0.1", self._port)) as server,
        ):
            request = _message(client)
            server.sendall(request)
            answer = _message(server)
            line = request.partition(b"\r\n")[0]
            if self.cut and self._only in line:
                self.cut -= 1
                self.lost.append(line.decode())
                return
            client.sendall(answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))


def _message(source: socket.socket) -> bytes:
    """One message: its head, and a body as long as the head says."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(source)
    head, _, body = data.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    while len(body) < (int(found[1]) if found else 0):
        body += _more(source)
    return head + b"\r\n\r\n" + body


def _more(source: socket.socket) -> bytes:
    data = source.recv(65536)
    if not data:
        raise ConnectionError("ended within a message")
    return data

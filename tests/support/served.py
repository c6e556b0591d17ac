"""A workspace with its application, for tests: a service, clients of every kind, and the routes."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import httpx

from brevetti_keras.server.app import build_app
from brevetti_keras.server.bodies import BodyLimits
from brevetti_keras.server.service import Service
from brevetti_keras.server.sessions import Sessions
from brevetti_keras.wire.records import JobConfig
from tests.support.asgi import AsgiTransport

URL = "http://127.0.0.1:8765"


class Served:
    """An application over a service, and who may call it."""

    def __init__(self, service: Service, limits: BodyLimits | None = None) -> None:
        self.service = service
        self.sessions = Sessions()
        self.app = build_app(service, self.sessions, limits=limits)
        self._transport = AsgiTransport(self.app)

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        """A client that sends a key, or none."""
        given = {**({"Authorization": f"Bearer {key}"} if key else {}), **headers}
        return httpx.Client(transport=self._transport, base_url=URL, headers=given)

    def user(self) -> httpx.Client:
        return self.client(self.service.access.create("tests")[1])

    def browser(self) -> httpx.Client:
        """A client with an open session, which sends what a browser does from our own pages."""
        client = self.client(**{"Sec-Fetch-Site": "same-origin"})
        client.get("/login", params={"token": self.sessions.new_link()})
        return client

    def job(self, config: JobConfig) -> httpx.Client:
        return self.client(config.api_key.get_secret_value())

    def close(self) -> None:
        self._transport.close()


def raw_call(
    app: Any,
    headers: Sequence[tuple[bytes, bytes]],
    messages: Sequence[dict[str, Any]] = (),
    path: str = "/api/tags",
    method: str = "POST",
) -> tuple[int, Any]:
    """Calls an application with a path and messages that no client would send; returns the status and the JSON."""
    sent: list[dict[str, Any]] = []
    pending = list(messages)

    async def receive() -> dict[str, Any]:
        if not pending:
            await asyncio.sleep(60)
        return pending.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        # Decoded once, as the server does.
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8765"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8765),
    }
    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return sent[0]["status"], json.loads(body)


def routes(app: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Every path of an application with its methods, included routers' too."""
    pending = list(app.routes)
    while pending:
        route = pending.pop()
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            pending.extend(inner.routes)
        elif hasattr(route, "methods"):
            yield route.path, frozenset(route.methods or ())
        else:
            raise AssertionError(f"a route of an unknown kind: {route!r}")

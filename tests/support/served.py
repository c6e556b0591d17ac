"""A workspace with its application, for tests: a service, clients of every kind, and the routes."""

from collections.abc import Iterator
from typing import Any

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

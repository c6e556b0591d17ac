"""An application called in this process as if over HTTP: no socket, no server, real requests and answers.

client = httpx.Client(transport=AsgiTransport(app), base_url="http://127.0.0.1:8765")
"""

import asyncio
import threading
from typing import Any

import httpx


class AsgiTransport(httpx.BaseTransport):
    """Runs the application in an event loop of its own thread, so that plain clients can call it."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._handle(request), self._loop).result(240)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        content = request.read()
        asked = httpx.Request(
            request.method, request.url, headers=request.headers, content=content, extensions=request.extensions
        )
        # As they are: the constructor would put in a Host of its own.
        asked.headers = request.headers
        answer = await self._inner.handle_async_request(asked)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers.raw, content=body)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

"""A small real HTTP server on loopback that answers as a test tells it to, and keeps what it was sent."""

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass
class Request:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass
class Host:
    """What the server does and has seen.

    `answer(request)` gives the status, or (status, headers).
    """

    address: str = ""
    answer: object = None
    requests: list[Request] = field(default_factory=list)

    def events(self):
        """Every event that arrived in an accepted batch, in order of arrival."""
        return [event for request in self.requests if "/events" in request.path for event in request.json["events"]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a handler that hangs on purpose would hold up the test's end


def _handler(host: Host):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            answer = host.answer(request) if host.answer is not None else 204
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            host.requests.append(request)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def http_host(port: int = 0, **settings):
    """Yields a running `Host`; `port` 0 takes a free one."""
    host = Host(**settings)
    server = _Server(("127.0.0.1", port), _handler(host))
    host.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

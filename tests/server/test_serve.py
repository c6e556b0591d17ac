"""The real server: its own process, a socket, signals, and what the disk holds after it was killed."""

import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import httpx
import pytest

from brevetti_keras.server.serve import is_loopback, listening_socket, serve
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import AccessError, InvalidInputError, PlatformError
from brevetti_keras.wire.events import Event, epoch_body
from tests.support.ports import free_port
from tests.support.queued_jobs import until

PROGRAM = """
import sys
from brevetti_keras.server.serve import serve
heavy = {"tensorflow", "keras", "cv2", "sklearn", "matplotlib"}
serve(sys.argv[1], port=int(sys.argv[2]), on_ready=lambda link: print(link, flush=True))
print("ended", sorted(heavy & set(sys.modules)), flush=True)
"""


class Server:
    """A server in a process of its own."""

    def __init__(self, home, port=0):
        command = [sys.executable, "-c", PROGRAM, home, str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.link = self.process.stdout.readline().strip()
        self.url = self.link.partition("/login")[0]

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.communicate(timeout=240)


@pytest.fixture
def server(service):
    running = Server(service.home)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


def test_a_session_from_the_link_to_the_end(server, service):
    assert server.link.startswith("http://127.0.0.1:")
    with httpx.Client(base_url=server.url, timeout=120) as client:
        assert client.get("/api/jobs").status_code == 401
        assert client.get(server.link).status_code == 303
        assert client.get("/").status_code == 200
        service.jobs.create("made meanwhile")
        listed = client.get("/api/jobs").json()
        assert [job["name"] for job in listed["items"]] == ["made meanwhile"]
        assert client.get("/api/model-types").status_code == 200
        assert client.get("/api/verify").json() == []
        assert client.get(server.link, headers={"Host": "evil.example"}).status_code == 421
        assert "server" not in client.get("/").headers
    output, errors = server.end()
    assert output.strip() == "ended []"
    assert errors == ""
    assert server.process.returncode == 0


def test_it_starts_what_is_queued(server, service):
    job_id = service.jobs.create("first", job_class="no_such_module_anywhere:Job").id
    service.jobs.start(job_id)
    job = until(lambda: (job := service.jobs.get(job_id)).state == "failed" and job)
    assert "no_such_module_anywhere" in job.message


def test_raw_requests_that_no_library_sends(server):
    port = int(server.url.rpartition(":")[2])

    def send(text):
        with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(65536).split(b"\r\n")[0]

    assert b"421" in send(b"GET /static/x HTTP/1.0\r\n\r\n")
    assert b"400" in send(b"GET / HTTP/1.1\r\n\r\n")
    assert b"421" in send(b"GET / HTTP/1.1\r\nHost: localhost.evil\r\n\r\n")
    assert b"401" in send(b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"400" in send(b"nonsense\r\n\r\n")


def test_sigterm_ends_it_too(server):
    server.end(signal.SIGTERM)
    assert server.process.returncode in {0, -signal.SIGTERM}


def test_a_busy_port_is_one_line(server, service):
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(PlatformError, match=f"received {port}, which another program uses") as caught:
        serve(service.home, port=port)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", [("203.0.113.1", 0), ("127.0.0.1", 99999), ("127.0.0.1", -1)])
def test_an_address_that_is_not_ours_is_one_line(address):
    with pytest.raises(InvalidInputError, match=r"expected (an address of this machine|a port)"):
        listening_socket(*address)


def test_loopback_is_known():
    assert [is_loopback(host) for host in ("127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST")] == [
        True
    ] * 6
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "example.org", "")] == [False] * 5


@pytest.fixture
def certificate(tmp_path):
    """A certificate of our own for 127.0.0.1."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, *subject, "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return str(cert), str(key)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_network_needs_tls_and_a_key(service, host, certificate):
    with pytest.raises(AccessError, match="TLS"):
        serve(service.home, host=host, port=0)
    with pytest.raises(AccessError, match="a user's key"):
        serve(service.home, host=host, port=0, tls_cert=certificate[0], tls_key=certificate[1])
    record, _ = service.access.create("a")
    service.access.revoke(record.id)
    with pytest.raises(AccessError, match="a user's key"):
        serve(service.home, host=host, port=0, tls_cert=certificate[0], tls_key=certificate[1])


def test_a_certificate_needs_its_key_and_both_their_files(service, certificate):
    with pytest.raises(InvalidInputError, match="together"):
        serve(service.home, tls_cert=certificate[0])
    with pytest.raises(InvalidInputError, match=r"none\.pem, which is not there"):
        serve(service.home, tls_cert="/none.pem", tls_key=certificate[1])


def test_https(service, certificate):
    code = (
        "import sys; from brevetti_keras.server.serve import serve;"
        "serve(sys.argv[1], port=0, tls_cert=sys.argv[2], tls_key=sys.argv[3],"
        " on_ready=lambda link: print(link, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, service.home, *certificate], stdout=subprocess.PIPE, text=True
    )
    try:
        link = process.stdout.readline().strip()
        assert link.startswith("https://127.0.0.1:")
        with httpx.Client(verify=ssl.create_default_context(cafile=certificate[0])) as client:
            answer = client.get(link)
            assert answer.status_code == 303
            assert "Secure" in answer.headers["set-cookie"]
            assert client.get(link.partition("/login")[0] + "/api/jobs").status_code == 200
    finally:
        process.kill()
        process.communicate()


def test_killed_while_events_arrive_nothing_that_was_acknowledged_is_lost(service):
    """The ledger: what the client wrote down as acknowledged is stored, once and in order, whenever the server dies."""
    config = service.jobs.create("first")
    key = config.api_key.get_secret_value()
    port = free_port()
    server = Server(service.home, port)
    acknowledged, total, draw = [], 80, random.Random(3)
    deaths = sorted(draw.sample(range(10, total), 2))
    number = 0
    deadline = time.monotonic() + 240
    client = httpx.Client(timeout=120)
    while number < total and time.monotonic() < deadline:
        if deaths and number >= deaths[0]:
            deaths.pop(0)
            threading.Timer(draw.random() * 0.01, server.process.kill).start()
        event = Event(key=f"k{number}", kind="epoch", body=epoch_body(number, {"loss": number / 10}))
        try:
            answer = client.post(
                f"{server.url}/api/jobs/{config.id}/events",
                content=json.dumps({"events": [event.model_dump(mode="json")]}),
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            )
        except httpx.TransportError:
            server.process.communicate(timeout=240)
            server = Server(service.home, port)
            continue
        assert answer.status_code == 200, answer.text
        acknowledged.append(event.key)
        number += 1
    client.close()
    server.end()
    with open_service(service.home) as after:
        stored = [event.key for event in after.events.list(config.id)]
        assert after.verify() == []
    assert len(acknowledged) == total
    assert not deaths
    assert stored == acknowledged
    assert os.path.exists(f"{service.home}/platform.sqlite3")

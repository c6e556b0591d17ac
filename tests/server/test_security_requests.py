"""Cases S29 to S40 as requests: what the gate of tests/server/test_access.py and test_bodies.py does not show yet."""

import http.client
import inspect
import os
import re
import socket
import threading
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest
from sqlalchemy import event as sql_event

from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.keys import key_hash, matches
from brevetti_keras.server.serve import serve
from brevetti_keras.server.store import Store
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import BrevettiError
from tests.server.test_bodies import AMBIGUOUS
from tests.support.processes import Server

CANARY = "canary-5f0e7c61d2"


@pytest.fixture
def server(service):
    with Server(service.home) as running:
        yield running


@pytest.fixture
def job(service):
    return service.jobs.create("first")


def test_s29_the_stream_and_the_static_files_go_by_our_name_only(server, job, service):
    """S29: with a valid key too, over a socket."""
    key = service.access.create("user")[1]
    for path in (f"/jobs/{job.id}/live", "/static/pages.js", "/", "/api/jobs", "/login"):
        for host in ("evil.example", "localhost.evil", f"evil.example:{server.port}"):
            assert asked(server.port, path, {"Host": host, "Authorization": f"Bearer {key}"}) == 421, (path, host)
    assert asked(server.port, "/api/jobs", {"Host": "localhost", "Authorization": f"Bearer {key}"}) == 200


def asked(port, path, headers, verb="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.putrequest(verb, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_s31_it_listens_on_this_machine_alone(server):
    """S31: the default address is 127.0.0.1, and no other is open."""
    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"
    listening = psutil.Process(server.process.pid).net_connections("inet")
    assert {found.laddr.ip for found in listening if found.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_s34_a_stolen_database_holds_no_key(served, service, job):
    """S34: neither a job's, nor a user's, nor a link's or session's; they are compared in constant time."""
    _, user_key = service.access.create("user")
    browser = served.browser()
    browser.get("/api/jobs")
    secrets = [job.api_key.get_secret_value(), user_key, *browser.cookies.values()]
    assert len(secrets) == 3
    for name in os.listdir(service.home):
        if name.startswith("platform.sqlite3"):
            data = Path(service.home, name).read_bytes()
            assert not [secret for secret in secrets if secret.encode() in data], name
    assert matches(key_hash(user_key), user_key)
    assert "compare_digest" in inspect.getsource(matches)


def test_s35_secrets_of_environment_urls_and_headers_stay_out_of_everything(service, job):
    """S35: nothing that the server prints, logs or stores has them, whatever goes wrong."""
    environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": f"{CANARY}-env", "DATABASE_PASSWORD": f"{CANARY}-env"}
    with Server(service.home, environment=environment) as server:
        key = service.access.create("user")[1]
        user = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=server.url, timeout=120) as client:
            for headers in ({"Authorization": f"Bearer {CANARY}"}, {"Cookie": f"brevetti={CANARY}"}, {"X-A": CANARY}):
                client.get("/api/jobs", headers=headers)
                client.post("/api/tags", headers={**user, **headers}, content=b"{")
            client.get(f"/api/jobs?password={CANARY}", headers=user)
            client.get(f"/login?token={CANARY}")
            client.post(f"/api/models/{job.id}/remotemonitor?key={CANARY}", json={"epoch": 0})
            client.post("/api/model-types", headers=user, json={"reference": "no_such_module:Class"})
            seen = client.get("/api/jobs", headers=user).text + client.get("/api/model-types", headers=user).text
        output, errors = server.end()
    assert CANARY not in seen + output + errors
    assert key not in output + errors
    assert job.api_key.get_secret_value() not in output + errors
    for top, _, names in os.walk(service.home):
        for name in names:
            assert CANARY.encode() not in Path(top, name).read_bytes(), name


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://u:{CANARY}@127.0.0.1:1/x",
        f"nosuch://u:{CANARY}@h/x",
    ],
)
def test_s35_a_database_s_password_is_in_no_message(home, url):
    """S35: whatever is wrong with its address."""
    try:
        open_service(home, database_url=url).close()
    except BrevettiError as error:
        chain = error
        while chain is not None:
            assert not isinstance(chain, BrevettiError) or CANARY not in str(chain)
            chain = chain.__cause__
    else:
        pytest.fail("expected an address that cannot be used to be refused")


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_s37_json_that_readers_disagree_on_is_refused_quickly(served, name):
    """S37: 400 within 50 ms of the processor's time."""
    user = served.user()
    times = []
    for _ in range(3):
        begin = time.process_time()
        answer = user.post("/api/tags", content=AMBIGUOUS[name], headers={"Content-Type": "application/json"})
        times.append(time.process_time() - begin)
        assert answer.status_code == 400
    assert min(times) < 0.05


def test_s38_a_flood_is_refused_without_being_held(server, service, job):
    """S38: 200 MB to a route for small bodies, declared and chunked, leave the server's memory as it was."""
    key = service.access.create("user")[1]
    process = psutil.Process(server.process.pid)
    assert asked(server.port, "/api/jobs", {"Authorization": f"Bearer {key}"}) == 200
    before, highest, done = process.memory_info().rss, [0], threading.Event()

    def watch():
        while not done.wait(0.01):
            highest[0] = max(highest[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for path in ("/api/tags", f"/api/jobs/{job.id}/events"):
            assert flooded(server.port, path, key, declared=True) == 413
            assert flooded(server.port, path, key, declared=False) == 413
    finally:
        done.set()
        watcher.join()
    assert highest[0] - before < 60_000_000


def flooded(port, path, key, *, declared, total=200_000_000):
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        length = f"Content-Length: {total}" if declared else "Transfer-Encoding: chunked"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\n{length}\r\n\r\n".encode())
        piece = b"x" * 65536
        piece = piece if declared else b"10000\r\n" + piece + b"\r\n"
        connection.settimeout(5)
        try:
            for _ in range(total // 65536):
                connection.sendall(piece)
        except OSError:
            # It closed the connection, or no longer reads: the answer came before the end.
            pass
        connection.settimeout(60)
        return int(re.match(rb"HTTP/1\.1 (\d+)", connection.recv(4096))[1])


def test_s39_thousands_of_ranges_cost_nothing(served, service, job):
    """S39: less than 50 ms of the processor's time, and never more than the file."""
    service.artifacts.write(job.id, "a.txt", b"x" * 10_000)
    client = served.job(job)
    for ranges in (
        ",".join(f"{number}-{number}" for number in range(0, 10_000, 2)),
        ",".join("0-" for _ in range(5000)),
        ",".join(f"-{number}" for number in range(1, 5000)),
    ):
        times = []
        for _ in range(3):
            begin = time.process_time()
            answer = client.get(f"/api/jobs/{job.id}/artifacts/a.txt", headers={"Range": f"bytes={ranges}"})
            times.append(time.process_time() - begin)
            assert answer.status_code in {200, 206, 400, 416}
        assert min(times) < 0.05


ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"
TEXTS = ["'; DROP TABLE jobs; --", "(SELECT 1)", "name DESC", "(a+)+$", "%", "_", "*", "\\", "1 OR 1=1", "9" * 400]


def test_s40_no_text_of_a_request_becomes_part_of_a_query(served, service, job):
    """S40: names of columns are the server's own; values are parameters; every list has a limit."""
    statements = []
    engine = service_store(service).engine
    sql_event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    user = served.user()
    for text in TEXTS:
        for path in ("/api/jobs", f"/api/jobs/{job.id}/events", f"/api/jobs/{job.id}/curve", "/jobs", "/datasets"):
            for name in (
                "state",
                "order_by",
                "sort",
                "limit",
                "offset",
                "after",
                "kind",
                "max_points",
                "filter",
                "page",
            ):
                answer = user.get(path, params={name: text})
                assert answer.status_code in {200, 400, 422}, (path, name, text)
        assert user.get("/api/jobs/" + quote(text)).status_code in {404, 422}, text
        assert user.get("/api/model-types/" + quote(text)).status_code == 404
    assert len(statements) > 100
    assert not [line for line in statements if any(text in line for text in TEXTS if len(text) > 2)]
    assert [found.id for found in service.jobs.list()] == [job.id]


@pytest.mark.parametrize(
    "query", ["jobs?limit=10001", "jobs?limit=-1", "jobs?offset=-1", "jobs?offset=9e99", "jobs/{}/events?limit=10001"]
)
def test_s40_lists_are_bounded(served, job, query):
    """S40: more than the most is refused, not cut."""
    assert served.user().get("/api/" + query.format(job.id)).status_code == 422
    assert served.user().get(f"/api/jobs/{job.id}/curve?max_points=100001").status_code == 422


def test_s40_a_query_that_takes_too_long_ends_with_one_line(served, service, job):
    """S40: 503; others are answered meanwhile, and the same question later."""
    service_store(service)._query_seconds = 0.3
    user, address = served.user(), f"/api/jobs/{job.id}/events"

    def endless(connection, cursor, statement, parameters, context, many):
        asks = "FROM events" in statement
        return (ENDLESS, ()) if asks else (statement, parameters)

    engine = service_store(service).engine
    sql_event.listen(engine, "before_cursor_execute", endless, retval=True)
    answers = []
    slow = threading.Thread(target=lambda: answers.append(user.get(address)))
    slow.start()
    assert user.get("/api/tags").status_code == 200
    slow.join(60)
    assert answers[0].status_code == 503
    assert re.fullmatch(
        r"expected a query .* in time, received one that takes too long: .*", answers[0].json()["error"]
    )
    sql_event.remove(engine, "before_cursor_execute", endless)
    assert user.get(address).json() == []
    assert user.post(address, json={"events": []}).status_code == 200


def test_s40_columns_are_the_tables_own(service):
    """S40: a name that is no column's never reaches the database."""
    with service_store(service).read() as reader:
        for text in TEXTS:
            with pytest.raises(KeyError):
                reader.find(tables.jobs, order=(text,))
            with pytest.raises(KeyError):
                reader.find(tables.jobs, {text: 1})


def service_store(service) -> Store:
    return service.jobs._store

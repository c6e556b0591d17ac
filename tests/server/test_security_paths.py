"""Cases S01 to S08 over HTTP: whatever path, address or name a request brings, it stays inside its job."""

import hashlib
import os
import re
import stat
import unicodedata

import httpx
import pytest

from tests.support.processes import Server

SECRET = b"what no answer may hold"
FORMS = [
    *(
        "../{}",
        "%2e%2e/{}",
        "..%2f{}",
        "%252e%252e%252f{}",
        "a/../../{}",
        "..\\{}",
        "..%5c{}",
        ";/../{}",
        "%2e%2e%2f{}",
    ),
    *("../artifacts2/{}", "../../{}", "....//{}", "%c0%ae%c0%ae/{}", "{}%00", "{}%00.png", "../{}%23", "../{}?x"),
]
ABSOLUTE = ["/etc/{}", "//etc/{}", "%2fetc%2f{}", "C:%5c{}", "C:/{}", "file:///etc/{}", "~/{}"]
DOORS = ["/api/jobs/{job}/artifacts/", "/jobs/{job}/reports/", "/static/", "/api/jobs/{job}/charts/"]


@pytest.fixture
def job(service):
    """A job beside which secrets lie, at the places where the forms would lead."""
    config = service.jobs.create("first")
    folder = f"{service.home}/jobs/{config.id}"
    os.makedirs(f"{folder}/artifacts2")
    for place in (folder, f"{folder}/artifacts2", f"{service.home}/jobs", service.home):
        for name in ("secret.html", "secret.json"):
            with open(f"{place}/{name}", "wb") as file:
                file.write(SECRET)
    return config


def outside(service, job):
    """A hash of every file but those of the job's artifacts and the database, which keeps the keys' records."""
    own = f"{service.home}/jobs/{job.id}/artifacts/"
    found = hashlib.sha256()
    for top, folders, names in os.walk(service.home):
        folders.sort()
        for path in sorted(os.path.join(top, name) for name in names):
            if not path.startswith((own, f"{service.home}/platform.sqlite3")):
                with open(path, "rb") as file:
                    found.update(path.encode() + b"\0" + file.read())
    return found.hexdigest()


@pytest.mark.parametrize("door", DOORS)
def test_s01_s02_no_form_of_a_path_leads_out(served, job, door):
    """S01, S02: nothing from outside, and one answer whether or not there is a file where the path would lead."""
    client = served.user()
    for form in [*FORMS, *ABSOLUTE]:
        seen = set()
        for name in ("secret.html", "missing.html", "passwd"):
            answer = sent(client, "GET", door.format(job=job.id) + form.format(name))
            assert answer.status_code in {400, 404}, form
            assert SECRET not in answer.content, form
            assert b"root:" not in answer.content, form
            seen.add((answer.status_code, answer.content.replace(name.encode(), b"")))
        assert len(seen) == 1, form


def sent(client, verb, address, **more):
    """Asks for an address as it stands, as by a client that cleans up nothing."""
    request = client.build_request(verb, "/", **more)
    request.url = request.url.copy_with(raw_path=address.encode())
    return client.send(request)


def test_s01_a_path_is_decoded_exactly_once(served, service, job):
    """S01: the name `%2e%2e%2fsecret.html` is a name like any other, and is not decoded again."""
    service.artifacts.write(job.id, "%2e%2e%2fsecret.html", b"its own")
    answer = sent(served.user(), "GET", f"/api/jobs/{job.id}/artifacts/%252e%252e%252fsecret.html")
    assert (answer.status_code, answer.content) == (200, b"its own")


@pytest.mark.parametrize(
    "place",
    [
        *("../other/artifacts/m.tar.gz", "/etc/passwd", "file:///etc/passwd", "gs://other/x", "s3://other/x"),
        *("a/../../x", "..", "a\\b", "a\0b", "https://evil.example/x"),
    ],
)
def test_s03_a_job_names_no_place_outside_itself(served, service, job, place):
    """S03: the model that a job reports lies among its own artifacts, whichever route it reports by."""
    event = {"key": "end", "kind": "complete", "time": "2026-01-01T00:00:00Z", "body": {"model_path": place}}
    posted = served.job(job).post(f"/api/jobs/{job.id}/events", json={"events": [event]})
    url, _, query = job.complete_url.partition("?")
    key = query.partition("key=")[2].partition("&")[0]
    completed = served.client().post(url, params={"key": key, "modelPath": place})
    assert (posted.status_code, completed.status_code) == (422, 422)
    found = service.jobs.get(job.id)
    assert (found.state, found.model_path) == ("created", None)


def test_s03_an_address_in_a_dataset_s_place_is_never_fetched(served, service):
    """S03: a bucket's prefix may be named by a user; what it is called opens nothing here."""
    user = served.user()
    assert user.post("/api/datasets", json={"bucket": "gs://other/x"}).status_code == 201
    for path in ("gs://other/x", "gs://other/x/a.png", "gs://other/x/../../../../etc/passwd"):
        assert user.get("/download", params={"path": path}).status_code == 404


@pytest.mark.parametrize(
    ("place", "status"),
    [
        *((f"{scheme}://169.254.169.254/latest", 422) for scheme in ("http", "https", "HTTP", "ftp", "s3", "gopher")),
        *(
            (f"gs://{rest}", 422)
            for rest in ("", "/", "a:b@bucket/x", "bucket:80/x", "bucket/../x", "b%2f/x", "UPPER/x")
        ),
        *(("file://other.example/etc", 422), ("data://x", 422), ("memory://x", 422), ("\0", 422), ("", 422)),
        *(("file:///nowhere/at/all", 404), ("../nowhere", 404)),
    ],
)
def test_s03_a_dataset_lies_on_this_machine_or_in_a_bucket(served, service, place, status):
    """S03: an address of another kind is refused whole, by whichever route it comes."""
    user = served.user()
    for address, body in (("", {"bucket": place}), ("/find-or-add", {"path_or_name": place})):
        answer = user.post("/api/datasets" + address, json=body)
        assert (answer.status_code, "\n" in answer.json()["error"]) == (status, False), answer.text
    assert service.datasets.list() == []


def test_s03_a_job_s_key_sets_no_dataset_s_place(served, service, vials):
    """S03: neither of its own datasets nor of others: it has no route there."""
    dataset = service.datasets.add(vials)
    own = served.job(service.jobs.create("own", dataset_ids=[dataset.id]))
    body = {"bucket": service.home}
    for verb, address in (
        ("POST", "/api/datasets"),
        ("POST", "/api/datasets/find-or-add"),
        ("PATCH", f"/api/datasets/{dataset.id}"),
        ("PUT", f"/api/datasets/{dataset.id}"),
        ("DELETE", f"/api/datasets/{dataset.id}"),
        ("POST", "/api/jobs"),
    ):
        assert own.request(verb, address, json=body).status_code == 404, (verb, address)
    assert service.datasets.list() == [dataset]


def test_s03_a_dataset_around_the_workspace_does_not_open_it(served, service, job, tmp_path):
    """S03: neither another job's key in its info.json nor the database, to a job or to a user."""
    (tmp_path / "beside.txt").write_text("beside")
    dataset = service.datasets.add(str(tmp_path))
    service.artifacts.write(job.id, "made.txt", b"made")
    own = served.job(service.jobs.create("own", dataset_ids=[dataset.id]))
    asked = {
        f"{tmp_path}/beside.txt": 200,
        f"{service.home}/jobs/{job.id}/artifacts/made.txt": 200,
        f"{service.home}/jobs/{job.id}/info.json": 404,
        f"{service.home}/jobs/{job.id}/secret.html": 404,
        f"{service.home}/platform.sqlite3": 404,
        f"{service.home}/platform.lock": 404,
    }
    for client in (own, served.user()):
        assert {path: client.get("/download", params={"path": path}).status_code for path in asked} == asked


@pytest.mark.parametrize(
    "name", ["/etc/cron.d/x", "../x", "x" * 300, "a\nb", "CON", "\\\\host\\x", 'a"; filename="b', ".hidden"]
)
def test_s04_the_file_name_of_a_form_is_never_a_path(served, service, job, name):
    """S04: no route takes a file's place from a form, and nothing is written for one."""
    before = outside(service, job)
    sent = {"data": (name, b'{"epoch": 0}')}
    assert served.client().post(job.remote_url, files=sent).status_code in {400, 422}
    user = served.user()
    assert user.post("/api/datasets", files={"bucket": (name, b"x")}).status_code == 415
    url = f"/api/jobs/{job.id}/artifacts/upload.bin"
    assert user.put(url, files={"data": (name, b"content")}).status_code == 201
    assert [entry.path for entry in service.artifacts.list(job.id)] == ["upload.bin"]
    assert outside(service, job) == before


def test_s05_nothing_outside_is_removed_or_written(served, service, job):
    """S05: no verb but GET and PUT has a route to artifacts; every form leaves all other files as they were."""
    service.artifacts.write(job.id, "kept.txt", b"kept")
    before, client = outside(service, job), served.user()
    binary = {"content": b"x", "headers": {"Content-Type": "application/octet-stream"}}
    for form in [*FORMS, *ABSOLUTE, "", "{}"]:
        for verb in ("DELETE", "PATCH", "POST", "PUT"):
            for door in (f"/api/jobs/{job.id}/artifacts/", "/api/jobs/", "/jobs/"):
                status = sent(client, verb, door + form.format("secret.html"), **binary).status_code
                allowed = {201} if verb == "PUT" and "artifacts" in door else set()
                assert status in {400, 404, 405, 409, 415, 422} | allowed, (verb, door, form)
    assert outside(service, job) == before
    assert service.artifacts.read(job.id, "kept.txt") == b"kept"
    assert [found.id for found in service.jobs.list()] == [job.id]


def test_s05_removing_a_dataset_leaves_its_files(served, service, vials):
    """S05: what is forgotten is the reference."""
    dataset = service.datasets.add(vials)
    assert served.user().delete(f"/api/datasets/{dataset.id}").status_code == 204
    assert os.path.isfile(f"{vials}/good/1.png")


def test_s06_links_in_a_job_s_artifacts_lead_nowhere(served, service, job):
    """S06: to a file, to the folder above, to one whose name begins alike, over another link, to itself."""
    folder, client = f"{service.home}/jobs/{job.id}/artifacts", served.user()
    links = {"link.html": "../secret.html", "up": "..", "beside": f"{folder}2", "hop": "up", "loop": "loop"}
    for name, target in links.items():
        os.symlink(target, f"{folder}/{name}")
    before = outside(service, job)
    for name in ("link.html", "up/secret.html", "beside/secret.html", "hop/secret.html", "loop/x.html"):
        for door in (f"/api/jobs/{job.id}/artifacts/", f"/jobs/{job.id}/reports/", f"/download?path={folder}/"):
            answer = client.get(door + name)
            assert answer.status_code == 404, door + name
            missing = client.get(door + name.replace("secret", "none").replace("link", "none"))
            assert answer.content == missing.content, door + name
    assert service.artifacts.list(job.id) == []
    assert client.put(f"/api/jobs/{job.id}/artifacts/up/new.html", content=b"x").status_code == 422
    assert outside(service, job) == before


def test_s07_names_that_some_systems_do_not_tell_apart_are_in_conflict(served, service, job):
    """S07: stored in NFC; the second of two that differ in case, in Unicode form or by `%2F` for `/` is 409."""
    client = served.job(job)
    base = f"/api/jobs/{job.id}/artifacts/"
    composed = "caf\u00e9/a.txt"
    assert client.put(base + composed, content=b"1").json()["path"] == composed
    for other in (unicodedata.normalize("NFD", composed), "CAF\u00c9/a.txt", "caf\u00e9/A.TXT"):
        assert client.put(base + other, content=b"2").status_code == 409, other
    # `%2F` is `/` once decoded: the same file, replaced, and never a second one beside it.
    assert client.put(base + "caf%C3%A9%2Fa.txt", content=b"3").status_code == 201
    assert [entry.path for entry in service.artifacts.list(job.id)] == [composed]
    assert client.get(base + composed).content == b"3"


def test_s07_names_of_tags_and_datasets_are_unique(served, service, vials):
    """S07: whatever form they are written in."""
    user = served.user()
    assert user.post("/api/tags", json={"name": "caf\u00e9"}).status_code == 201
    assert user.post("/api/tags", json={"name": "cafe\u0301"}).status_code == 409
    assert user.post("/api/datasets", json={"bucket": vials, "name": "caf\u00e9"}).status_code == 201
    assert user.post("/api/datasets", json={"bucket": vials, "name": "cafe\u0301"}).status_code == 409


def test_s08_what_the_server_writes_is_its_owner_s_alone(served, service, job):
    """S08: no folder or file of the workspace may be changed, or its folders entered, by another user."""
    served.job(job).put(f"/api/jobs/{job.id}/artifacts/deep/a.txt", content=b"x")
    served.job(job).post(f"/api/jobs/{job.id}/events", json={"events": []})
    assert stat.S_IMODE(os.stat(service.home).st_mode) == 0o700
    for top, folders, names in os.walk(service.home):
        for name in [*folders, *names]:
            mode = os.stat(os.path.join(top, name)).st_mode
            assert not mode & (stat.S_IWGRP | stat.S_IWOTH), os.path.join(top, name)
    for folder in ("jobs", f"jobs/{job.id}", f"jobs/{job.id}/temp", f"jobs/{job.id}/artifacts", "datasets"):
        assert stat.S_IMODE(os.stat(f"{service.home}/{folder}").st_mode) == 0o700, folder


@pytest.fixture
def open_umask():
    """The most careless that a user can have: what is made is for everyone, unless its maker says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_s08_a_careless_umask_opens_nothing(open_umask, home, vials):
    """S08: what a server makes can be written by nobody else, whatever the habit of the machine is."""
    with Server(home) as server, httpx.Client(base_url=server.url, headers={"Origin": server.url}) as browser:
        browser.get(server.link)
        dataset = browser.post("/api/datasets", json={"bucket": vials}).json()["id"]
        job = browser.post("/api/jobs", json={"name": "first", "dataset_ids": [dataset]}).json()["id"]
        base = f"/api/jobs/{job}"
        assert browser.put(f"{base}/artifacts/deep/er/a.txt", content=b"x").status_code == 201
        assert browser.put(f"{base}/charts/c", json={"mark": "bar"}).status_code == 204
    found = {os.path.join(top, name) for top, folders, names in os.walk(home) for name in [*folders, *names]}
    assert len(found) > 12
    for path in found:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        assert not mode & (stat.S_IWGRP | stat.S_IWOTH), (path, oct(mode))
    for folder in ("", "jobs", "datasets", f"jobs/{job}", f"jobs/{job}/temp", f"jobs/{job}/artifacts"):
        assert stat.S_IMODE(os.stat(os.path.join(home, folder)).st_mode) == 0o700, folder
    for name in ("platform.sqlite3", "platform.lock", f"jobs/{job}/info.json"):
        assert stat.S_IMODE(os.stat(os.path.join(home, name)).st_mode) == 0o600, name


def test_s08_work_files_have_names_that_nobody_can_guess(service, job, monkeypatch):
    """S08: nobody can put a link or a file where the next one will be written."""
    temporary = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda source, target: (temporary.append(source), replace(source, target)))
    for number in range(3):
        service.artifacts.write(job.id, "a.txt", b"%d" % number)
        with service.artifacts.receive(job.id, "b.txt") as file:
            file.write(b"x")
    names = [os.path.basename(path) for path in temporary]
    assert len(set(names)) == 6
    assert all(re.fullmatch(r"\.[0-9a-f]{24}\.(tmp|upload)", name) for name in names)

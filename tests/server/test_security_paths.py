"""Cases S01 to S08 over HTTP: whatever path, address or name a request brings, it stays inside its job."""

import hashlib
import os
import stat
import unicodedata

import pytest

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
    """S03: a job's key adds no dataset; what a user names elsewhere opens nothing here."""
    own, user = served.job(service.jobs.create("own")), served.user()
    assert own.post("/api/datasets", json={"bucket": service.home}).status_code == 404
    assert service.datasets.list() == []
    for bucket in ("gs://other/x", "http://169.254.169.254/"):
        user.post("/api/datasets", json={"bucket": bucket})
        for path in (bucket, f"{bucket}/a.png", f"{bucket}/../../../../etc/passwd"):
            assert user.get("/download", params={"path": path}).status_code == 404


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

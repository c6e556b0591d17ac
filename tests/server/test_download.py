import os

import pytest

from brevetti_keras.wire.routes import download_url


@pytest.fixture
def user(served, service, vials):
    service.datasets.add(vials)
    return served.user()


def status(client, path):
    return client.get(download_url(str(path))).status_code


def test_a_sample_is_shown(user, vials):
    answer = user.get(download_url(f"{vials}/good/1.png"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == b"\x89PNGgood/1.png"


def test_an_artifact_is_shown(user, service):
    config = service.jobs.create("first")
    service.artifacts.write(config.id, "a/b.txt", b"text")
    folder = f"{service.home}/jobs/{config.id}"
    assert user.get(download_url(f"{folder}/artifacts/a/b.txt")).text == "text"
    for other in ("info.json", "events.log", "temp/x", "artifacts", "artifacts/none"):
        assert status(user, f"{folder}/{other}") == 404, other


def test_everything_else_is_one_and_the_same_404(user, service, vials, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    os.makedirs(f"{vials}2")
    with open(f"{vials}2/near.png", "wb") as file:
        file.write(b"secret")
    answers = {
        user.get("/download", params={"path": path}).content
        for path in (
            "/etc/passwd", "/etc/none", str(secret), f"{vials}2/near.png", f"{vials}/../secret.png", vials, "",
            f"{vials}/good/../../secret.png", "good/1.png", f"{vials}/none.png", f"{vials}/good/1.png\0",
            f"{service.home}/platform.sqlite3", "file:///etc/passwd", "/proc/self/environ", "x" * 5000,
            "/" + "x" * 5000,
        )
    }  # fmt: skip
    assert answers == {b'{"error":"no such file in a dataset or job"}'}
    assert user.get("/download").status_code == 422


def test_a_sample_is_shown_by_an_existing_client_s_link_too(user, service, served, vials):
    # It takes the first folder of a dataset's path for the name of a bucket.
    cut = f"{vials}/good/1.png".split("/", 2)[2]
    answer = user.get(download_url(cut))
    assert (answer.status_code, answer.content) == (200, b"\x89PNGgood/1.png")
    assert status(served.job(service.jobs.create("another's")), cut) == 404
    for other in ("good/1.png", f"{cut}/..", cut.replace("good", ".."), f"/{cut}", f"{vials}2/1.png"[1:]):
        assert status(user, other) == 404, other


def test_hidden_files_of_a_dataset_stay_hidden(user, vials):
    os.makedirs(f"{vials}/.annotations")
    for name in (".secret", ".annotations/a.json"):
        with open(f"{vials}/{name}", "w") as file:
            file.write("x")
        assert status(user, f"{vials}/{name}") == 404


def test_a_link_in_a_dataset_may_lead_to_an_image_and_to_nothing_else(user, vials, tmp_path):
    (tmp_path / "elsewhere.png").write_bytes(b"image")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    os.symlink(tmp_path / "elsewhere.png", f"{vials}/good/link.png")
    os.symlink(tmp_path / "secret.txt", f"{vials}/good/secret.png")
    os.symlink("/etc/passwd", f"{vials}/good/passwd.png")
    assert status(user, f"{vials}/good/link.png") == 200
    assert status(user, f"{vials}/good/secret.png") == 404
    assert status(user, f"{vials}/good/passwd.png") == 404


def test_what_a_csv_lists_is_shown_and_its_neighbours_are_not(served, service, vials, tmp_path):
    table = tmp_path / "list.csv"
    table.write_text(f"path,category\nvials/good/1.png,good\n{vials}/bad/3.png,bad\n../secret.png,x\n")
    service.datasets.add(str(table))
    user = served.user()
    assert status(user, f"{vials}/good/1.png") == 200
    assert status(user, f"{vials}/bad/3.png") == 200
    assert status(user, f"{vials}/good/2.png") == 404
    assert status(user, table) == 404


def test_a_job_reads_its_own_datasets_and_artifacts(served, service, vials, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.png").write_bytes(b"x")
    service.datasets.add(vials)
    service.datasets.add(str(other))
    own, foreign = service.jobs.create("own", dataset_ids=["vials"]), service.jobs.create("foreign")
    for config in (own, foreign):
        service.artifacts.write(config.id, "a.txt", b"x")
    client = served.job(own)
    assert status(client, f"{vials}/good/1.png") == 200
    assert status(client, f"{service.home}/jobs/{own.id}/artifacts/a.txt") == 200
    assert status(client, other / "x.png") == 404
    assert status(client, f"{service.home}/jobs/{foreign.id}/artifacts/a.txt") == 404


def test_a_link_out_of_a_job_s_artifacts_opens_nothing(user, service, tmp_path):
    config = service.jobs.create("first")
    (tmp_path / "secret.png").write_bytes(b"secret")
    os.symlink(tmp_path / "secret.png", f"{service.home}/jobs/{config.id}/artifacts/link.png")
    assert status(user, f"{service.home}/jobs/{config.id}/artifacts/link.png") == 404

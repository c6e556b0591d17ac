"""A dataset tells what its jobs set aside, from the tables that they left."""

import pytest

from brevetti_keras.utils.errors import NotFoundError

HEAD = "path,dataset,dataset_id,category,size,reason\n"


@pytest.fixture
def data(service, vials):
    return service.datasets.add(vials).id


def job(service, data, name, *rows):
    """A job on a dataset whose table has these rows: path and reason, of that dataset or another."""
    made = service.jobs.create(name, dataset_ids=[data]).id
    lines = [f'"{path}",vials,{of or data},good,0,"{reason}"\n' for path, reason, of in rows]
    service.artifacts.write(made, "quarantine.csv", (HEAD + "".join(lines)).encode())
    return made


def test_a_file_stands_there_once_for_each_reason_with_its_jobs(service, data):
    first = job(service, data, "one", ("/v/b.png", "empty", ""), ("/v/a.png", "ends early", ""))
    second = job(service, data, "two", ("/v/b.png", "empty", ""), ("/v/b.png", "no image", ""), ("/x.png", "x", "y"))
    found = service.quarantine.of_dataset(data)
    assert [(file.path, file.reason, [one.id for one in file.jobs]) for file in found] == [
        ("/v/a.png", "ends early", [first]),
        ("/v/b.png", "empty", [second, first]),
        ("/v/b.png", "no image", [second]),
    ]
    assert (found[0].label, found[0].jobs[0].name) == ("good", "one")
    assert service.quarantine.of_dataset("vials") == found


def test_jobs_without_a_table_or_with_a_damaged_one_add_nothing(service, data, vials):
    other = service.datasets.add(vials, "other").id
    job(service, other, "of another", ("/v/a.png", "x", data))
    service.jobs.create("none", dataset_ids=[data])
    for number, text in enumerate((b"", b"\xff\xfe", b"path\n", b"path,dataset_id\n" + b'"' * 9, b"\0" * 20)):
        made = service.jobs.create(f"bad {number}", dataset_ids=[data]).id
        service.artifacts.write(made, "quarantine.csv", text)
    assert service.quarantine.of_dataset(data) == []
    with pytest.raises(NotFoundError):
        service.quarantine.of_dataset("nope")


def test_only_the_newest_jobs_are_looked_at(service, data, monkeypatch):
    module = "brevetti_keras.server.capabilities.quarantine"
    monkeypatch.setattr(f"{module}._MOST_JOBS", 2)
    monkeypatch.setattr(f"{module}._PAGE", 2)
    for number in range(4):
        job(service, data, str(number), (f"/v/{number}.png", "x", ""))
    service.jobs.create("on nothing")
    assert [file.path for file in service.quarantine.of_dataset(data)] == ["/v/2.png", "/v/3.png"]
    monkeypatch.setattr(f"{module}._MOST_FILES", 1)
    assert len(service.quarantine.of_dataset(data)) == 1


def test_it_is_asked_over_http(served, service, data):
    made = job(service, data, "one", ("/v/b.png", "empty", ""))
    answer = served.user().get(f"/api/datasets/{data}/quarantine")
    assert answer.json() == [
        {"path": "/v/b.png", "label": "good", "reason": "empty", "jobs": [{"id": made, "name": "one"}]}
    ]
    assert served.user().get("/api/datasets/nope/quarantine").status_code == 404

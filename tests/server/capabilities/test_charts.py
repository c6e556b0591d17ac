import json

import pytest

from brevetti_keras.utils.errors import InvalidInputError, NotFoundError


@pytest.fixture
def job(service):
    return service.jobs.create("first").id


def test_charts_are_artifacts(service, job):
    service.charts.put(job, "confusion", {"mark": "rect"})
    service.charts.put(job, "a chart of (x, y)", '{"mark": "bar"}')
    assert service.charts.list(job) == ["a chart of (x, y)", "confusion"]
    assert json.loads(service.charts.get(job, "confusion")) == {"mark": "rect"}
    assert service.artifacts.read(job, "charts/confusion.json") == b'{"mark":"rect"}'


def test_a_chart_of_the_same_name_is_replaced(service, job):
    service.charts.put(job, "a", {"mark": "rect"})
    service.charts.put(job, "a", {"mark": "bar"})
    assert json.loads(service.charts.get(job, "a")) == {"mark": "bar"}
    assert service.charts.list(job) == ["a"]


@pytest.mark.parametrize("name", ["", "a/b", "../x", "..\\x", "a\0", ".hidden"])
def test_a_name_that_is_no_file_s_is_refused(service, job, name):
    with pytest.raises(InvalidInputError):
        service.charts.put(job, name, {})
    with pytest.raises(NotFoundError):
        service.charts.get(job, name)


@pytest.mark.parametrize("spec", ["", "[]", "3", "nope", '{"a": NaN}', '{"a": 1, "a": 2}'])
def test_what_is_no_json_object_is_refused(service, job, spec):
    with pytest.raises(InvalidInputError):
        service.charts.put(job, "a", spec)


def test_other_files_beside_are_not_charts(service, job):
    service.artifacts.write(job, "charts/notes.txt", b"")
    service.artifacts.write(job, "charts/below/a.json", b"{}")
    assert service.charts.list(job) == []


def test_missing_jobs_and_charts_are_not_found(service, job):
    for call in (
        lambda: service.charts.get(job, "none"),
        lambda: service.charts.get("nobody", "a"),
        lambda: service.charts.list("nobody"),
        lambda: service.charts.put("nobody", "a", {}),
    ):
        with pytest.raises(NotFoundError):
            call()

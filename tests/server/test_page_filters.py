import datetime

import pytest

from brevetti_keras.server.page_filters import (
    artifact_url,
    chart_url,
    filesize,
    filters,
    first_line,
    moment,
    number,
    plain,
    took,
)
from brevetti_keras.wire.records import Job

NOW = datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.980612, "0.9806"),
        (1797, "1,797"),
        (1234567.0, "1,234,567"),
        (1.5e-7, "1.5e-07"),
        (float("nan"), "not a number"),
        (float("-inf"), "infinite"),
        (True, "true"),
        (None, "–"),
        ("", "–"),
        ("text", "text"),
        ([1, 2], "[1,2]"),
    ],
)
def test_figures_are_short(value: object, text: str) -> None:
    assert number(value) == text


def test_plain_keeps_figures_whole() -> None:
    assert plain(0.9806123) == "0.9806123"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1834, "1.8 kB"), (5_000_000, "5.0 MB"), (7 * 10**15, "7000.0 TB")]
)
def test_sizes_have_units(size: int, text: str) -> None:
    assert filesize(size) == text


def test_times_become_elements_for_the_readers_zone() -> None:
    assert moment("2026-01-02T03:04:05Z") == '<time datetime="2026-01-02T03:04:05Z">2026-01-02 03:04 UTC</time>'
    assert moment("2026-01-02T03:04:05+02:00") == (
        '<time datetime="2026-01-02T03:04:05+02:00">2026-01-02 01:04 UTC</time>'
    )
    assert moment("") == "–"
    assert moment('"><script>') == "–"


def ago(**span: int) -> str:
    return (NOW - datetime.timedelta(**span)).isoformat()


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (Job(id="a", run_id="r", name="n"), "–"),
        (Job(id="a", run_id="r", name="n", state="completed", started=ago(seconds=75), ended=ago()), "1 min 15 s"),
        (
            Job(id="a", run_id="r", name="n", state="completed", started=ago(hours=3), ended=ago(minutes=5)),
            "2 h 55 min",
        ),
        (Job(id="a", run_id="r", name="n", state="failed", started=ago(seconds=9), ended=ago()), "9 s"),
        (Job(id="a", run_id="r", name="n", state="failed", started=ago(seconds=9)), "–"),
        (Job(id="a", run_id="r", name="n", state="completed", started=ago(), ended=ago(minutes=1)), "0 s"),
    ],
)
def test_durations(job: Job, text: str) -> None:
    assert took(job) == text


def test_a_running_jobs_duration_grows_to_now() -> None:
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2, minutes=30)
    job = Job(id="a", run_id="r", name="n", state="running", started=started.isoformat())
    assert took(job) in {"2 h 30 min", "2 h 31 min"}


def test_addresses_are_quoted() -> None:
    assert artifact_url("a b/ü?#.txt", "j/1") == "/api/jobs/j%2F1/artifacts/a%20b/%C3%BC%3F%23.txt"
    assert chart_url("a/b", "j") == "/api/jobs/j/charts/a%2Fb"


def test_first_line_is_bounded() -> None:
    assert first_line("  one\ntwo") == "one"
    assert len(first_line("x" * 1000)) == 200


def test_each_filter_stands_under_its_own_name() -> None:
    assert all(function.__name__ == name for name, function in filters().items())

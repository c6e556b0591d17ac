"""The store, the queue and the events on a real PostgreSQL: the very tests of SQLite, and what is PostgreSQL's own."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import URL, text

from brevetti_keras.server import tables
from brevetti_keras.server.migrate import migrate
from brevetti_keras.server.service import Service
from brevetti_keras.server.store import Store
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import PlatformError
from brevetti_keras.wire.events import Event, epoch_body
from tests.server import test_launches, test_store
from tests.server.capabilities import test_events
from tests.support.postgresql import PostgreSql

# These are about SQLite's file, or open the workspace's own a second time.
LEFT_OUT = {
    "test_answers_are_on_the_disk",
    "test_writers_of_many_threads_and_stores_take_turns",
    "test_failures_of_the_database_are_one_line_of_ours",
    "test_a_file_that_is_no_database_is_said_to_be_damaged",
    "test_a_full_disk_loses_nothing_and_recovers",
    "test_a_url_that_names_no_database_is_one_line",
    "test_the_workspace_file_stays_out_of_messages_about_types",
    "test_two_services_on_one_workspace_store_each_event_once",
    "test_many_claim_at_once_and_each_job_is_claimed_once",
    # These are about many rows, for seconds.
    "test_the_limit_is_each_query_s_own_and_spares_what_is_stored_at_once",
    "test_a_very_long_curve_is_quick",
}
SHARED = {
    name: value
    for module in (test_store, test_launches, test_events)
    for name, value in vars(module).items()
    if (name.startswith("test_") and name not in LEFT_OUT)
}
globals().update(SHARED)
launches, queued, child = test_launches.launches, test_launches.queued, test_launches.child
job, log = test_events.job, test_events.log


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSql]:
    with PostgreSql() as running:
        yield running


@pytest.fixture(scope="module")
def migrated(server) -> str:
    """The name of a database with the newest schema, to copy from."""
    address = server.database()
    store = Store(address)
    migrate(store.engine)
    store.close()
    return str(address.database)


@pytest.fixture
def url(server, migrated) -> URL:
    """Of a new database with the newest schema."""
    return server.database(migrated)


@pytest.fixture
def store(url) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def service(url, home) -> Iterator[Service]:
    with open_service(home, database_url=url.render_as_string(hide_password=False)) as opened:
        yield opened


def test_the_tests_of_sqlite_are_here_too():
    assert len(SHARED) > 40


def test_it_is_postgresql_and_what_is_answered_is_kept(service):
    service.tags.ensure("line=3")
    with service.jobs._store.engine.connect() as connection:
        assert str(connection.execute(text("SELECT version()")).scalar()).startswith("PostgreSQL")
        assert connection.execute(text("SELECT count(*) FROM tags")).scalar() == 2


def all_at_once(*calls):
    """Runs calls in threads of their own; what one raises is raised."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [running.result(240) for running in [pool.submit(call) for call in calls]]


def test_many_open_a_new_database_at_once(server, tmp_path):
    """Each migrates it if need be; one does, the others wait for it."""
    address = server.database().render_as_string(hide_password=False)
    homes = [str(tmp_path / f"w{number}") for number in range(4)]
    all_at_once(*(lambda home=home: open_service(home, database_url=address).close() for home in homes))
    with open_service(homes[0], database_url=address) as service:
        assert service.verify() == []


@pytest.fixture
def second(url, home, service) -> Iterator[Service]:
    """Another server on the same database."""
    with open_service(home, database_url=url.render_as_string(hide_password=False)) as opened:
        yield opened


def test_writers_of_two_services_take_turns_and_the_chain_holds(service, second):
    """Each event once, in one order, and `verify` finds nothing."""
    job_id = service.jobs.create("first").id

    def post(to, start):
        for number in range(start, start + 25):
            event = Event(key=f"k{number}", kind="epoch", body=epoch_body(number, {"loss": 0.5}))
            to.events.append(job_id, [event])

    # The middle half is posted by both.
    all_at_once(lambda: post(service, 0), lambda: post(second, 12), lambda: post(service, 25))
    events = second.events.list(job_id)
    assert sorted(event.key for event in events) == sorted(f"k{number}" for number in range(50))
    assert [event.sequence for event in events] == list(range(1, 51))
    assert service.verify() == []


def test_each_job_of_the_queue_is_claimed_once(service, second, queued):
    jobs = [queued() for _ in range(6)]

    def claim(by):
        found = []
        while (launch := by.launches.claim(100)) is not None:
            found.append(launch.job_id)
        return found

    claimed = all_at_once(*(lambda by=by: claim(by) for by in (service, second, service, second)))
    assert sorted(job_id for found in claimed for job_id in found) == sorted(jobs)


def test_a_value_changed_by_other_hands_is_found(service):
    service.tags.ensure("line=3")
    with service.jobs._store.engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE tags SET name = 'x' WHERE name = '3'"))
    assert any("differs from its checksum" in problem for problem in service.verify())


def test_a_server_that_is_gone_is_one_line(home):
    with pytest.raises(PlatformError) as caught:
        open_service(home, database_url="postgresql+psycopg://u:secret@127.0.0.1:1/x")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_connection_that_was_cut_is_made_anew(store, url):
    with store.read() as reader:
        assert reader.count(tables.tags) == 0
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with contextlib.closing(Store(url)) as other, other.engine.connect() as connection:
        assert connection.execute(text(f"SELECT count(pg_terminate_backend(pid)) {others}")).scalar() == 1
    with store.read() as reader:
        assert reader.count(tables.tags) == 0

import contextlib
import errno
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event, text

from brevetti_keras.server import tables
from brevetti_keras.server.migrate import migrate
from brevetti_keras.server.store import Store
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError, PlatformError, StorageError
from tests.support.queued_jobs import until


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path}/test.sqlite3")
    migrate(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def url(store):
    """Of a migrated database."""
    return store.engine.url


def add_tags(store, *names):
    with store.write() as writer:
        writer.insert_many(tables.tags, [{"id": name, "name": name} for name in names])


def names(store, **options):
    with store.read() as reader:
        return [row["name"] for row in reader.find(tables.tags, **options)]


def test_rows_read_back_as_written_with_what_was_not_given_empty(store):
    add_tags(store, "line")
    with store.read() as reader:
        row = reader.get(tables.tags, "line")
    assert {key: row[key] for key in ("id", "name", "parent_id", "created")} == {
        "id": "line", "name": "line", "parent_id": "", "created": "",
    }  # fmt: skip
    assert len(row["checksum"]) == 64


def test_a_missing_row_is_none(store):
    with store.read() as reader:
        assert reader.get(tables.tags, "nobody") is None
        assert reader.first(tables.tags, {"name": "nobody"}) is None


def test_a_column_that_does_not_exist_is_refused(store):
    with pytest.raises(KeyError, match="colour"), store.write() as writer:
        writer.insert(tables.tags, {"id": "1", "colour": "red"})


def test_find_filters_sorts_and_cuts(store):
    add_tags(store, "a", "b", "c", "d")
    assert names(store, where={"name": ["b", "d", "x"]}) == ["b", "d"]
    assert names(store, order=("name",), descending=True, limit=2) == ["d", "c"]
    assert names(store, order=("name",), limit=2, offset=1) == ["b", "c"]
    assert names(store, after={"name": "b"}) == ["c", "d"]
    assert names(store, where={"name": []}) == []


def test_a_beginning_is_taken_literally(store):
    add_tags(store, "a%b", "axb", "a_b")
    assert names(store, starts_with=("name", "a%")) == ["a%b"]
    assert names(store, starts_with=("name", "a_")) == ["a_b"]


def test_find_among_takes_any_number_of_values(store):
    add_tags(store, *(f"{number:04d}" for number in range(1200)))
    wanted = [f"{number:04d}" for number in range(0, 1200, 2)] + ["none"] * 600
    with store.read() as reader:
        found = reader.find_among(tables.tags, {}, "id", wanted)
    assert len(found) == 600


def test_counts_and_highest(store):
    with store.write() as writer:
        assert writer.highest(tables.jobs, "number") == 0
        writer.insert_many(tables.jobs, [{"id": str(n), "number": n, "state": "running"} for n in (3, 7)])
    with store.read() as reader:
        assert reader.highest(tables.jobs, "number") == 7
        assert reader.count(tables.jobs) == 2
        assert reader.count(tables.jobs, {"state": "failed"}) == 0


def test_nothing_of_a_block_that_raises_is_stored(store):
    with pytest.raises(KeyError), store.write() as writer:
        writer.insert_many(tables.tags, [{"id": "1", "name": "line"}]) or writer.insert(tables.tags, {"colour": "red"})
    assert names(store) == []
    assert store.verify() == []


def test_update_changes_the_row_and_its_checksum(store):
    add_tags(store, "a")
    with store.write() as writer:
        before = writer.get(tables.tags, "a")
        after = writer.update(tables.tags, "a", {"name": "b"})
        assert writer.get(tables.tags, "a") == after
    assert after["name"] == "b"
    assert after["checksum"] != before["checksum"]
    assert store.verify() == []


def test_an_update_that_changes_nothing_leaves_no_entry(store):
    add_tags(store, "a")
    with store.write() as writer:
        writer.update(tables.tags, "a", {"name": "a"})
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM changes")).scalar() == 1


def test_a_damaged_row_is_not_given_a_new_checksum(store):
    add_tags(store, "a")
    with store.engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE tags SET name = 'x'"))
    with pytest.raises(IntegrityError, match="differs from its checksum"), store.write() as writer:
        writer.update(tables.tags, "a", {"name": "b"})
    assert any("differs from its checksum" in problem for problem in store.verify())


def test_updating_a_row_that_is_gone_is_an_error(store):
    with pytest.raises(IntegrityError), store.write() as writer:
        writer.update(tables.tags, "nobody", {"name": "b"})


def test_answers_are_on_the_disk(store):
    with store.read(), store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30_000


def test_readers_see_one_moment_and_never_wait(store):
    add_tags(store, "a")
    with store.read() as reader:
        assert reader.count(tables.tags) == 1
        add_tags(store, "b")
        assert reader.count(tables.tags) == 1
    assert names(store) == ["a", "b"]


def test_writers_of_many_threads_and_stores_take_turns(tmp_path, store):
    other = Store(f"sqlite:///{tmp_path}/test.sqlite3")

    def add(chosen, prefix):
        for number in range(20):
            with chosen.write() as writer:
                top = writer.highest(tables.jobs, "number")
                writer.insert(tables.jobs, {"id": f"{prefix}{number}", "number": top + 1})

    threads = [threading.Thread(target=add, args=pair) for pair in ((store, "a"), (other, "b"), (other, "c"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as reader:
        assert [row["number"] for row in reader.find(tables.jobs, order=("number",))] == list(range(1, 61))
    assert store.verify() == []
    other.close()


@pytest.mark.parametrize(
    ("text_of_sqlite", "kind"),
    [
        ("database or disk is full", StorageError),
        ("attempt to write a readonly database", StorageError),
        ("unable to open database file", StorageError),
        ("database disk image is malformed", IntegrityError),
        ("file is not a database", IntegrityError),
        ("database is locked", PlatformError),
        ("something else", PlatformError),
    ],
)
def test_failures_of_the_database_are_one_line_of_ours(store, text_of_sqlite, kind):
    def fail(*_):
        raise sqlite3.OperationalError(text_of_sqlite)

    event.listen(store.engine, "do_execute", fail)
    with pytest.raises(kind, match=text_of_sqlite) as caught, store.read() as reader:
        reader.count(tables.tags)
    assert "\n" not in str(caught.value)
    if "full" in text_of_sqlite:
        assert caught.value.errno == errno.ENOSPC


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path):
    path = tmp_path / "bad.sqlite3"
    path.write_bytes(b"not a database at all" * 100)
    store = Store(f"sqlite:///{path}")
    with pytest.raises(IntegrityError, match="not a database"), store.read() as reader:
        reader.count(tables.tags)
    assert "cannot be read" in store.verify()[0]
    store.close()


def test_a_full_disk_loses_nothing_and_recovers(tmp_path, store):
    """The database may not grow past a few pages, which is what a full disk looks like to SQLite."""
    stored = []
    with store.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()

    def fill():
        for number in range(1000):
            with store.write() as writer:
                writer._connection.execute(text(f"PRAGMA max_page_count = {pages + 10}"))
                writer.insert(tables.tags, {"id": f"{number}", "name": f"{number:0500d}"})
            stored.append(f"{number}")

    with pytest.raises(StorageError, match="full") as caught:
        fill()
    assert caught.value.errno == errno.ENOSPC
    assert stored
    with store.read() as reader:
        assert {row["id"] for row in reader.find(tables.tags)} == set(stored)
    with store.write() as writer:
        writer._connection.execute(text("PRAGMA max_page_count = 1000000"))
        writer.insert(tables.tags, {"id": "after", "name": "after"})
    assert store.verify() == []


@pytest.mark.parametrize("url", ["", "nonsense", "nosuchdatabase://x/y", "postgresql+nosuchdriver://x/y"])
def test_a_url_that_names_no_database_is_one_line(url):
    with pytest.raises(InvalidInputError, match="expected a database URL"):
        Store(url)


def test_a_missing_head_is_damage(store):
    with store.engine.connect() as connection, connection.begin():
        connection.execute(text("DELETE FROM chain"))
    with pytest.raises(IntegrityError, match="head"):
        add_tags(store, "a")


def test_the_workspace_file_stays_out_of_messages_about_types(tmp_path):
    folder = tmp_path / "folder.sqlite3"
    folder.mkdir()
    store = Store(f"sqlite:///{folder}")
    with pytest.raises(StorageError, match="unable to open"), store.read() as reader:
        reader.count(tables.tags)
    store.close()
    assert Path(folder).is_dir()


ENDLESS = text("WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t")


@pytest.mark.parametrize("door", ["read", "write"])
def test_a_query_that_takes_too_long_is_ended_and_the_next_is_not(url, door):
    store = Store(url, query_seconds=0.2)

    def none_are_counted():
        # A machine that stands still makes any query take long.
        with contextlib.suppress(PlatformError), getattr(store, door)() as session:
            time.sleep(0.3)
            return session.count(tables.tags) == 0

    with contextlib.closing(store):
        for _ in range(2):
            slow = pytest.raises(PlatformError, match="received one that takes too long: ask for less")
            with slow, getattr(store, door)() as session:
                session._connection.execute(ENDLESS)
        until(none_are_counted)


def test_the_limit_is_each_query_s_own_and_spares_what_is_stored_at_once(url):
    store = Store(url, query_seconds=0.4)
    with contextlib.closing(store):
        for start in range(0, 30_000, 10_000):
            with store.write() as writer:
                rows = range(start, start + 10_000)
                writer.insert_many(tables.tags, [{"id": str(row), "name": str(row), "parent_id": "0"} for row in rows])
        with store.read() as reader:
            for _ in range(4):
                time.sleep(0.15)
                assert reader.count(tables.tags) == 30_000
        assert store.verify() == []

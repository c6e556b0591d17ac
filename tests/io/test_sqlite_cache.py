import logging
import os
import pickle
import sqlite3
import stat
import threading

import pytest

from brevetti_keras.io.sqlite_cache import SqliteCache, database_files, is_damage, remove_database

_SCHEMA = "CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY)"


@pytest.fixture
def cache(tmp_path):
    return SqliteCache(str(tmp_path / "deep" / "words.sqlite3"), _SCHEMA, of="words", without="they are asked again")


def _words(cache):
    found = []
    assert cache.use(lambda connection: found.extend(connection.execute("SELECT word FROM words ORDER BY word")))
    return [word for (word,) in found]


def _add(word):
    return lambda connection: connection.execute("INSERT INTO words VALUES (?)", (word,))


def test_what_one_action_writes_the_next_reads(cache, tmp_path):
    assert cache.use(_add("a"))
    assert cache.use(_add("b"))
    assert _words(cache) == ["a", "b"]
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700


def test_it_stays_open_between_actions_and_is_closed_with_the_cache(cache):
    seen, other = [], pickle.loads(pickle.dumps(cache))
    other.use(seen.append)
    other.use(seen.append)
    assert seen[0] is seen[1]
    del other
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        seen[0].execute("SELECT 1")


def test_what_an_action_began_and_did_not_end_is_undone(cache):
    def begun(connection):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO words VALUES ('half')")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.use(begun)
    assert cache.use(_add("a"))
    assert _words(cache) == ["a"]


def test_a_file_that_is_removed_or_replaced_is_opened_anew(cache):
    cache.use(_add("a"))
    remove_database(cache.path)
    assert _words(cache) == []
    cache.use(_add("b"))
    other = pickle.loads(pickle.dumps(cache))
    remove_database(cache.path)
    other.use(_add("c"))
    assert _words(cache) == ["c"]


def test_threads_share_it(cache):
    threads = [threading.Thread(target=cache.use, args=(_add(f"{number:02}"),)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _words(cache) == [f"{number:02}" for number in range(40)]


def test_a_fork_opens_the_file_for_itself_also_while_a_thread_uses_it(cache):
    reached, go_on, seen = threading.Event(), threading.Event(), []

    def slow(connection):
        seen.append(connection)
        reached.set()
        go_on.wait(60)

    user = threading.Thread(target=cache.use, args=(slow,))
    user.start()
    assert reached.wait(60)
    child = os.fork()
    if not child:
        status = 1
        try:
            own = []
            status = 0 if cache.use(_add("child")) and cache.use(own.append) and own[0] is not seen[0] else 2
            del cache
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    user.join()
    assert cache.use(_add("parent"))
    assert _words(cache) == ["child", "parent"]


def test_it_is_written_ahead_so_that_readers_and_a_writer_do_not_wait_for_each_other(cache):
    modes = []
    cache.use(lambda connection: modes.extend(connection.execute("PRAGMA journal_mode").fetchone()))
    assert modes == ["wal"]


def test_a_new_file_waits_for_the_process_that_is_making_it(cache, caplog):
    cache.use(_add("a"))
    remove_database(cache.path)
    maker = sqlite3.connect(cache.path, isolation_level=None, check_same_thread=False)
    maker.execute(_SCHEMA)
    maker.execute("BEGIN IMMEDIATE")  # the state in which SQLite refuses the switch without waiting
    maker.execute("INSERT INTO words VALUES ('made')")
    ended = threading.Event()

    def end():
        ended.set()
        maker.execute("COMMIT")

    done = threading.Timer(0.3, end)
    done.start()
    with caplog.at_level(logging.WARNING):
        assert cache.use(_add("b")), caplog.text
    assert ended.is_set()
    done.join()
    maker.close()
    assert _words(cache) == ["b", "made"]


def test_a_file_that_stays_locked_is_given_up_and_said_once(cache, caplog, monkeypatch):
    monkeypatch.setattr("brevetti_keras.io.sqlite_cache._WAIT_SECONDS", 0.05)
    pickle.loads(pickle.dumps(cache)).use(_add("a"))
    holder = sqlite3.connect(cache.path, isolation_level=None)
    holder.execute("PRAGMA journal_mode=DELETE")
    holder.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.WARNING):
        assert not cache.use(_add("b"))
        assert not cache.use(_add("c"))
    assert [record.getMessage() for record in caplog.records] == [
        f"words are not remembered, they are asked again: {cache.path}: database is locked"
    ]
    holder.execute("ROLLBACK")
    holder.close()
    assert _words(cache) == ["a"]


def test_a_damaged_file_starts_anew_and_the_action_runs_on_the_new_one(cache, tmp_path, caplog):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "words.sqlite3").write_bytes(b"no database at all" * 500)
    with caplog.at_level(logging.WARNING):
        assert cache.use(_add("a"))
    assert "the memory of words is damaged and starts anew" in caplog.text
    assert _words(cache) == ["a"]


def test_an_action_that_is_always_damaged_is_given_up(cache, caplog):
    calls = []

    def broken(connection):
        calls.append(connection)
        raise sqlite3.DatabaseError("database disk image is malformed")

    with caplog.at_level(logging.WARNING):
        assert not cache.use(broken)
    assert len(calls) == 2
    assert "words are not remembered" in caplog.text


def test_an_error_of_the_caller_is_the_callers(cache):
    with pytest.raises(ZeroDivisionError):
        cache.use(lambda connection: 1 // 0)
    assert _words(cache) == []


def test_a_folder_that_cannot_be_made_costs_the_cache_only(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = SqliteCache(str(tmp_path / "file" / "x.sqlite3"), _SCHEMA, of="words", without="they are asked again")
    with caplog.at_level(logging.WARNING):
        assert not cache.use(_add("a"))
    assert "words are not remembered, they are asked again" in caplog.text


def test_a_database_is_removed_with_its_log(cache, tmp_path):
    cache.use(_add("a"))
    with sqlite3.connect(cache.path) as held:
        held.execute("INSERT INTO words VALUES ('b')")
        assert {str(path) for path in (tmp_path / "deep").iterdir()} == set(database_files(cache.path))
        remove_database(cache.path)
    held.close()
    remove_database(cache.path)
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "damage"),
    [
        (sqlite3.DatabaseError("malformed"), True),
        (sqlite3.OperationalError("database is locked"), False),
        (PermissionError("no"), False),
    ],
)
def test_only_the_content_is_damage(error, damage):
    assert is_damage(error) is damage

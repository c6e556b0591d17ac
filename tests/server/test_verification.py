import random
import shutil
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevetti_keras.server.row_checks import FIRST_HASH, change_hash, row_checksum
from brevetti_keras.server.tables import CHECKED
from brevetti_keras.server.workspace import open_service
from brevetti_keras.wire.events import Event


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A workspace with a row in every table, closed."""
    folder = tmp_path_factory.mktemp("filled")
    home = str(folder / "workspace")
    with open_service(home) as service:
        vials_id = service.datasets.add(str(folder), tags=["line=3"]).id
        service.tags.add("other")
        service.access.create("night run")
        config = service.jobs.create("first", dataset_ids=[vials_id])
        for number in range(5):
            event = Event(key=f"e{number}", kind="epoch", body={"epoch": number, "loss": 0.5})
            service.events.append(config.id, [event])
        service.jobs.start(service.jobs.create("second", job_class="vials.train:TrainingJob").id)
        service.tags.remove(service.tags.add("gone").id)
        service.model_types.list()
        assert service.verify() == []
    connection = sqlite3.connect(f"{home}/platform.sqlite3")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return home


@pytest.fixture
def filled(original, home):
    """A copy of it, to be tampered with."""
    shutil.copytree(original, home)
    return home


def change(home, *statements):
    with sqlite3.connect(f"{home}/platform.sqlite3") as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
    connection.close()


def problems(home):
    with open_service(home) as service:
        return service.verify()


@pytest.mark.parametrize("table", [table.name for table in CHECKED])
def test_every_column_of_every_table_is_covered(filled, table):
    columns = next(checked for checked in CHECKED if checked.name == table).c.keys()
    with sqlite3.connect(f"{filled}/platform.sqlite3") as connection:
        rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    assert rows > 0
    for column in columns:
        shutil.copytree(filled, f"{filled}-copy")
        last = f"(SELECT max(rowid) FROM {table})"
        change(f"{filled}-copy", f"UPDATE {table} SET {column} = coalesce({column}, '') || 'x' WHERE rowid = {last}")
        found = problems(f"{filled}-copy")
        assert any(line.startswith(table) or "SQLite" in line for line in found), column
        shutil.rmtree(f"{filled}-copy")


def test_a_number_that_became_text_is_seen(filled):
    change(filled, "UPDATE events SET kind = CAST(kind AS BLOB) WHERE sequence = 2")
    assert any(line.startswith("events") for line in problems(filled))


def test_a_row_with_a_fresh_checksum_is_seen_by_the_log(filled):
    with sqlite3.connect(f"{filled}/platform.sqlite3") as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM tags WHERE name = 'other'").fetchone())
        row["name"] = "changed"
        connection.execute(
            "UPDATE tags SET name = ?, checksum = ? WHERE id = ?", ("changed", row_checksum("tags", row), row["id"])
        )
    connection.close()
    assert [line for line in problems(filled) if "changed past the log" in line]


def test_a_removed_row_is_missed(filled):
    change(filled, "DELETE FROM events WHERE sequence = 3")
    assert [line for line in problems(filled) if "is missing" in line]


def test_a_row_put_in_is_seen(filled):
    row = {"id": "x", "name": "x", "parent_id": "", "created": ""}
    change(filled, f"INSERT INTO tags VALUES ('x', 'x', '', '', '{row_checksum('tags', row)}')")
    assert [line for line in problems(filled) if "put in past the log" in line]


def test_a_row_put_back_is_seen(filled):
    with sqlite3.connect(f"{filled}/platform.sqlite3") as connection:
        removed = connection.execute("SELECT row_id FROM changes WHERE action = 'remove'").fetchone()[0]
        row = {"id": removed, "name": "gone", "parent_id": "", "created": ""}
        connection.execute("INSERT INTO tags VALUES (?, 'gone', '', '', ?)", (removed, row_checksum("tags", row)))
    connection.close()
    assert [line for line in problems(filled) if "is there again" in line]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM changes WHERE sequence = 4",
        "DELETE FROM changes WHERE sequence = (SELECT max(sequence) FROM changes)",
        "UPDATE changes SET time = '2000' WHERE sequence = 4",
        "UPDATE changes SET row_id = 'x' WHERE sequence = 4",
        "UPDATE changes SET row_checksum = 'x' WHERE sequence = (SELECT max(sequence) FROM changes)",
        "UPDATE changes SET hash = 'x' WHERE sequence = 4",
        "UPDATE chain SET hash = 'x'",
        "UPDATE chain SET sequence = sequence - 1",
        "DELETE FROM chain",
        "DELETE FROM changes",
    ],
)
def test_an_edited_log_is_seen(filled, statement):
    change(filled, statement)
    assert [line for line in problems(filled) if line.startswith(("changes", "chain"))]


def test_cutting_off_the_end_with_its_head_is_seen_by_the_rows(filled):
    with sqlite3.connect(f"{filled}/platform.sqlite3") as connection:
        top = connection.execute("SELECT max(sequence) FROM changes").fetchone()[0]
        kept = connection.execute("SELECT hash FROM changes WHERE sequence = ?", (top - 1,)).fetchone()[0]
        connection.execute("DELETE FROM changes WHERE sequence = ?", (top,))
        connection.execute("UPDATE chain SET sequence = ?, hash = ?", (top - 1, kept))
    connection.close()
    assert problems(filled)


def test_another_schema_version_is_seen(filled):
    with open_service(filled) as service:
        change(filled, "UPDATE alembic_version SET version_num = '9999'")
        assert [line for line in service.verify() if "alembic_version" in line]


def test_very_many_problems_are_cut_short(home):
    with open_service(home) as service:
        config = service.jobs.create("long")
        events = [Event(key=str(n), kind="epoch", body={"epoch": n}) for n in range(1100)]
        service.events.append(config.id, events)
    change(home, "UPDATE events SET body = '{}'")
    found = problems(home)
    assert len(found) == 1001
    assert "stopped after 1000" in found[-1]


def test_bytes_flipped_anywhere_in_the_file_are_found_or_do_no_harm(filled, tmp_path):
    """Bit rot: whatever byte turns, either it is reported, or every row still reads as it was written."""
    path = f"{filled}/platform.sqlite3"
    with open(path, "rb") as file:
        whole = file.read()
    rows = contents(path)
    used = [at for at, byte in enumerate(whole) if byte and at >= 100]
    draw = random.Random(5)
    found = 0
    for number in range(60):
        at = draw.choice(used)
        damaged = bytearray(whole)
        damaged[at] ^= 1 << draw.randrange(8)
        other = tmp_path / f"flip-{number}"
        other.mkdir()
        (other / "platform.sqlite3").write_bytes(damaged)
        seen = noticed(str(other))
        found += seen
        assert seen or contents(other / "platform.sqlite3") == rows, f"byte {at} changed a row unseen"
    assert found > 30


def noticed(home):
    try:
        return bool(problems(home))
    except Exception:  # noqa: BLE001 - a workspace that does not open is noticed too
        return True


def contents(path):
    connection = sqlite3.connect(path)
    try:
        return {
            table.name: connection.execute(f"SELECT * FROM {table.name} ORDER BY id").fetchall() for table in CHECKED
        }
    finally:
        connection.close()


VALUES = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=4)


@given(VALUES, VALUES)
def test_rows_have_one_checksum_if_and_only_if_they_are_equal(one, other):
    one.pop("checksum", None)
    other.pop("checksum", None)
    assert (row_checksum("t", one) == row_checksum("t", other)) == (one == other)
    assert row_checksum("t", one) != row_checksum("u", one)
    assert row_checksum("t", {**one, "checksum": "x"}) == row_checksum("t", one)


def test_a_number_and_its_text_differ():
    assert row_checksum("t", {"a": 1}) != row_checksum("t", {"a": "1"})
    assert row_checksum("t", {"a": b"1"}) != row_checksum("t", {"a": "1"})


def test_a_link_depends_on_all_before_it():
    entry = {"sequence": 1, "time": "t", "action": "insert", "table_name": "tags", "row_id": "1", "row_checksum": "c"}
    link = change_hash(FIRST_HASH, entry)
    assert link == change_hash(FIRST_HASH, {**entry, "hash": "own"})
    assert link != change_hash("other", entry)
    for name in entry:
        assert link != change_hash(FIRST_HASH, {**entry, name: 9})

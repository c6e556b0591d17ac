import logging
import sqlite3
import subprocess
import sys

from brevetti_keras.data.leaks.content_memory import ContentMemory


def test_what_is_remembered_is_recalled_and_nothing_else(tmp_path):
    memory = ContentMemory(str(tmp_path / "deep" / "m.sqlite3"))
    many = {f"k{index}": bytes([index % 256]) * index for index in range(1200)}
    memory.remember(many)
    memory.remember({})
    again = ContentMemory(str(tmp_path / "deep" / "m.sqlite3"))
    assert again.recall(["absent", *many]) == many
    again.remember({"k1": b"new"})
    assert memory.recall(["k1"]) == {"k1": b"new"}
    assert memory.recall([]) == {}


def test_a_flipped_bit_is_not_recalled(tmp_path):
    path = tmp_path / "m.sqlite3"
    memory = ContentMemory(str(path))
    memory.remember({"a": b"sound", "b": b"sound"})
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE results SET value = ? WHERE key = 'a'", (b"sounD",))
    connection.close()
    assert memory.recall(["a", "b"]) == {"b": b"sound"}


def test_a_damaged_file_starts_anew(tmp_path, caplog):
    path = tmp_path / "m.sqlite3"
    path.write_bytes(b"no database at all" * 500)
    memory = ContentMemory(str(path))
    with caplog.at_level(logging.WARNING):
        assert memory.recall(["a"]) == {}
    assert "damaged and starts anew" in caplog.text
    memory.remember({"a": b"1"})
    assert memory.recall(["a"]) == {"a": b"1"}


def test_it_does_not_grow_beyond_its_bound(tmp_path):
    path = tmp_path / "m.sqlite3"
    memory = ContentMemory(str(path), most_bytes=200_000)
    for turn in range(20):
        memory.remember({f"{turn}-{index}": bytes(1000) for index in range(50)})
        assert len(memory.recall([f"{turn}-{index}" for index in range(50)])) == 50
    assert path.stat().st_size < 400_000
    assert memory.recall(["0-0"]) == {}


def test_a_folder_that_cannot_be_made_costs_the_memory_only(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    memory = ContentMemory(str(tmp_path / "file" / "m.sqlite3"))
    with caplog.at_level(logging.WARNING):
        memory.remember({"a": b"1"})
        assert memory.recall(["a"]) == {}
    assert "computed each time" in caplog.text


def test_the_cache_folder_is_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path))
    ContentMemory().remember({"a": b"1"})
    assert (tmp_path / "contents.sqlite3").is_file()


def test_processes_may_share_it(tmp_path):
    path = str(tmp_path / "m.sqlite3")
    code = (
        "import sys\n"
        "from brevetti_keras.data.leaks.content_memory import ContentMemory\n"
        "for turn in range(20):\n"
        "    ContentMemory(sys.argv[1]).remember({f'{sys.argv[2]}-{turn}': b'x'})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, path, str(number)]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(ContentMemory(path).recall([f"{number}-{turn}" for number in range(3) for turn in range(20)])) == 60

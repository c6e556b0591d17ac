import pytest

from brevetti_keras.data.found_files import FoundFiles, taken
from brevetti_keras.io.open import open_storage
from brevetti_keras.io.storage import FileInfo

INFOS = [FileInfo("a/1.png", 3, 7, "m1"), FileInfo("a/2.PNG", 4, 8), FileInfo("b.txt", 5, 0, "m3")]


@pytest.fixture
def files():
    return FoundFiles.of(INFOS)


def infos_of(files):
    columns = zip(files.paths, files.sizes, files.modified_ns, files.md5s, strict=True)
    return [FileInfo(*values) for values in columns]


def test_holds_what_was_found_in_its_order(files):
    assert infos_of(files) == INFOS
    assert len(files) == 3


def test_nothing_found_is_four_empty_columns():
    assert infos_of(FoundFiles.of([])) == []
    assert len(FoundFiles.of(iter(()))) == 0


@pytest.mark.parametrize(
    ("endings", "kept"), [(".png", [0, 1]), ((".png", ".txt"), [0, 1, 2]), (".txt", [2]), (".bmp", [])]
)
def test_keeps_the_endings_asked_for_in_any_case(endings, kept):
    assert infos_of(FoundFiles.of(INFOS, endings)) == [INFOS[row] for row in kept]


@pytest.mark.parametrize("rows", [[], [0], [2], [0, 2], [0, 1, 2], range(3), range(1, 3)])
def test_takes_rows_of_all_columns(files, rows):
    assert infos_of(files.take(rows)) == [INFOS[row] for row in rows]
    assert infos_of(files) == INFOS


def test_a_list_that_is_taken_whole_is_not_copied():
    values = ["a", "b"]
    assert taken(values, range(2)) is values
    assert taken(values, [1]) == ["b"]


def test_takes_a_walk_as_it_comes(tmp_path):
    for name in ("b.png", "a.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    storage = open_storage(str(tmp_path))
    found = FoundFiles.of(storage.walk(), (".png", ".jpg"))
    assert infos_of(found) == [storage.stat("a.jpg"), storage.stat("b.png")]

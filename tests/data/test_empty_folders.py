import pytest

from brevetti_keras.data.empty_folders import empty_folders


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "lot"
    for name in ("good", "scratch", "deep/dent", ".hidden", "notes", "only hidden"):
        (root / name).mkdir(parents=True)
    (root / "good" / "1.png").write_bytes(b"1")
    (root / "notes" / "read me.txt").write_text("no image, but something")
    (root / "only hidden" / ".keep").write_text("")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    return root


def test_folders_without_anything_are_found_at_any_depth(folder):
    assert empty_folders(str(folder)) == [f"{folder}/{name}" for name in ("deep/dent", "only hidden", "scratch")]


def test_what_is_no_folder_has_none(folder):
    (folder / "samples.csv").write_text("path\n")
    for bucket in (f"{folder}/samples.csv", f"{folder}/missing", "gs://lot/vials", "memory://lot", f"{folder}/scratch"):
        assert empty_folders(bucket) == []

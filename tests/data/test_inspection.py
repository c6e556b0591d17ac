import threading
from pathlib import Path

import pandas as pd
import pytest

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.inspection import inspect_images
from brevetti_keras.data.samples import SKIPPED_COLUMNS, samples_of
from brevetti_keras.io import open_storage
from brevetti_keras.utils.errors import DataError, DecodeError
from tests.support.images import write_image, write_image_folder


def table(count: int = 10, category=None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"/nowhere/{i}.png" for i in range(count)],
            "category": pd.Series(category or [("a",)] * count, dtype="object"),
            "dataset": "Vials",
            "dataset_id": "7",
            "size": range(count),
        }
    )


@pytest.fixture
def here(monkeypatch):
    """Lets `verify` be called for files that are not there."""
    monkeypatch.setattr("brevetti_keras.io.local.LocalStorage.local_path", lambda self, path: self.resolve(path))


def faulty(*numbers: int):
    """Finds fault with the files of these numbers."""
    return lambda path: "torn" if int(Path(path).stem) in numbers else None


class TestRealFiles:
    @pytest.fixture
    def folder(self, tmp_path):
        return write_image_folder(tmp_path / "data", {"good": 30, "bad": 30})

    def listed(self, folder, tmp_path) -> pd.DataFrame:
        return samples_of(str(folder), "7", "Vials", hashes=HashMemory(str(tmp_path / "hashes.sqlite3")))

    def test_sound_images_are_used(self, folder, tmp_path):
        samples = self.listed(folder, tmp_path)
        found = inspect_images(samples)
        pd.testing.assert_frame_equal(found.used, samples)
        assert len(found.quarantined) == 0
        assert tuple(found.quarantined.columns) == SKIPPED_COLUMNS

    def test_listed_is_used_and_quarantined(self, folder, tmp_path):
        whole = (folder / "good" / "good_0000.png").read_bytes()
        odd = {"empty.png": b"", "text.jpg": b"hello", "cut.png": whole[: len(whole) // 2], "other.jpg": whole}
        for name, content in odd.items():
            (folder / "good" / name).write_bytes(content)
        samples = self.listed(folder, tmp_path)
        found = inspect_images(samples, max_bad_share=0.1)
        names = [Path(path).name for path in found.quarantined.path]
        # What a file is stands in its first bytes, not in its name.
        assert names == ["cut.png", "empty.png", "text.jpg"]
        assert all(found.quarantined.reason)
        assert sorted([*found.used.path, *found.quarantined.path]) == samples.path.tolist()
        row = found.quarantined.iloc[2]
        assert (row.dataset, row.dataset_id, row.category, row["size"]) == ("Vials", "7", ("good",), 5)
        assert str(folder) not in row.reason

    def test_a_file_that_went_missing_is_quarantined(self, folder, tmp_path):
        samples = self.listed(folder, tmp_path)
        Path(samples.path[3]).unlink()
        found = inspect_images(samples)
        assert found.quarantined.path.tolist() == [samples.path[3]]
        assert "no file" in found.quarantined.reason[0]

    def test_files_of_another_storage_are_fetched(self, folder, tmp_path):
        storage = open_storage("memory://inspection")
        for number in range(3):
            image = write_image(tmp_path / "one.png", seed=number)
            storage.write_bytes(f"a/{number}.png", image.read_bytes())
        storage.write_bytes("a/broken.png", b"x")
        found = inspect_images(self.listed("memory://inspection", tmp_path))
        assert found.quarantined.path.tolist() == ["memory://inspection/a/broken.png"]
        assert len(found.used) == 3


@pytest.mark.usefixtures("here")
class TestVerdicts:
    def test_the_order_columns_and_frame_are_kept(self):
        samples = table(10).assign(purpose=None, extra=range(10))
        before = samples.copy(deep=True)
        found = inspect_images(samples, verify=faulty(3))
        pd.testing.assert_frame_equal(samples, before)
        assert found.used.extra.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
        assert found.used.index.tolist() == list(range(9))
        assert found.used.columns.tolist() == samples.columns.tolist()
        assert found.quarantined.to_dict("records") == [
            {
                "path": "/nowhere/3.png",
                "dataset": "Vials",
                "dataset_id": "7",
                "category": ("a",),
                "size": 3,
                "reason": "torn",
            }
        ]

    def test_each_file_is_decoded_once_though_listed_twice(self):
        calls = []
        samples = pd.concat([table(5), table(5)], ignore_index=True)
        found = inspect_images(samples, verify=lambda path: calls.append(path) or faulty(2)(path))
        assert sorted(calls) == table(5).path.tolist()
        assert (len(found.used), len(found.quarantined)) == (8, 2)

    def test_files_are_decoded_side_by_side(self):
        together = threading.Barrier(2, timeout=60)
        inspect_images(table(2), verify=lambda path: together.wait() and None)

    def test_many_files_pass_in_windows(self):
        found = inspect_images(table(3000), verify=faulty(0, 1500, 2999))
        assert found.quarantined.path.tolist() == [f"/nowhere/{i}.png" for i in (0, 1500, 2999)]

    def test_one_faulty_file_is_always_borne(self):
        assert len(inspect_images(table(3), verify=faulty(0)).used) == 2

    def test_too_many_stop_the_job_with_examples(self):
        with pytest.raises(DataError) as caught:
            inspect_images(table(100), verify=faulty(1, 2, 3, 4, 5))
        assert str(caught.value) == (
            "expected at most 1.0% of the files to be unusable, found 5 of 100: /nowhere/1.png: torn; /nowhere/2.png: "
            "torn; /nowhere/3.png: torn; …; mend or remove them, or raise max_bad_share"
        )
        assert len(inspect_images(table(100), max_bad_share=0.05, verify=faulty(1, 2, 3, 4, 5)).used) == 95

    def test_all_of_them_are_noted_before_they_stop_the_job(self):
        notes = []
        with pytest.raises(DataError):
            inspect_images(table(100), verify=faulty(1, 2, 3, 4, 5), noted=notes.append)
        (found,) = notes
        assert found.quarantined.path.tolist() == [f"/nowhere/{i}.png" for i in (1, 2, 3, 4, 5)]
        assert len(found.used) == 95

    def test_exactly_the_share_is_borne(self):
        assert len(inspect_images(table(200), verify=faulty(1, 2)).used) == 198

    def test_a_class_left_with_none_stops_the_job(self):
        samples = table(300, [("a",)] * 299 + [("rare", "a")])
        with pytest.raises(DataError, match=r"class 'rare', found none: /nowhere/299\.png: torn"):
            inspect_images(samples, verify=faulty(299))
        assert len(inspect_images(samples, verify=faulty(298)).used) == 299

    def test_how_few_of_a_class_stop_the_job_is_told(self):
        samples = table(300, [("a",)] * 296 + [("rare", "a")] * 4)
        assert len(inspect_images(samples, verify=faulty(299)).used) == 299
        with pytest.raises(DataError) as caught:
            inspect_images(samples, min_class_images=4, verify=faulty(299))
        assert str(caught.value) == (
            "expected at least 4 usable files of class 'rare', found 3: /nowhere/299.png: torn; mend or remove them, "
            "or lower min_class_images"
        )
        gone = inspect_images(samples, max_bad_share=1, min_class_images=0, verify=faulty(296, 297, 298, 299))
        assert len(gone.used) == 296
        assert len(inspect_images(samples, min_class_images=5, verify=faulty()).used) == 300

    def test_text_labels_are_one_label(self):
        samples = table(3, ["ab", "ab", "ba"])
        assert len(inspect_images(samples, verify=faulty(0)).used) == 2
        with pytest.raises(DataError, match="class 'ba'"):
            inspect_images(samples, verify=faulty(2))

    def test_raise_stops_at_a_faulty_file_and_names_it(self):
        with pytest.raises(DecodeError, match=r"^/nowhere/7\.png: torn$"):
            inspect_images(table(10), on_error="raise", verify=faulty(7, 9))
        assert len(inspect_images(table(10), on_error="raise", verify=faulty()).used) == 10

    def test_an_error_of_the_system_is_a_reason(self):
        def refuse(path):
            raise PermissionError(13, "Permission denied", path)

        with pytest.raises(DataError, match=r"/nowhere/0\.png: Permission denied"):
            inspect_images(table(2), verify=refuse)

    def test_a_fault_of_the_program_is_not_taken_for_one_of_the_file(self):
        def wrong(path):
            raise KeyError(path)

        with pytest.raises(KeyError):
            inspect_images(table(2), verify=wrong)

    def test_nothing_listed_nothing_found(self):
        found = inspect_images(table(0))
        assert (len(found.used), len(found.quarantined)) == (0, 0)

    def test_paths_alone_are_enough(self):
        found = inspect_images(table(5)[["path"]], verify=faulty(1))
        assert found.quarantined.path.tolist() == ["/nowhere/1.png"]
        assert len(found.used) == 4

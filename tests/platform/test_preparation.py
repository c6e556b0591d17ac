import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest

from brevetti_keras.data.file_check.pool import WorkerPool
from brevetti_keras.data.fingerprint import fingerprint, from_csv
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.leaks import pixel_hashes
from brevetti_keras.data.text_csv import read_text_csv
from brevetti_keras.platform import Dataset, get_image_samples
from brevetti_keras.platform.preparation import Preparation
from brevetti_keras.utils.errors import DataError, DecodeError
from tests.support.processes import file_checkers


@pytest.fixture
def prepared(tmp_path, vials):
    """Returns what a job gets from its datasets, as one job after another."""
    for path in vials.glob("*/*"):
        os.utime(path, (time.time() - 100, time.time() - 100))

    def get(on_error="quarantine", share=0.01, **arguments):
        preparation = Preparation(on_error, share, lambda: str(tmp_path / "quarantine.csv"), **arguments)
        dataset = Dataset.from_record(Dataset(vials).record, preparation)
        return get_image_samples([dataset]), preparation

    return get


def test_a_jobs_images_are_decoded_before_it_trains(prepared, monkeypatch):
    pipeline = ImagePipeline(target_size=(4, 4))
    samples, preparation = prepared(pipelines=[pipeline])
    assert preparation.counts() == {"listed": 7, "used": 7, "quarantined": 0}
    expected = [ImagePipeline(target_size=(4, 4), cache=False).load_image(path) for path in samples.path]
    monkeypatch.setattr(PixelReader, "decode", None)
    for path, image in zip(samples.path, expected, strict=True):
        np.testing.assert_array_equal(pipeline.load_image(path), image)


def test_the_samples_are_those_that_are_listed_without_a_job(prepared, vials):
    samples, _ = prepared()
    pd.testing.assert_frame_equal(samples, get_image_samples([Dataset(vials)]))


def test_the_second_job_reads_no_file(prepared, monkeypatch):
    before, _ = prepared()
    monkeypatch.setattr("brevetti_keras.data.file_check.pool.WorkerPool.check", None)
    again, preparation = prepared()
    pd.testing.assert_frame_equal(again, before)
    assert preparation.counts()["used"] == 7


def test_a_bad_file_is_set_aside_in_every_job(prepared, vials, tmp_path):
    bad = vials / "good" / "empty.png"
    bad.write_bytes(b"")
    for _ in range(2):
        samples, preparation = prepared()
        assert preparation.counts() == {"listed": 8, "used": 7, "quarantined": 1}
        assert str(bad) not in set(samples.path)
        table = pd.read_csv(tmp_path / "quarantine.csv")
        assert (table.path.tolist(), table.reason.tolist()) == (
            [str(bad)], ["expected an image, received an empty file"],
        )  # fmt: skip
    with pytest.raises(DecodeError, match=r"empty\.png: expected an image, received an empty file"):
        prepared(on_error="raise")


def test_a_name_with_a_carriage_return_stays_one_row_of_the_tables(prepared, vials, tmp_path):
    shutil.copy(next(vials.glob("good/*.png")), vials / "good" / "odd\rfine.png")
    (vials / "good" / "odd\rempty.png").write_bytes(b"")
    samples, _ = prepared(fingerprint_path=lambda: str(tmp_path / "fingerprint.csv"))
    bad = read_text_csv((tmp_path / "quarantine.csv").read_bytes(), "quarantine.csv")
    assert bad.path.tolist() == [str(vials / "good" / "odd\rempty.png")]
    taken = from_csv((tmp_path / "fingerprint.csv").read_bytes(), "fingerprint.csv")
    pd.testing.assert_frame_equal(taken.leaves, fingerprint(samples).leaves)


def test_too_many_bad_files_are_all_in_the_table_when_they_stop_the_job(prepared, vials, tmp_path):
    bad = [vials / "good" / f"empty-{number}.png" for number in range(5)]
    for path in bad:
        path.write_bytes(b"")
    preparation = Preparation("quarantine", 0.01, lambda: str(tmp_path / "quarantine.csv"))
    with pytest.raises(DataError, match="found 5 of 12"):
        get_image_samples([Dataset.from_record(Dataset(vials).record, preparation)])
    assert pd.read_csv(tmp_path / "quarantine.csv").path.tolist() == list(map(str, bad))
    assert preparation.counts() == {"listed": 12, "used": 7, "quarantined": 5}


def test_a_link_to_nothing_is_a_bad_file(prepared, vials, tmp_path):
    (vials / "good" / "gone.png").symlink_to(tmp_path / "not fetched yet")
    _, preparation = prepared()
    assert preparation.counts() == {"listed": 8, "used": 7, "quarantined": 1}
    (row,) = pd.read_csv(tmp_path / "quarantine.csv").to_dict("records")
    assert row["path"] == f"{vials}/good/gone.png"
    assert "no file" in row["reason"] or "No such file" in row["reason"]


class TestNamesThatAreNotText:
    """Such files are listed, and so are as bad as those that cannot be decoded."""

    def write(self, vials, *names: bytes):
        for name in names:
            path = os.path.join(os.fsencode(vials), name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(b"any")

    def test_they_count_among_the_bad_ones(self, prepared, vials, tmp_path):
        (vials / "good" / "empty.png").write_bytes(b"")
        self.write(vials, b"good/\xe9.png")
        with pytest.raises(DataError, match=r"found 2 of 9: .*empty\.png: .*; .*\\xe9\.png: its name is not text"):
            prepared()
        _, preparation = prepared(share=0.3)
        assert preparation.counts() == {"listed": 9, "used": 7, "quarantined": 2}
        assert len(pd.read_csv(tmp_path / "quarantine.csv")) == 2

    def test_they_stop_a_job_that_bears_none(self, prepared, vials):
        self.write(vials, b"good/\xe9.png")
        assert prepared()[1].counts() == {"listed": 8, "used": 7, "quarantined": 1}
        with pytest.raises(DecodeError, match=r"xe9\.png: its name is not text in UTF-8: rename it"):
            prepared(on_error="raise")

    def test_they_count_also_where_all_others_are_known(self, prepared, vials):
        _, preparation = prepared(share=0.3)
        self.write(vials, b"good/\xe9.png")
        assert len(get_image_samples([Dataset.from_record(Dataset(vials).record, preparation)])) == 7
        assert preparation.counts() == {"listed": 8, "used": 7, "quarantined": 1}

    def test_a_class_that_has_no_others_stops_the_job(self, prepared, vials):
        self.write(vials, b"rare/\xe9.png")
        with pytest.raises(DataError, match=r"at least 1 usable file of class 'rare', found none: .*xe9\.png"):
            prepared()
        assert prepared(min_class_images=0)[1].counts() == {"listed": 8, "used": 7, "quarantined": 1}

    def test_a_dataset_of_nothing_else_tells_which_they_are(self, prepared, vials):
        for path in vials.glob("*/*"):
            path.unlink()
        self.write(vials, b"good/\xe9.png", b"good/\xe8.png")
        with pytest.raises(DataError, match=r"found 2 of 2: .*xe8\.png: its name is not text"):
            prepared()


def test_images_beyond_the_jobs_limit_are_bad(prepared):
    with pytest.raises(DataError, match=r"expected at most 0\.0001 megapixels"):
        prepared(max_megapixels=0.0001)


@pytest.mark.parametrize("cache", [None, False])
def test_images_that_lack_a_region_are_bad_before_training(prepared, vials, cache):
    pipeline = ImagePipeline(rois=[((0, 0), (500, 500))], cache=cache)
    with pytest.raises(DataError, match="at least 500 x 500 pixels for the roi"):
        prepared(pipelines=[pipeline])


def test_no_child_is_left(prepared, monkeypatch):
    seen = []
    close = WorkerPool.close
    monkeypatch.setattr(WorkerPool, "close", lambda pool: (seen.append(len(file_checkers())), close(pool)))
    prepared()
    assert seen[0] > 0
    assert file_checkers() == []


def test_the_fingerprint_is_that_of_all_samples_used(prepared, tmp_path, vials, monkeypatch):
    path = tmp_path / "fingerprint.csv"
    with monkeypatch.context() as patched:
        # Pictures are decoded by the children alone.
        patched.setattr(pixel_hashes, "read_image", None)
        samples, preparation = prepared(fingerprint_path=lambda: str(path))
    assert preparation.fingerprint == fingerprint(samples).root == from_csv(path.read_bytes(), "f").root
    (vials / "good").joinpath("broken.png").write_bytes(b"no image")
    again, with_a_bad_file = prepared(fingerprint_path=lambda: str(path), share=0.5)
    assert len(again) == len(samples)
    assert with_a_bad_file.fingerprint == preparation.fingerprint


def test_samples_listed_in_parts_have_the_fingerprint_of_the_whole(tmp_path, vials):
    whole = get_image_samples([Dataset(vials)])
    preparation = Preparation("quarantine", 0.01, str, fingerprint_path=lambda: str(tmp_path / "f.csv"))
    dataset = Dataset.from_record(Dataset(vials).record, preparation)
    for label in sorted(set(whole.folder)):
        get_image_samples([dataset], classes=[label])
    assert preparation.fingerprint == fingerprint(whole).root


def test_without_a_place_for_it_no_fingerprint_is_taken(prepared):
    assert prepared()[1].fingerprint == ""


def test_files_that_changed_meanwhile_are_counted_and_named(prepared, vials, caplog):
    samples, preparation = prepared()
    replaced, touched, removed = samples.path[:3]
    preparation.note_changes()
    assert "changed" not in preparation.counts()
    before = os.stat(replaced)
    with open(replaced, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    os.utime(replaced, (before.st_atime, before.st_mtime + 1))
    os.utime(touched)
    os.unlink(removed)
    preparation.note_changes()
    assert preparation.counts() == {"listed": 7, "used": 7, "quarantined": 0, "changed": 2}
    (line,) = [record.getMessage() for record in caplog.records if "since the job checked" in record.getMessage()]
    assert line.startswith("2 files have changed")
    assert replaced in line
    assert removed in line
    assert touched not in line


def test_of_many_changed_files_some_are_named(prepared, vials, caplog):
    samples, preparation = prepared()
    for path in samples.path:
        os.unlink(path)
    preparation.note_changes()
    assert preparation.counts()["changed"] == 7
    assert sum(path in caplog.text for path in samples.path) == 5

import logging
import os

import pandas as pd
import pytest

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.samples import COLUMNS
from brevetti_keras.platform import Dataset, Job, get_image_samples
from brevetti_keras.utils.errors import DataError, DecodeError, InvalidInputError, NotFoundError
from brevetti_keras.wire.records import Tag
from tests.support.images import write_image, write_image_folder


class Looking(Job):
    def run(self):
        self.samples = get_image_samples(self.datasets)


@pytest.fixture
def two(tmp_path):
    first = write_image_folder(tmp_path / "b", {"good": 2})
    second = write_image_folder(tmp_path / "a", {"cracked": 2, "good": 1})
    return [Dataset(first, id="1"), Dataset(second, id="0")]


class TestListing:
    def test_datasets_come_by_id_and_paths_sorted(self, two):
        samples = get_image_samples(two)
        assert list(samples.columns) == list(COLUMNS)
        assert samples.dataset_id.tolist() == ["0", "0", "0", "1", "1"]
        assert samples.index.tolist() == list(range(5))
        assert all(part.path.is_monotonic_increasing for _, part in samples.groupby("dataset_id"))
        assert samples.category.tolist()[0] == ("cracked",)
        assert set(samples.reference) == {"N/A"}

    def test_a_file_that_can_be_no_sample_is_named(self, two, tmp_path, caplog):
        with open(os.fsencode(tmp_path) + b"/b/good/bad\xff.png", "wb") as file:
            file.write(b"1")
        assert len(get_image_samples(two)) == 5
        assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
            f"left out {tmp_path}/b/good/bad\\xff.png: its name is not text in UTF-8: rename it"
        ]

    def test_one_dataset_a_path_and_a_record_do_too(self, two, tmp_path):
        expected = get_image_samples([two[0]]).path.tolist()
        for given in (two[0], two[0].record, str(tmp_path / "b"), tmp_path / "b", iter([two[0]])):
            assert get_image_samples(given).path.tolist() == expected
        assert two[0].get_image_samples().path.tolist() == expected

    def test_the_same_dataset_twice_counts_once(self, two):
        assert len(get_image_samples([two[0], two[0]])) == 2

    def test_filters_classes_and_mapping_reach_every_dataset(self, two):
        assert len(get_image_samples(two, sample_filter="good")) == 3
        assert get_image_samples(two, classes=iter(["cracked"])).dataset_id.tolist() == ["0", "0"]
        mapped = get_image_samples(two, class_mapping={"good": "ok"})
        assert set(mapped.category) == {("cracked",), ("ok",)}
        assert set(mapped.folder) == {"cracked", "good"}
        assert set(get_image_samples(two, annotations=True).annotation_path) == {""}

    def test_columns_of_one_dataset_s_csv_are_empty_text_elsewhere(self, two, tmp_path):
        (tmp_path / "s.csv").write_text("path,category,line\nb/good/good_0000.png,x,7a\n")
        samples = get_image_samples([two[0], Dataset(tmp_path / "s.csv", id="2")])
        assert samples.line.tolist() == ["", "", "7a"]
        assert samples.category.tolist()[-1] == ("x",)

    def test_a_column_of_numbers_here_and_of_text_there_is_text(self, tmp_path):
        tables = {
            "a": "path,lot,gap,ok,score,far\n1.png,12,3,true,0.5,1e30\n2.png,13,,false,-1,\n",
            "b": "path,lot,gap,score,far\n1.png,12b,x,2,z\n2.png,0012,y,3,z\n",
        }
        for name, text in tables.items():
            for number in (1, 2):
                write_image(tmp_path / name / f"{number}.png", seed=number)
            (tmp_path / name / "list.csv").write_text(text)
        samples = get_image_samples([Dataset(tmp_path / name / "list.csv", id=name) for name in tables])
        assert samples.lot.tolist() == ["12", "13", "12b", "0012"]
        assert samples.gap.tolist() == ["3", "", "x", "y"]
        assert samples.far.tolist() == ["1e+30", "", "z", "z"]
        assert samples.ok.tolist() == ["True", "False", "", ""]
        assert samples.score.tolist() == [0.5, -1.0, 2.0, 3.0]
        (batch,) = DataGenerator(samples).get_samples_numpy()
        assert batch["lot"].tolist() == [b"12", b"13", b"12b", b"0012"]

    def test_an_empty_folder_is_an_empty_table_with_its_columns(self, tmp_path):
        (tmp_path / "empty").mkdir()
        samples = get_image_samples(tmp_path / "empty")
        assert samples.empty
        assert list(samples.columns) == list(COLUMNS)

    @pytest.mark.parametrize("given", [[], (), iter([])])
    def test_no_dataset_is_one_line(self, given):
        with pytest.raises(InvalidInputError, match="expected at least one dataset, received none: give --dataset"):
            get_image_samples(given)

    def test_something_else_is_refused(self, tmp_path):
        with pytest.raises(InvalidInputError, match="expected datasets or paths of folders, received int"):
            get_image_samples([3])
        with pytest.raises(NotFoundError, match="nowhere"):
            get_image_samples(tmp_path / "nowhere")

    def test_files_are_not_decoded_without_a_job(self, two, tmp_path):
        (tmp_path / "b" / "good" / "bad.png").write_bytes(b"no image")
        assert len(get_image_samples(two)) == 6


class TestPreparation:
    def make(self, *folders, **settings):
        return Looking.init(datasets=list(folders), argv=[], **settings)

    def test_a_job_sets_bad_files_aside_counts_and_names_them(self, vials, caplog):
        (vials / "good" / "bad.png").write_bytes(b"no image")
        job = self.make(vials, max_bad_share=0.5)
        with caplog.at_level(logging.WARNING):
            job.start()
        assert len(job.samples) == 7
        assert job.samples.index.tolist() == list(range(7))
        quarantined = pd.read_csv(job.artifact_path("quarantine.csv"), keep_default_na=False)
        assert quarantined.path.tolist() == [str(vials / "good" / "bad.png")]
        assert quarantined.category.tolist() == ["good"]
        assert quarantined.reason[0]
        assert (
            '"listed": 8,\n    "used": 7,\n    "quarantined": 1'
            in job.io.read_file(job.artifact_path("output.json")).decode()
        )
        assert "set aside 1 file that" in caplog.text

    def test_raise_stops_at_the_first_bad_file(self, vials):
        (vials / "good" / "bad.png").write_bytes(b"no image")
        with pytest.raises((DataError, DecodeError), match=r"bad\.png"):
            self.make(vials, on_error="raise").start()

    def test_too_many_bad_files_stop_the_job(self, vials):
        for index in range(4):
            (vials / "good" / f"bad{index}.png").write_bytes(b"no image")
        with pytest.raises(DataError):
            self.make(vials, max_bad_share=0.1).start()

    def test_no_image_at_all_is_one_line(self, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="expected images in the job's datasets, found none"):
            self.make(tmp_path / "empty").start()

    def test_what_passed_is_not_read_again(self, vials, monkeypatch):
        job = self.make(vials)
        first = get_image_samples(job.datasets)
        for path in first.path:
            os.chmod(path, 0)
        read = []
        monkeypatch.setattr("brevetti_keras.platform.preparation.inspect_images", lambda *_, **__: read.append(1))
        again = get_image_samples(job.datasets, sample_filter="good")
        assert read == []
        assert len(again) == 4

    def test_listings_add_up_over_several_calls(self, vials):
        (vials / "good" / "bad.png").write_bytes(b"no image")
        job = self.make(vials, max_bad_share=1.0)
        for dataset_filter in ("cracked", "good", "good", None):
            get_image_samples(job.datasets, sample_filter=dataset_filter)
        job.upload_job_output()
        text = job.io.read_file(job.artifact_path("output.json")).decode()
        assert '"listed": 8,\n    "used": 7,\n    "quarantined": 1' in text

    def test_datasets_of_two_jobs_are_refused(self, vials):
        first, second = self.make(vials), self.make(write_image(vials.parent / "x" / "a.png").parent)
        with pytest.raises(InvalidInputError, match="expected the datasets of one job"):
            get_image_samples([*first.datasets, *second.datasets])


class TestDataset:
    def test_name_and_id_follow_from_the_path(self, vials, monkeypatch):
        monkeypatch.chdir(vials.parent)
        one, other = Dataset(vials), Dataset("vials/")
        assert (one.name, one.bucket) == ("vials", str(vials))
        assert one.id == other.id
        assert Dataset(vials.parent).id != one.id
        assert Dataset(f"file://{vials}").bucket == str(vials)

    def test_everything_can_be_given(self, vials):
        tag = Tag(id="t", name="T")
        dataset = Dataset(vials, id="i", name="n", reference="r", notes="o", tags=[tag])
        assert (dataset.id, dataset.name, dataset.reference, dataset.notes) == ("i", "n", "r", "o")
        assert (dataset.tags, dataset.locked) == ((tag,), False)
        assert dataset.record.tagIds == ("t",)
        assert set(dataset.get_image_samples().reference) == {"r"}
        assert repr(dataset) == f"Dataset('{vials}', id='i', name='n')"

    def test_an_empty_path_is_refused(self):
        with pytest.raises(InvalidInputError):
            Dataset("")


@pytest.mark.parametrize("datasets", [None, 5])
def test_datasets_that_are_none_are_one_line(datasets):
    with pytest.raises(InvalidInputError, match=f"received {type(datasets).__name__}"):
        get_image_samples(datasets)
    with pytest.raises(InvalidInputError, match=f"received {type(datasets).__name__}"):
        Dataset(datasets)

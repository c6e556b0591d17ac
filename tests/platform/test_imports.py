import json
import os
from pathlib import Path

import pytest

from brevetti_keras.platform import Dataset, connect, get_image_samples
from brevetti_keras.platform.http_platform import HttpPlatform
from brevetti_keras.platform.imports import export_dataset, import_dataset
from brevetti_keras.utils.errors import ConflictError, DataError, InvalidInputError, NotFoundError
from tests.support.gcs import upload_folder
from tests.support.images import write_image

BOX = {"image_id": 7, "bbox": [1, 2, 3, 4]}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def parts(tmp_path):
    root = tmp_path / "parts"
    for number in range(3):
        write_image(root / "images" / f"{number}.png", seed=number, size=(12, 16))
    content = {
        "images": [{"id": number, "file_name": f"{number}.png", "width": 16, "height": 12} for number in range(3)],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 2, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cup, small"}],
    }
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_train.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def platform(tmp_path):
    with connect(tmp_path / "workspace") as opened:
        yield opened


class TestImport:
    def test_a_dataset_of_the_workspace_refers_to_the_images(self, platform, parts):
        before = {path: path.stat().st_mtime_ns for path in parts.rglob("*")}
        added = import_dataset(platform, "coco", str(parts), name="lot", tags=["line=3"], notes="first")
        assert (added.name, added.notes, added.tags[0].name) == ("lot", "first", "3")
        assert platform.datasets.get("lot") == added
        samples = get_image_samples([added], annotations=True)
        assert samples.path.tolist() == [f"{parts}/images/{number}.png" for number in range(3)]
        assert samples.category.tolist() == [("dog", "cup, small"), ("dog",), ()]
        assert samples.purpose.tolist() == ["train"] * 3
        assert samples.etag.nunique() == 3
        content = json.loads(Path(samples.annotation_path[0]).read_text())
        assert content["image"] == {"width": 16, "height": 12, "id": 0}
        assert [mark["label"] for mark in content["annotations"]] == ["cup, small", "dog"]
        assert content["annotations"][0]["points"] == [{"x": 1.0, "y": 2.0}, {"x": 4.0, "y": 6.0}]
        assert {path: path.stat().st_mtime_ns for path in parts.rglob("*")} == before
        assert "annotation_path" not in get_image_samples([added]).columns

    def test_it_goes_under_the_folders_name_and_then_others(self, platform, parts):
        assert [import_dataset(platform, "coco", f"{parts}/").name for _ in range(3)] == ["parts", "parts-2", "parts-3"]

    @pytest.mark.parametrize(("folder", "path"), [("", "."), ("", "./"), ("annotations", "..")])
    def test_the_working_folder_goes_under_its_name(self, platform, parts, monkeypatch, folder, path):
        monkeypatch.chdir(os.path.join(parts, folder))
        assert import_dataset(platform, "coco", path).name == os.path.basename(parts)
        assert Dataset.from_coco(path).name == os.path.basename(parts)

    def test_a_folder_of_an_odd_name_gets_a_plain_one(self, platform, parts):
        odd = parts.rename(parts.with_name("a\nb" + "x" * 240))
        assert import_dataset(platform, "coco", str(odd)).name == "a_b" + "x" * 177

    def test_a_taken_name_leaves_nothing_behind(self, platform, parts):
        import_dataset(platform, "coco", str(parts), name="lot")
        before = sorted(os.listdir(os.path.join(platform.home, "datasets")))
        with pytest.raises(ConflictError, match="lot"):
            import_dataset(platform, "coco", str(parts), name="lot")
        assert sorted(os.listdir(os.path.join(platform.home, "datasets"))) == before

    def test_what_cannot_be_read_leaves_nothing_behind(self, platform, parts):
        (parts / "images" / "1.png").unlink()
        with pytest.raises(DataError, match=r"1\.png are missing"):
            import_dataset(platform, "coco", str(parts))
        assert platform.datasets.list() == []

    def test_a_platform_elsewhere_is_refused(self, parts):
        with pytest.raises(InvalidInputError, match="expected a workspace on this machine, received a server"):
            import_dataset(HttpPlatform("http://127.0.0.1:9"), "coco", str(parts))

    def test_labels_can_be_mapped_and_chosen(self, platform, parts):
        added = import_dataset(platform, "coco", str(parts))
        samples = get_image_samples([added], class_mapping={"cup, small": ["cup", "small"]}, classes=["small", "dog"])
        assert samples.category.tolist() == [("dog", "small"), ("dog",)]


class TestDataset:
    def test_from_python_the_same_path_is_the_same_dataset(self, parts):
        first, second = Dataset.from_coco(parts), Dataset.from_coco(str(parts))
        assert (first.id, first.name) == (second.id, "parts")
        assert first.get_image_samples().category.tolist() == [("dog", "cup, small"), ("dog",), ()]

    def test_what_changed_since_is_read_anew(self, parts):
        Dataset.from_coco(parts)
        file = parts / "annotations" / "instances_train.json"
        file.write_text(file.read_text().replace('"dog"', '"cat"'))
        assert Dataset.from_coco(parts, name="pets").get_image_samples().category[1] == ("cat",)

    def test_each_form_can_be_written_and_read(self, parts, tmp_path):
        dataset = Dataset.from_coco(parts)
        expected = dataset.get_image_samples()
        for form, read in [("yolo", Dataset.from_yolo), ("voc", Dataset.from_voc), ("coco", Dataset.from_coco)]:
            written = dataset.export(form, tmp_path / form)
            assert written.images == 3
            found = read(tmp_path / form).get_image_samples()
            assert dict(zip(found.etag, found.category, strict=True)) == dict(
                zip(expected.etag, expected.category, strict=True)
            ), form
            assert set(found.purpose) == {"train"}

    def test_a_folder_of_classes_can_be_exported_and_comes_back(self, tmp_path):
        for name in ["good/1.png", "bad/2.png", "bad/deep/3.png"]:
            write_image(tmp_path / "vials" / name, seed=len(name), size=(12, 16))
        dataset = Dataset(tmp_path / "vials")
        for form, read in [("mvtec", Dataset.from_mvtec), ("yolo", Dataset.from_yolo), ("csv", Dataset)]:
            dataset.export(form, tmp_path / form)
            found = read(tmp_path / form / "samples.csv" if form == "csv" else tmp_path / form).get_image_samples()
            assert sorted(found.category) == [("bad",), ("deep",), ("good",)], form

    def test_the_annotations_of_a_folder_are_exported_too(self, tmp_path):
        write_image(tmp_path / "vials" / "good" / "1.png", size=(12, 16))
        place = tmp_path / "vials" / ".annotations" / "good" / "1.png"
        place.mkdir(parents=True)
        mark = {"type": "polygon", "label": "crack", "points": [{"x": x, "y": y} for x, y in [(1, 1), (5, 1), (5, 6)]]}
        (place / "x.json").write_text(json.dumps({"image": {"width": 16, "height": 12}, "annotations": [mark]}))
        Dataset(tmp_path / "vials").export("coco", tmp_path / "out")
        written = json.loads((tmp_path / "out" / "annotations" / "instances_default.json").read_text())
        assert written["annotations"][0]["segmentation"] == [[1, 1, 5, 1, 5, 6]]
        assert Dataset.from_coco(tmp_path / "out").get_image_samples().category.tolist() == [("good",)]

    def test_a_broken_annotation_is_named(self, tmp_path):
        write_image(tmp_path / "vials" / "1.png")
        place = tmp_path / "vials" / ".annotations" / "1.png"
        place.mkdir(parents=True)
        (place / "x.json").write_text("{")
        with pytest.raises(DataError, match=r"\.annotations/1\.png/x\.json: expected JSON"):
            Dataset(tmp_path / "vials").export("coco", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("read", [Dataset.from_coco, Dataset.from_yolo, Dataset.from_voc, Dataset.from_mvtec])
    def test_nothing_there_is_one_line(self, read, tmp_path):
        with pytest.raises(NotFoundError, match="expected the folder of a dataset"):
            read(tmp_path / "nowhere")


def test_an_empty_dataset_is_not_exported(tmp_path):
    (tmp_path / "empty").mkdir()
    for form in ["coco", "tfds"]:
        with pytest.raises(DataError, match="expected at least one image to export"):
            export_dataset(Dataset(tmp_path / "empty"), form, tmp_path / "out")


class TestCsv:
    def write(self, tmp_path, text):
        write_image(tmp_path / "a.png")
        (tmp_path / "list.csv").write_text(text)
        return Dataset(tmp_path / "list.csv")

    def test_categories_are_a_list_and_annotations_lie_beside_it(self, tmp_path):
        text = (
            'path,category,categories,annotation_path\na.png,x,"[""b"", ""a,c""]",marks/a.json\na.png,x,,\na.png,,[],\n'
        )
        samples = self.write(tmp_path, text).get_image_samples(annotations=True)
        assert samples.category.tolist() == [("b", "a,c"), ("x",), ()]
        assert samples.annotation_path.tolist() == [f"{tmp_path}/marks/a.json", "", ""]

    @pytest.mark.parametrize("cell", ["x", "3", '"[3]"', '"[""""]"', '"{""a"": 1}"'])
    def test_other_categories_are_one_line(self, tmp_path, cell):
        dataset = self.write(tmp_path, f"path,categories\na.png,{cell}\n")
        with pytest.raises(DataError, match=r"list\.csv: row 1: expected categories as a JSON list of text"):
            dataset.get_image_samples()


class TestBuckets:
    def test_a_dataset_of_the_workspace_refers_to_a_bucket(self, platform, parts, fake_bucket):
        upload_folder(parts, "gs://bucket/parts")
        added = import_dataset(platform, "coco", "gs://bucket/parts")
        assert added.name == "parts"
        samples = get_image_samples([added], annotations=True)
        assert samples.path.tolist() == [f"gs://bucket/parts/images/{number}.png" for number in range(3)]
        assert samples.category.tolist() == [("dog", "cup, small"), ("dog",), ()]
        assert samples.annotation_path[0].startswith(f"{platform.home}/datasets/")
        written = export_dataset(added, "yolo", "gs://bucket/out")
        assert written.images == 3
        found = Dataset.from_yolo("gs://bucket/out").get_image_samples()
        assert sorted(found.category) == sorted(samples.category)
        assert set(found.etag) == set(samples.etag)

    def test_a_stored_dataset_of_tfds_is_written_to_a_bucket_and_read_from_it(
        self, platform, parts, fake_bucket, tmp_path
    ):
        written = export_dataset(Dataset.from_coco(parts), "tfds", "gs://bucket/stored")
        assert written.images == 3
        assert "stored/parts/1.0.0/dataset_info.json" in fake_bucket.objects
        added = import_dataset(platform, "tfds", "gs://bucket/stored", name="back")
        samples = get_image_samples([added])
        assert sorted(samples.category) == [(), ("dog",), ("dog", "cup, small")]
        assert all(path.startswith(f"{platform.home}/datasets/tfds/") for path in samples.path)
        fake_bucket.sent.clear()
        again = get_image_samples([import_dataset(platform, "tfds", "gs://bucket/stored")])
        assert sorted(again.path) == sorted(samples.path)
        assert fake_bucket.sent == []
        with pytest.raises(ConflictError, match="expected a folder that is new or empty, received gs://bucket/stored"):
            export_dataset(added, "tfds", "gs://bucket/stored")
        with pytest.raises(NotFoundError, match="expected a folder of files, received gs://bucket/none"):
            import_dataset(platform, "tfds", "gs://bucket/none")

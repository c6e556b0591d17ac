"""Where datasets are read from and written to: names, folders, storages other than this machine's disk."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, checked_name, purpose_of, split_of
from brevetti_keras.data.formats.names import file_word, unique_names
from brevetti_keras.data.formats.reading import read_format
from brevetti_keras.data.formats.samples_table import write_table
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.formats.writing import write_format
from brevetti_keras.io import open_storage
from brevetti_keras.platform import Dataset
from brevetti_keras.utils.errors import ConflictError, DataError, InvalidInputError, NotFoundError, StorageError
from tests.support.collections import picture
from tests.support.images import write_image


def images(*names):
    return [AnnotatedImage(f"/data/{number}.png", name, ("good",)) for number, name in enumerate(names)]


class TestNames:
    @given(st.lists(st.text(min_size=1, max_size=12), max_size=8), st.booleans(), st.booleans())
    def test_each_is_safe_and_like_no_other(self, names, by_stem, flat):
        found = unique_names(images(*names), by_stem=by_stem, flat=flat)
        assert len({name.casefold() for name in found}) == len(names)
        for name in found:
            assert checked_name(name, "x") == name
            assert name.lower().endswith((".png", ".jpg"))
            assert not any(part.startswith(".") or part in {"", ".."} for part in name.split("/"))
            assert not (flat and "/" in name)
        if by_stem:
            assert len({name.rpartition(".")[0].casefold() for name in found}) == len(names)

    def test_plain_names_stay(self):
        names = ["a.png", "b/c d.JPG", "lot (1)/é.tiff"]
        assert unique_names(images(*names)) == names

    def test_letters_of_every_script_stay_and_are_written_in_one_way(self):
        names = ["u\u0308.png", "\u00fc.png", "\u0939\u093f\u0928\u094d\u0926\u0940.png", "\u0e17\u0e35\u0e48.png"]
        assert unique_names(images(*names)) == ["\u00fc.png", "\u00fc-2.png", *names[2:]]
        assert file_word("a\u0301\u0328") == "\u0105\u0301"

    def test_folders_that_the_forms_make_are_left_out(self):
        assert unique_names(images("images/train/lot/a.png", "train/good/a.png")) == ["lot/a.png", "good/a.png"]

    @given(st.text(max_size=300))
    def test_a_word_is_the_name_of_a_file(self, text):
        word = file_word(text)
        assert 0 < len(word.encode()) <= 200
        assert "/" not in word
        assert word not in {".", ".."}

    @pytest.mark.parametrize(
        ("name", "tidy"),
        [
            ("a//b/./c.png", "a/b/c.png"),
            ("./a.png", "a.png"),
            ("a\\b.png", "a/b.png"),
            ("a/b\\c.png", "a/b\\c.png"),
            ("1.00\u202fPM.png", "1.00\u202fPM.png"),
        ],
    )
    def test_names_are_tidied(self, name, tidy):
        assert checked_name(name, "x") == tidy

    @pytest.mark.parametrize(
        "name",
        [
            "",
            None,
            3,
            "a\0.png",
            "a\x85.png",
            "\udcff.png",
            "a\nb.png",
            ".",
            "..",
            "a/..",
            "/a",
            "c:\\a",
            "http://x/a.png",
        ],
    )
    def test_other_names_are_refused(self, name):
        with pytest.raises(DataError, match=r"list\.json: expected the name of an image"):
            checked_name(name, "list.json")


def test_words_for_splits():
    words = ["train", "val", "valid", "validation", "dev", "test", "Training", "holdout"]
    assert [purpose_of(word) for word in words] == ["train", *["devel"] * 4, "test", "train", "holdout"]
    assert [split_of(purpose) for purpose in ["train", "devel", "test", "", "holdout"]] == [
        "train", "val", "test", "train", "holdout",
    ]  # fmt: skip


class TestStorages:
    def test_a_dataset_in_another_storage_is_read_and_written(self, tmp_path):
        collection = Collection((AnnotatedImage(picture(tmp_path, 0), "0.png", ("a",), "train"),), ("a",))
        held = [open_storage("memory://places-one"), open_storage("memory://places-two")]
        assert write_format(collection, "yolo", "memory://places-one").images == 1
        back = read_format("yolo", "memory://places-one")
        assert back.images[0].path == "memory://places-one/images/train/0.png"
        assert write_format(back, "coco", "memory://places-two").images == 1
        (image,) = read_format("coco", "memory://places-two").images
        assert (image.labels, image.purpose, image.annotation.width) == (("a",), "train", 16)
        assert held[1].read_bytes("images/0.png") == (tmp_path / "source-0.png").read_bytes()


COCO = {
    "images": [{"id": 1, "file_name": "\u00fc.png"}], "annotations": [], "categories": [{"id": 1, "name": "a"}],
}  # fmt: skip
XML = "<annotation><filename>\u00fc.png</filename><object><name>a</name></object></annotation>"


class TestOddFiles:
    @pytest.mark.parametrize(
        ("form", "image", "files"),
        [
            ("coco", "{}.png", {"train.json": json.dumps(COCO)}),
            ("voc", "JPEGImages/{}.png", {"Annotations/1.xml": XML}),
            ("yolo", "images/{}.png",
             {"data.yaml": "train: a.txt\nnames: [a]", "a.txt": "images/\u00fc.png", "labels/\u00fc.txt": "0 0 0 1 1"}),
        ],
    )  # fmt: skip
    def test_an_umlaut_may_be_written_in_two_ways(self, tmp_path, form, image, files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        write_image(tmp_path / image.format("u\u0308"))
        (found,) = read_format(form, str(tmp_path)).images
        assert found.name == image.format("u\u0308")
        assert found.labels == (() if form == "coco" else ("a",))
        write_image(tmp_path / image.format("\u00fc"))
        assert image.format("\u00fc") in [one.name for one in read_format(form, str(tmp_path)).images]

    @pytest.mark.parametrize(
        ("form", "folder", "files"),
        [
            ("voc", "JPEGImages", {"Annotations/1.xml": XML.replace("\u00fc", "a")}),
            ("yolo", "images", {"data.yaml": "train: images\nnames: [a]"}),
            ("mvtec", "train/good", {}),
        ],
    )
    def test_b20_a_name_that_is_no_text_is_left_out_and_told(self, tmp_path, caplog, form, folder, files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        write_image(tmp_path / folder / "a.png")
        (tmp_path / folder / os.fsdecode(b"\xff.png")).write_bytes((tmp_path / folder / "a.png").read_bytes())
        collection = read_format(form, str(tmp_path))
        assert [image.name for image in collection.images] == [f"{folder}/a.png"]
        assert rf"left out {tmp_path}/{folder}/\xff.png: its name is not text in UTF-8" in caplog.text
        assert write_table(collection, str(tmp_path / "sets" / "x"))

    def test_a_folder_whose_path_is_no_text_is_one_line(self, tmp_path):
        folder = tmp_path / os.fsdecode(b"\xff")
        write_image(folder / "train" / "good" / "a.png")
        with pytest.raises(InvalidInputError, match=r"path is text in UTF-8, received .*\\xff$"):
            read_format("mvtec", str(folder))


class TestTarget:
    def test_files_are_written_and_copied(self, tmp_path):
        target = Target(str(tmp_path / "new"))
        target.write_bytes("a/b.txt", b"1")
        target.copy(str(tmp_path / "new" / "a" / "b.txt"), "c/d.txt")
        assert (tmp_path / "new" / "c" / "d.txt").read_bytes() == b"1"
        target.copy(f"file://{tmp_path}/new/c/d.txt", "e.txt")
        assert (tmp_path / "new" / "e.txt").read_bytes() == b"1"
        assert not (tmp_path / "new" / "e.txt").is_symlink()

    def test_what_cannot_be_is_one_line(self, tmp_path):
        target = Target(str(tmp_path / "new"))
        with pytest.raises(NotFoundError):
            target.copy(str(tmp_path / "none.png"), "a.png")
        with pytest.raises(InvalidInputError, match="leave out"):
            target.write_bytes("../a.txt", b"")
        (tmp_path / "file").write_text("")
        with pytest.raises((ConflictError, NotFoundError, StorageError)):
            Target(str(tmp_path / "file" / "x")).write_bytes("a.txt", b"")


class TestTable:
    def collection(self, tmp_path):
        return Collection((AnnotatedImage(picture(tmp_path, 0), "0.png", ("a",)),), ("b", "a"), {"info": 1})

    def test_it_is_made_in_one_step_and_replaced_only_if_wanted(self, tmp_path):
        path = write_table(self.collection(tmp_path), str(tmp_path / "sets" / "x"))
        assert path == str(tmp_path / "sets" / "x" / "samples.csv")
        assert json.loads((tmp_path / "sets" / "x" / "dataset.json").read_text()) == {
            "classes": ["b", "a"],
            "about": {"info": 1},
        }
        with pytest.raises(ConflictError, match="expected no folder"):
            write_table(self.collection(tmp_path), str(tmp_path / "sets" / "x"))
        write_table(self.collection(tmp_path), str(tmp_path / "sets" / "x"), replace=True)
        assert [entry.name for entry in (tmp_path / "sets").iterdir()] == ["x"]

    def test_one_of_the_same_content_stays_under_those_who_read_it(self, tmp_path):
        folder = str(tmp_path / "sets" / "x")
        write_table(self.collection(tmp_path), folder, replace=True)
        before = os.stat(folder).st_ino
        write_table(self.collection(tmp_path), folder, replace=True)
        assert os.stat(folder).st_ino == before
        other = Collection((AnnotatedImage(picture(tmp_path, 1), "1.png", ("b",)),), ("b",), {})
        write_table(other, folder, replace=True)
        assert "1.png" in (tmp_path / "sets" / "x" / "samples.csv").read_text()
        assert [entry.name for entry in (tmp_path / "sets").iterdir()] == ["x"]

    def test_many_may_replace_one_at_once(self, tmp_path):
        folder = str(tmp_path / "sets" / "x")
        collections = [
            Collection((AnnotatedImage(picture(tmp_path, 0), "0.png", (label,)),), (label,), {}) for label in "abcd"
        ]
        with ThreadPoolExecutor(4) as pool:
            for path in pool.map(lambda one: write_table(one, folder, replace=True), collections * 10):
                assert path == f"{folder}/samples.csv"
        assert os.listdir(tmp_path / "sets") == ["x"]

    def test_a_file_of_classes_that_is_broken_is_named(self, tmp_path):
        path = write_table(self.collection(tmp_path), str(tmp_path / "sets" / "x"))
        for text, message in [
            ("{", "expected JSON"),
            ("[]", "expected 'classes' as a list"),
            ('{"classes": [3]}', "expected"),
        ]:
            (tmp_path / "sets" / "x" / "dataset.json").write_text(text)
            with pytest.raises(DataError, match=rf"dataset\.json: {message}"):
                Dataset(path).export("coco", tmp_path / "out")

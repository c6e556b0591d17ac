import hashlib
import os
import subprocess
import sys
import time

import pandas as pd
import pytest

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.samples import COLUMNS, SKIPPED_COLUMNS, list_images, list_samples, samples_of
from brevetti_keras.io import open_storage
from brevetti_keras.utils.errors import DataError, InvalidInputError, NotFoundError


@pytest.fixture
def hashes(tmp_path_factory):
    return HashMemory(str(tmp_path_factory.mktemp("cache") / "hashes.sqlite3"))


@pytest.fixture
def folder(tmp_path):
    for name in ["good/1.png", "good/2.JPG", "bad/deep/3.tiff", "0.bmp", "notes.txt", "good/list.csv"]:
        path = tmp_path / "vials" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return str(tmp_path / "vials")


@pytest.fixture
def listed(hashes):
    def call(bucket, **arguments):
        return samples_of(str(bucket), dataset_id="7", dataset_name="Vials", hashes=hashes, **arguments)

    return call


class TestColumns:
    def test_each_image_is_a_row(self, listed, folder):
        samples = listed(folder)
        assert tuple(samples.columns) == COLUMNS
        assert list(samples.index) == [0, 1, 2, 3]
        assert samples.path.tolist() == [
            f"{folder}/0.bmp", f"{folder}/bad/deep/3.tiff", f"{folder}/good/1.png", f"{folder}/good/2.JPG",
        ]  # fmt: skip
        assert samples.folder.tolist() == ["__root__", "deep", "good", "good"]
        assert samples.category.tolist() == [("__root__",), ("deep",), ("good",), ("good",)]
        assert samples.etag[2] == hashlib.md5(b"good/1.png").hexdigest()
        assert samples["size"].tolist() == [5, 15, 10, 10]
        assert set(samples.bucket) == {folder}
        assert set(samples.dataset) == {"Vials"}
        assert set(samples.dataset_id) == {"7"}
        assert set(samples.reference) == {"N/A"}
        assert samples.url[0] == "/download?path=" + f"{folder}/0.bmp".replace("/", "%2F")

    def test_dtypes_are_the_same_with_and_without_rows(self, listed, folder, tmp_path):
        (tmp_path / "empty").mkdir()
        empty = listed(tmp_path / "empty")
        assert len(empty) == 0
        expected = dict.fromkeys(COLUMNS, "str") | {"category": "object", "size": "int64"}
        for samples in (empty, listed(folder)):
            assert {name: str(dtype) for name, dtype in samples.dtypes.items()} == expected

    def test_reference_is_carried(self, listed, folder):
        assert set(listed(folder, reference="2024-11").reference) == {"2024-11"}

    def test_the_bucket_is_tidied(self, listed, folder):
        assert listed(f"{folder}/good/..//").path.tolist() == listed(folder).path.tolist()

    def test_equal_content_has_equal_etags_in_every_dataset(self, listed, folder, tmp_path):
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "x.png").write_bytes(b"good/1.png")
        assert listed(tmp_path / "other").etag[0] in set(listed(folder).etag)


class TestLabels:
    def test_the_innermost_mapped_folder_counts(self, listed, folder):
        samples = listed(folder, class_mapping={"bad": "reject", "good": ("accept", "clean")})
        assert samples.category.tolist() == [("__root__",), ("reject",), ("accept", "clean"), ("accept", "clean")]
        assert samples.folder.tolist() == ["__root__", "deep", "good", "good"]
        deeper = listed(folder, class_mapping={"bad": "reject", "deep": "crack", "__root__": "loose"})
        assert deeper.category.tolist() == [("loose",), ("crack",), ("loose",), ("loose",)]

    def test_classes_keep_samples_and_labels(self, listed, folder):
        samples = listed(folder, class_mapping={"good": ["accept", "clean"]}, classes=["clean", "deep"])
        assert samples.category.tolist() == [("deep",), ("clean",), ("clean",)]
        assert samples.index.tolist() == [0, 1, 2]

    @pytest.mark.parametrize("sample_filter", [r"\.png$", r"^good/1", lambda path: path == "good/1.png"])
    def test_filters_by_the_path_below_the_dataset(self, listed, folder, sample_filter):
        assert listed(folder, sample_filter=sample_filter).path.tolist() == [f"{folder}/good/1.png"]

    def test_a_filter_that_is_no_expression_is_refused(self, listed, folder):
        with pytest.raises(InvalidInputError, match=r"expected a regular expression as sample_filter, received '\*'"):
            listed(folder, sample_filter="*")

    def test_annotations_are_found_by_the_path_of_their_image(self, listed, folder):
        place = os.path.join(folder, ".annotations", "good", "1.png")
        os.makedirs(place)
        for name in ["a.json", "b.json"]:
            with open(os.path.join(place, name), "w") as file:
                file.write("{}")
        samples = listed(folder, annotations=True)
        assert samples.annotation_path.tolist() == ["", "", f"{place}/b.json", ""]
        assert "annotation_path" not in listed(folder).columns


class TestOddFiles:
    def test_odd_names_are_listed_as_they_are(self, listed, tmp_path):
        names = [
            "new\nline.png",
            "e\u0301.png",
            "\u00e9.png",
            "x" * 251 + ".png",
            'a,b".png',
            " .png",
            "%2e.png",
            "<b>.png",
        ]
        for name in names:
            (tmp_path / name).write_bytes(name.encode())
        samples = listed(tmp_path)
        assert samples.path.tolist() == sorted(f"{tmp_path}/{name}" for name in names)
        assert all(os.path.isfile(path) for path in samples.path)
        assert samples.etag.nunique() == len(names)

    def test_hidden_files_and_folders_are_left_out(self, listed, tmp_path):
        for name in [".x.png", ".h/y.png", "a/.z.png", "a/1.png"]:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        assert listed(tmp_path).path.tolist() == [f"{tmp_path}/a/1.png"]

    def test_a_name_that_is_not_text_is_skipped_with_its_reason(self, hashes, tmp_path, caplog):
        (tmp_path / "good.png").write_bytes(b"1")
        with open(os.fsencode(tmp_path) + b"/bad\xff.png", "wb") as file:
            file.write(b"22")
        listing = list_samples(str(tmp_path), "7", "Vials", hashes=hashes)
        assert listing.samples.path.tolist() == [f"{tmp_path}/good.png"]
        assert tuple(listing.skipped.columns) == SKIPPED_COLUMNS
        row = listing.skipped.iloc[0]
        assert (row.path, row["size"], row.dataset_id) == (f"{tmp_path}/bad\\xff.png", 2, "7")
        assert row.category == ("__root__",)
        assert "not text" in row.reason
        samples_of(str(tmp_path), "7", "Vials", hashes=hashes)
        assert "bad\\xff.png" in caplog.text

    def test_link_loops_end_and_each_file_is_there_once(self, listed, tmp_path):
        root = tmp_path / "root"
        (root / "good").mkdir(parents=True)
        for name in "12":
            (root / "good" / f"{name}.png").write_bytes(name.encode())
        (root / "good" / "again").symlink_to(root)
        (root / "0copy").symlink_to(root / "good")
        (root / "0.png").symlink_to(root / "good" / "1.png")
        assert listed(root).path.tolist() == [f"{root}/good/1.png", f"{root}/good/2.png"]

    def test_links_to_images_elsewhere_are_samples(self, listed, folder, tmp_path):
        (tmp_path / "chosen" / "ok").mkdir(parents=True)
        (tmp_path / "chosen" / "ok" / "a.png").symlink_to(f"{folder}/good/1.png")
        samples = listed(tmp_path / "chosen")
        assert samples.path.tolist() == [f"{tmp_path}/chosen/ok/a.png"]
        assert samples.category[0] == ("ok",)
        assert samples["size"][0] == 10

    def test_a_file_that_cannot_be_read_is_still_a_row(self, listed, tmp_path, monkeypatch):
        (tmp_path / "a.png").write_bytes(b"1")
        monkeypatch.setattr("brevetti_keras.data.checksums._hash_file", _refuse)
        assert listed(tmp_path).etag.tolist() == [""]


def _refuse(path):
    raise PermissionError(13, "Permission denied", path)


class TestPlaces:
    def test_a_missing_folder_is_named(self, listed, tmp_path):
        for bucket in (tmp_path / "missing", tmp_path / "missing.csv"):
            with pytest.raises(NotFoundError, match=r"missing.*found neither"):
                listed(bucket)

    def test_a_file_that_is_no_csv_is_refused(self, listed, folder):
        with pytest.raises(NotFoundError):
            listed(f"{folder}/notes.txt")

    def test_a_memory_is_listed_by_url(self, listed):
        storage = open_storage("memory://samples")
        storage.write_bytes("good/1.png", b"1")
        samples = listed("memory://samples")
        assert samples.path.tolist() == ["memory://samples/good/1.png"]
        assert samples.etag.tolist() == [hashlib.md5(b"1").hexdigest()]
        assert samples.bucket.tolist() == ["memory://samples"]

    def test_list_images_reads_nothing(self, folder, monkeypatch):
        monkeypatch.setattr("builtins.open", _refuse)
        samples = list_images(open_storage(folder), root_name="top")
        assert samples.columns.tolist() == ["path", "category", "folder", "etag", "size", "bucket"]
        assert samples.folder.tolist() == ["top", "deep", "good", "good"]
        assert samples.etag.tolist() == [""] * 4

    def test_listing_loads_no_tensorflow(self, folder):
        code = (
            "import sys; from brevetti_keras.data.samples import samples_of\n"
            "samples_of(sys.argv[1], '7', 'Vials')\n"
            "sys.exit(sum(name in sys.modules for name in ('tensorflow', 'keras', 'cv2')))"
        )
        environment = {**os.environ, "BREVETTI_CACHE": f"{folder}/.cache"}
        assert subprocess.run([sys.executable, "-c", code, folder], env=environment, check=False).returncode == 0


class TestCsv:
    @pytest.fixture
    def write(self, folder):
        def call(text, name="list.csv"):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
            return path

        return call

    def test_is_a_list_of_samples(self, listed, folder, write):
        samples = listed(write("path,category,lot,score,flag\ngood/2.JPG,ok,0017,1.5,true\n0.bmp,,0018,2,false\n"))
        assert tuple(samples.columns) == (*COLUMNS, "lot", "score", "flag")
        assert samples.path.tolist() == [f"{folder}/0.bmp", f"{folder}/good/2.JPG"]
        assert samples.category.tolist() == [("__root__",), ("ok",)]
        assert samples.folder.tolist() == ["__root__", "good"]
        assert samples.etag[1] == hashlib.md5(b"good/2.JPG").hexdigest()
        assert samples["size"].tolist() == [5, 10]
        assert samples.lot.tolist() == ["0018", "0017"]
        assert samples.score.tolist() == [2.0, 1.5]
        assert samples.flag.tolist() == [False, True]
        assert set(samples.bucket) == {folder}

    def test_paths_may_be_absolute_or_lead_to_a_neighbour(self, listed, folder, tmp_path, write):
        (tmp_path / "other.png").write_bytes(b"1")
        samples = listed(write(f"path\n../other.png\n{folder}/0.bmp\n"))
        assert samples.path.tolist() == [f"{tmp_path}/other.png", f"{folder}/0.bmp"]
        assert samples.folder.tolist() == [tmp_path.name, "__root__"]

    def test_names_with_commas_quotes_and_lines(self, listed, folder, write):
        names = ["a,b.png", 'q"q.png', "new\nline.png"]
        for name in names:
            with open(os.path.join(folder, name), "w") as file:
                file.write(name)
        quoted = "\n".join('"' + name.replace('"', '""') + '"' for name in names)
        assert sorted(listed(write(f"path\n{quoted}\n")).path) == sorted(f"{folder}/{name}" for name in names)

    def test_labels_are_mapped_too(self, listed, write):
        samples = listed(write("path,category\n0.bmp,17\ngood/1.png,18\n"), class_mapping={"17": "crack"})
        assert samples.category.tolist() == [("crack",), ("18",)]

    def test_missing_text_is_empty_and_missing_numbers_are_nan(self, listed, write):
        samples = listed(write("path,note,score\n0.bmp,,1\ngood/1.png,x,\n"))
        assert samples.note.tolist() == ["", "x"]
        assert samples.score[0] == 1
        assert pd.isna(samples.score[1])

    def test_a_missing_file_is_a_row_for_the_inspection(self, listed, write):
        samples = listed(write("path\nmissing.png\n"))
        assert samples.etag.tolist() == [""]
        assert samples["size"].tolist() == [0]

    def test_a_purpose_is_carried(self, listed, write):
        assert listed(write("path,purpose\n0.bmp,test\n")).purpose.tolist() == ["test"]

    def test_facts_of_ours_are_not_taken_from_it(self, listed, folder, write):
        samples = listed(write("path,etag,size,dataset_id,bucket,url\n0.bmp,x,9,9,/,http://evil\n"))
        assert samples.etag.tolist() == [hashlib.md5(b"0.bmp").hexdigest()]
        assert (samples["size"][0], samples.dataset_id[0], samples.bucket[0]) == (5, "7", folder)
        assert samples.url[0].startswith("/download?path=")

    def test_a_byte_order_mark_is_passed_over(self, listed, write):
        assert len(listed(write(b"\xef\xbb\xbfpath\n0.bmp\n"))) == 1

    def test_a_header_alone_is_no_sample(self, listed, write):
        assert len(listed(write("path,category\n"))) == 0

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "expected a column 'path', received an empty file"),
            ("file,category\na,b\n", "expected a column 'path', received file, category"),
            ("path;category\na;b\n", "expected a column 'path', received path;category: separate values by commas"),
            ("path,path\na,b\n", "expected each column once"),
            ("path,category\na\n", "expected 2 values in row 1, received 1"),
            ("path,category\na.png,x\n,b\n", "expected a path in row 2"),
            (b"path\n\xff.png\n", "CSV in UTF-8"),
            ('path\n"open', "cannot be read"),
        ],
    )
    def test_says_what_is_wrong(self, listed, write, text, reason):
        path = write(text)
        with pytest.raises(DataError, match=reason) as caught:
            listed(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_many_files_are_listed_quickly(tmp_path, hashes):
    # Far slower than what is measured, so that a busy machine passes and a quadratic walk does not.
    for number in range(20):
        (tmp_path / f"{number}").mkdir()
        for name in range(500):
            (tmp_path / f"{number}" / f"{name}.png").touch()
    start = time.process_time()
    assert len(list_images(open_storage(str(tmp_path)))) == 10_000
    assert time.process_time() - start < 10


class TestWrongArguments:
    @pytest.mark.parametrize("mapping", [["good"], {"good": 5}, {"good": None}, {"good": ["a", 5]}])
    def test_a_mapping_to_other_than_labels_is_one_line(self, listed, folder, mapping):
        with pytest.raises(InvalidInputError, match="class_mapping"):
            listed(folder, class_mapping=mapping)

    def test_a_filter_that_is_neither_text_nor_function_is_one_line(self, listed, folder):
        with pytest.raises(InvalidInputError, match="as sample_filter, received int"):
            listed(folder, sample_filter=5)

    def test_text_is_one_class(self, listed, folder):
        assert set(listed(folder, classes="good").category) == {("good",)}


def test_a_purpose_that_a_csv_leaves_blank_is_missing(listed, folder):
    path = f"{folder}/split.csv"
    with open(path, "w", encoding="utf-8") as file:
        file.write("path,purpose,lot\ngood/1.png,train,\ngood/2.JPG,,\n")
    samples = listed(path)
    assert samples.purpose.isna().tolist() == [False, True]
    assert samples.lot.tolist() == ["", ""]

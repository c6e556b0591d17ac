import json
import os

import numpy as np
import pytest

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.image import ImagePipeline


@pytest.fixture
def filled(vials, workspace):
    for size in ((8, 8), (16, 16)):
        pipeline = ImagePipeline(target_size=size)
        for path in sorted(vials.glob("good/*")):
            pipeline.load_image(str(path))
    HashMemory().remember([((f"/data/{number}", 1, 1), "etag") for number in range(3000)])


def kinds(command):
    return {row["kind"]: row for row in json.loads(command("cache", "show", "--json").out)["kinds"]}


@pytest.mark.usefixtures("filled")
def test_show_tells_what_each_kind_holds(command):
    shown = json.loads(command("cache", "show", "--json").out)
    assert shown["path"] == os.environ["BREVETTI_CACHE"]
    assert sorted(entry["images"] for entry in shown["sets"]) == [6, 6]
    found = kinds(command)
    assert list(found) == ["decoded", "objects", "hashes", "contents", "imports", "tfds"]
    assert found["decoded"]["bytes"] == sum(entry["bytes"] for entry in shown["sets"]) > 6 * 3 * (64 + 256)
    assert found["decoded"]["limit"] > found["decoded"]["bytes"]
    assert found["hashes"]["bytes"] > 3000 * 20
    assert found["hashes"]["limit"] is None
    assert (found["objects"]["files"], found["objects"]["used"]) == (0, None)
    text = command("cache", "show").out
    assert shown["path"] in text
    assert "decoded with" in text
    for name in found:
        assert f"\n{name} " in text


@pytest.mark.usefixtures("filled")
def test_clear_empties_all(command):
    assert command("cache", "clear").out.startswith("removed ")
    found = kinds(command)
    assert (found["decoded"]["files"], found["decoded"]["bytes"]) == (0, 0)
    assert found["hashes"]["bytes"] < 20_000
    again = json.loads(command("cache", "clear", "--json").out)
    assert (again["removed"], again["kept"]) == (0, 0)


def test_imported_datasets_are_cleared_only_by_name(command, workspace):
    path = os.path.join(os.environ["BREVETTI_CACHE"], "imports", "coco", "1", "samples.csv")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as file:
        file.write("path")
    command("cache", "clear")
    assert os.path.isfile(path)
    assert command("cache", "clear", "--kind", "imports").out == "removed 4 bytes\n"
    assert not os.path.exists(path)


@pytest.mark.usefixtures("filled")
def test_clear_empties_one_kind(command):
    before = kinds(command)
    cleared = json.loads(command("cache", "clear", "--kind", "hashes", "--json").out)
    assert list(cleared["kinds"]) == ["hashes"]
    assert cleared["removed"] > 3000 * 20
    assert kinds(command)["decoded"]["bytes"] == before["decoded"]["bytes"] > 0
    assert "decoded" in command.fails("cache", "clear", "--kind", "pixels", status=2)
    assert "--kind hashes" in command.fails("cache", "clear", "--kind", "hashes", "--path", "/x", status=2)


def test_clear_tells_what_a_job_keeps(command, vials, workspace, tmp_path):
    pipeline = ImagePipeline(target_size=(8, 8), cache=str(tmp_path / "mine"))
    path = str(next(vials.glob("good/*")))
    before = pipeline.load_image(path)
    assert "mine" in command("cache", "show", "--path", str(tmp_path / "mine")).out
    assert " in use" in command("cache", "clear", "--path", str(tmp_path / "mine")).out
    np.testing.assert_array_equal(pipeline.load_image(path), before)


def test_an_empty_cache_is_shown_and_a_wrong_limit_told(command, monkeypatch, workspace):
    assert "0 bytes" in command("cache", "show").out
    for variable in ("BREVETTI_DECODED_GB", "BREVETTI_OBJECTS_GB"):
        monkeypatch.setenv(variable, "lots")
        assert f"expected {variable} as a number of gigabytes" in command.fails("cache", "show", status=2)
        monkeypatch.delenv(variable)


def test_a_folder_that_holds_no_decoded_images_says_so(command, tmp_path):
    shown = command("cache", "show", "--path", str(tmp_path / "mistyped"))
    assert shown.out.splitlines() == [str(tmp_path / "mistyped"), "", "No decoded images are kept there."]
    assert not (tmp_path / "mistyped").exists()

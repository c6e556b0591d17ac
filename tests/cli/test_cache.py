import json

import numpy as np
import pytest

from brevetti_keras.data.image import ImagePipeline


@pytest.fixture
def filled(vials, workspace):
    for size in ((8, 8), (16, 16)):
        pipeline = ImagePipeline(target_size=size)
        for path in sorted(vials.glob("good/*")):
            pipeline.load_image(str(path))


@pytest.mark.usefixtures("filled")
def test_show_tells_what_it_holds(command, workspace):
    shown = json.loads(command("cache", "show", "--json").out)
    assert shown["path"].endswith("cache/decoded")
    assert sorted(entry["images"] for entry in shown["sets"]) == [6, 6]
    assert shown["bytes"] == sum(entry["bytes"] for entry in shown["sets"]) > 6 * 3 * (64 + 256)
    assert shown["limit"] > shown["bytes"]
    text = command("cache", "show").out
    assert shown["path"] in text
    assert "last used" in text


@pytest.mark.usefixtures("filled")
def test_clear_empties_it(command, vials):
    assert command("cache", "clear").out.startswith("removed ")
    assert json.loads(command("cache", "show", "--json").out)["sets"] == []
    assert json.loads(command("cache", "clear", "--json").out) == {"removed": 0, "kept": 0}


def test_clear_tells_what_a_job_keeps(command, vials, workspace, tmp_path):
    pipeline = ImagePipeline(target_size=(8, 8), cache=str(tmp_path / "mine"))
    path = str(next(vials.glob("good/*")))
    before = pipeline.load_image(path)
    assert "that are in use" in command("cache", "clear", "--path", str(tmp_path / "mine")).out
    np.testing.assert_array_equal(pipeline.load_image(path), before)


def test_an_empty_cache_is_shown_and_a_wrong_size_told(command, monkeypatch, workspace):
    assert "0 bytes" in command("cache", "show").out
    monkeypatch.setenv("BREVETTI_CACHE_SIZE", "lots")
    assert "BREVETTI_CACHE_SIZE: expected a size" in command.fails("cache", "show", status=2)

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from brevetti_keras.data.annotation_digest import annotation_digest
from brevetti_keras.data.run_lengths import RunLengths

MARK = {"type": "polygon", "label": "a", "points": [{"x": 1, "y": 2}, {"x": 5, "y": 2}, {"x": 5, "y": 6}]}


def digest(value):
    return annotation_digest(value if isinstance(value, bytes) else json.dumps(value).encode(), "1.json")


def with_mark(**changes):
    return {"image": {"width": 16, "height": 12}, "annotations": [{**MARK, **changes}]}


def test_how_it_is_written_does_not_count():
    expected = digest(with_mark())
    assert len(expected) == 64
    floats = [{"y": float(point["y"]), "x": float(point["x"])} for point in MARK["points"]]
    assert digest({"annotations": [dict(reversed(list({**MARK, "points": floats}.items())))]}) == expected
    assert digest(json.dumps(with_mark(), indent=3).encode("utf-8")) == expected


@pytest.mark.parametrize("value", [{}, {"image": {"width": 16, "height": 12}}, {"annotations": []}, {"image": None}])
def test_what_marks_nothing_is_as_if_it_were_not_there(value):
    assert digest(value) == ""


@pytest.mark.parametrize(
    "value",
    [
        with_mark(label="b"),
        with_mark(score=1),
        with_mark(points=[*MARK["points"], {"x": 0, "y": 0}]),
        with_mark(parts=[MARK["points"]]),
        {"annotations": [MARK, MARK]},
        {"annotations": [MARK], "image": {"camera": "left"}},
        {"image": {"camera": "left"}},
    ],
)
def test_what_is_marked_counts(value):
    assert digest(value) not in {digest(with_mark()), ""}


def test_a_mask_is_its_pixels(tmp_path):
    pixels = np.zeros((12, 16), np.uint8)
    pixels[2:5, 3:9] = 255
    for name, value in (("a.png", 255), ("b.png", 7)):
        Image.fromarray((pixels > 0).astype(np.uint8) * value).save(tmp_path / name)

    def masked(**mask):
        return digest({"annotations": [{"type": "mask", "label": "a", **mask}]})

    expected = masked(rle=RunLengths.of(pixels).json())
    assert masked(path=str(tmp_path / "a.png")) == masked(path=str(tmp_path / "b.png")) == expected
    pixels[0, 0] = 255
    assert masked(rle=RunLengths.of(pixels).json()) != expected
    assert len(masked(path=str(tmp_path / "none.png"))) == 64


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"[]", b'{"annotations": [{}]}', b"[" * 100_000])
def test_another_file_is_its_bytes(data):
    assert digest(data) == hashlib.sha256(data).hexdigest()

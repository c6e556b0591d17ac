import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.annotation import Annotation, Shape, read_annotation, write_annotation
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.utils.errors import DataError
from tests.support.collections import LABELS, shapes


def read(*annotations, **image):
    return read_annotation(json.dumps({"image": image, "annotations": annotations}).encode(), "1.json")


@settings(deadline=None, max_examples=60)
@given(st.lists(LABELS, min_size=1, max_size=3).flatmap(lambda labels: st.lists(shapes(labels), max_size=4)))
def test_what_is_written_is_read_again(found):
    annotation = Annotation(tuple(found), 16, 12, {"fileName": "a.png", "camera": [1, {"x": None}]})
    assert read_annotation(write_annotation(annotation), "1.json") == annotation


def test_the_form_of_the_hosted_platform():
    points = [{"x": 1, "y": 2.5}, {"x": 5, "y": 2}, {"x": 5, "y": 7}]
    more = {"color": "hsla(1,1%,1%,1)", "uuid": "7", "severity": 2, "visibility": -1, "features": {}}
    annotation = read({"type": "polygon", "label": "crack", "points": points, **more}, width=640, height=480, etag="x")
    (shape,) = annotation.shapes
    assert shape == Shape("crack", "polygon", ((1.0, 2.5), (5.0, 2.0), (5.0, 7.0)), extra=more)
    assert (annotation.width, annotation.height, annotation.image) == (640, 480, {"etag": "x"})


def test_corners_of_a_rectangle_come_in_order():
    (shape,) = read({"type": "rectangle", "label": "a", "points": [{"x": 5, "y": 2}, {"x": 1, "y": 7}]}).shapes
    assert shape.points == ((1.0, 2.0), (5.0, 7.0))


def test_masks_are_pixels_or_a_path():
    runs = {"size": [2, 3], "counts": [1, 5]}
    path, pixels = read(
        {"type": "mask", "label": "a", "path": "/m.png"}, {"type": "mask", "label": "a", "rle": runs}
    ).shapes
    assert (path.mask, pixels.mask) == ("/m.png", RunLengths(2, 3, (1, 5)))


@pytest.mark.parametrize(
    ("name", "path", "place"),
    [
        ("/data/marks/1.json", "1.png", "/data/marks/1.png"),
        ("/data/marks/1.json", "../masks/1.png", "/data/masks/1.png"),
        ("gs://vials/marks/1.json", "../masks/1.png", "gs://vials/masks/1.png"),
        ("gs://vials/marks/1.json", "gs://others/1.png", "gs://others/1.png"),
        ("1.json", "masks/1.png", "masks/1.png"),
    ],
)
def test_a_mask_s_relative_path_starts_at_the_file(name, path, place):
    data = json.dumps({"annotations": [POINT, {"type": "mask", "label": "a", "path": path}]}).encode()
    assert [shape.mask for shape in read_annotation(data, name).shapes] == [None, place]


def test_an_annotation_may_tell_nothing():
    assert read_annotation(b"{}", "1.json").is_empty
    assert not read(width=3).is_empty


POINT = {"type": "point", "label": "a", "points": [{"x": 1, "y": 2}]}


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (3, "annotation 1: expected an object"),
        ({"type": "circle", "label": "a"}, "expected a type of rectangle, polygon, line, point, class, mask"),
        ({**POINT, "label": ""}, "expected a label of text"),
        ({**POINT, "label": None}, "expected a label of text"),
        ({**POINT, "points": {}}, "expected points as a list"),
        ({**POINT, "points": [3]}, "expected points as {x, y}"),
        ({**POINT, "points": [{"x": 1}]}, "expected coordinates as numbers"),
        ({**POINT, "points": [{"x": True, "y": 1}]}, "expected coordinates as numbers"),
        ({**POINT, "points": [{"x": 1e8, "y": 1}]}, "expected coordinates within 1,000,000 pixels"),
        ({**POINT, "points": [{"x": 1, "y": -1e8}]}, "expected coordinates within 1,000,000 pixels"),
        ({**POINT, "points": [{"x": -10_000_000, "y": 1}]}, "expected coordinates within 1,000,000 pixels"),
        ({**POINT, "points": []}, "expected a point of at least 1 points"),
        ({**POINT, "type": "line"}, "expected a line of at least 2 points"),
        ({**POINT, "type": "polygon"}, "expected a polygon of at least 3 points"),
        ({**POINT, "type": "rectangle"}, "expected a rectangle of two corners"),
        ({**POINT, "box": [1, 2, 3]}, "expected a box of four numbers"),
        ({**POINT, "box": [1, 2, -3, 4]}, "expected a box of width and height of at least 0"),
        ({"type": "mask", "label": "a"}, "expected a mask of run lengths"),
        ({"type": "mask", "label": "a", "path": ""}, "expected a mask of run lengths"),
    ],
)
def test_marks_that_make_no_sense_are_one_line(annotation, message):
    with pytest.raises(DataError, match=message) as caught:
        read(annotation)
    assert str(caught.value).startswith("1.json: annotation 1: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected JSON"),
        (b"\xff", "expected JSON in UTF-8"),
        (b"[]", "expected an annotation as a JSON object"),
        (b'{"annotations": {}}', "expected 'image' as an object and 'annotations' as a list"),
        (b'{"image": 3}', "expected 'image' as an object"),
        (b'{"image": {"width": "3"}}', "expected the image's width as whole pixels"),
        (b'{"annotations": [{"type": "point", "label": "a", "points": [{"x": NaN, "y": 1}]}]}', "received NaN"),
        (b'{"annotations": [{"type": "point", "label": "\\ud800", "points": []}]}', "lone surrogate"),
    ],
)
def test_files_that_make_no_sense_are_one_line(data, message):
    with pytest.raises(DataError, match=message):
        read_annotation(data, "1.json")

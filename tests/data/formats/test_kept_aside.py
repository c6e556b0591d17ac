"""What lies in brevetti.json: what a form could not hold, as long as nobody changed what it belongs to."""

import json

import numpy as np
import pytest
from PIL import Image

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.kept_aside import ASIDE, image_content, in_pixels, with_content
from brevetti_keras.data.formats.reading import READERS, read_format
from brevetti_keras.data.formats.writing import Written, write_format
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.utils.errors import DataError, InvalidInputError
from tests.support.collections import HEIGHT, WIDTH, contents, picture

BOX = Shape("a", "rectangle", ((1.0, 2.0), (5.0, 6.0)))
LINE = Shape("a", "line", ((1.0, 2.0), (5.0, 6.0)))


def image(tmp_path, number, *shapes, purpose="train", **more):
    annotation = Annotation(shapes, WIDTH, HEIGHT)
    return AnnotatedImage(picture(tmp_path, number), f"{number}.png", ("a",), purpose, annotation, **more)


def kept(folder):
    return json.loads((folder / ASIDE).read_text())


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


class TestWhatIsKept:
    def test_only_images_that_came_back_otherwise(self, tmp_path, out):
        images = (image(tmp_path, 0, BOX), image(tmp_path, 1, BOX, LINE), image(tmp_path, 2, BOX))
        assert write_format(Collection(images, ("a",)), "coco", str(out)) == Written(3, 1)
        assert list(kept(out)["images"]) == ["images/1.png"]
        assert set(kept(out)) == {"version", "images"}

    @pytest.mark.parametrize(
        "more", [{"columns": {"lot": "7"}}, {"purpose": "odd one"}, {"labels": ("a", "b")}, {"labels": ()}]
    )
    def test_each_thing_that_a_form_lacks(self, tmp_path, out, more):
        given = {"labels": ("a",), "purpose": "train", "columns": {}, **more}
        one = AnnotatedImage(picture(tmp_path, 0), "0.png", annotation=Annotation((BOX,), WIDTH, HEIGHT), **given)
        collection = Collection((one,), ("a", "b"))
        for form in ("voc", "coco"):
            write_format(collection, form, str(out / form))
            (back,) = read_format(form, str(out / form)).images
            assert (back.labels, back.purpose, dict(back.columns)) == (
                given["labels"], given["purpose"], given["columns"],
            )  # fmt: skip

    def test_classes_and_what_is_said_of_the_whole(self, tmp_path, out):
        collection = Collection((image(tmp_path, 0, BOX),), ("unused", "a"), {"info": {"year": 2026}})
        assert write_format(collection, "voc", str(out)) == Written(1, 0)
        assert kept(out)["classes"]["exact"] == ["unused", "a"]
        assert kept(out)["about"]["exact"] == {"info": {"year": 2026}}
        back = read_format("voc", str(out))
        assert (back.classes, back.about) == (("unused", "a"), {"info": {"year": 2026}})

    def test_nothing_makes_no_file(self, tmp_path, out):
        write_format(Collection((image(tmp_path, 0, BOX),), ("a",)), "voc", str(out))
        assert not (out / ASIDE).exists()

    def test_a_mask_that_is_a_file_is_kept_as_its_pixels(self, tmp_path, out):
        pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
        pixels[3:5, 4:9] = 200
        Image.fromarray(pixels).save(tmp_path / "mask.png")
        one = image(tmp_path, 0, Shape("a", "mask", mask=str(tmp_path / "mask.png")), BOX)
        assert in_pixels(one).annotation.shapes[0].mask == RunLengths.of(pixels)
        assert in_pixels(one).annotation.shapes[1] is BOX
        plain = image(tmp_path, 1, BOX)
        assert in_pixels(plain) is plain
        write_format(Collection((one,), ("a",)), "yolo", str(out))
        (tmp_path / "mask.png").unlink()
        shape, box = read_format("yolo", str(out)).images[0].annotation.shapes
        assert (shape.mask, box) == (RunLengths.of(pixels), BOX)


class TestWhatIsPutBack:
    @pytest.fixture
    def written(self, tmp_path, out):
        images = (image(tmp_path, 0, BOX, LINE), image(tmp_path, 1, LINE))
        collection = Collection(images, ("b", "a"), {"info": 1})
        write_format(collection, "voc", str(out))
        return collection

    def test_what_was_changed_since_counts_image_by_image(self, written, out, caplog):
        xml = out / "Annotations" / "0.xml"
        xml.write_text(xml.read_text().replace("<xmin>2<", "<xmin>3<"))
        first, second = read_format("voc", str(out)).images
        assert [shape.kind for shape in first.annotation.shapes] == ["rectangle", "rectangle"]
        assert second.annotation.shapes == (LINE,)
        assert caplog.text.count("its labels were changed since brevetti.json was written") == 1

    def test_classes_count_until_others_are_read(self, written, out):
        assert read_format("voc", str(out)).classes == ("b", "a")
        for xml in (out / "Annotations").iterdir():
            xml.write_text(xml.read_text().replace("<name>a<", "<name>c<"))
        assert read_format("voc", str(out)).classes == ("c",)

    def test_an_image_that_is_gone_takes_what_was_kept_of_it_along(self, written, out):
        (out / "Annotations" / "1.xml").unlink()
        (out / "JPEGImages" / "1.png").unlink()
        (back,) = read_format("voc", str(out)).images
        assert back.annotation.shapes == (BOX, LINE)

    def test_without_the_file_there_is_what_the_form_holds(self, written, out):
        (out / ASIDE).unlink()
        assert [len(one.annotation.shapes) for one in read_format("voc", str(out)).images] == [2, 1]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"images": []}, "expected 'images' as an object"),
            ({"images": {"JPEGImages/0.png": []}}, "expected 'read' and 'exact' in each entry"),
            ({"images": {"JPEGImages/0.png": {"read": "x"}}}, "expected 'read' and 'exact' in each entry"),
            ({"classes": {"exact": "a", "read": "?"}}, "expected a list of labels, received str"),
            ({"classes": {"exact": [3], "read": "?"}}, "expected a label of text"),
            ({"classes": {"exact": [""], "read": "?"}}, "expected a label of text"),
            ({"about": {"exact": [], "read": "?"}}, "expected 'about' as an object"),
            ({"version": 2}, "expected an object of version 1"),
            ({"version": None}, "expected an object of version 1"),
        ],
    )
    def test_another_form_is_one_line_that_says_what_to_do(self, written, out, change, message):
        value = kept(out)
        for key, entry in change.items():
            if isinstance(entry, dict) and entry.get("read") == "?":
                entry["read"] = value[key]["read"]
        (out / ASIDE).write_text(json.dumps({**value, **change}))
        with pytest.raises(DataError, match=message) as caught:
            read_format("voc", str(out))
        assert str(caught.value).startswith(f"{out}/{ASIDE}: ")
        assert str(caught.value).endswith(": repair it, or remove it to go without")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "exact",
        [None, [], {}, {"columns": []}, {"columns": {}}, {"columns": {}, "labels": "a"},
         {"columns": {}, "labels": [], "annotation": []}, {"columns": {}, "labels": [None], "annotation": {}}],
    )  # fmt: skip
    def test_content_of_another_form_is_refused(self, tmp_path, exact):
        with pytest.raises(InvalidInputError, match="expected"):
            with_content(image(tmp_path, 0, BOX), exact)

    def test_content_comes_back(self, tmp_path):
        one = image(tmp_path, 0, BOX, LINE, columns={"lot": "7", "ok": True, "size": 2.5})
        plain = AnnotatedImage(one.path, one.name, ())
        assert with_content(plain, image_content(one)) == one
        assert with_content(plain, {**image_content(one), "purpose": 3}).purpose == ""


def test_every_form_gives_back_what_no_form_holds(tmp_path):
    good = AnnotatedImage(picture(tmp_path, 0), "0.png", ("good",), "train", Annotation((), WIDTH, HEIGHT))
    odd = Shape("a", "point", ((0.25, 0.5), (3.0, 3.0)), extra={"who": ["me", {"at": None}], "é": 1e-9})
    collection = Collection((good, image(tmp_path, 1, odd, purpose="test", columns={"a,b": '"'})), ("good", "a"))
    for form in READERS:
        write_format(collection, form, str(tmp_path / form))
        back = read_format(form, str(tmp_path / form))
        assert contents(back) == contents(collection), form
        assert back.classes == ("good", "a"), form

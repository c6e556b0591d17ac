"""Components are found in settings by their type, wherever they stand."""

from typing import Any

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.platform import Job
from brevetti_keras.platform.components import components_in, pipelines_in
from brevetti_keras.schema import Settings

BY_NAME = {"top": [ImagePipeline(target_size=(7, 7))], "other": 3}


class Nested(Settings):
    inner: ImagePipeline = ImagePipeline(target_size=(5, 5))


class Mixed(Job.Settings):
    image: ImagePipeline = ImagePipeline(target_size=(4, 4))
    nested: Nested = Nested()
    several: tuple[ImagePipeline, ...] = (ImagePipeline(target_size=(6, 6)),)
    by_name: Any = None
    vary: ImageAugmenter = ImageAugmenter()
    name: str = "x"


def test_each_is_found_with_its_dotted_name():
    assert [(name, type(one).__name__) for name, one in components_in(Mixed(by_name=BY_NAME))] == [
        ("image", "ImagePipeline"),
        ("nested.inner", "ImagePipeline"),
        ("several.0", "ImagePipeline"),
        ("by_name.top.0", "ImagePipeline"),
        ("vary", "ImageAugmenter"),
    ]


def test_pipelines_are_found_alone():
    assert [one.target_size for one in pipelines_in(Mixed(by_name=BY_NAME))] == [(4, 4), (5, 5), (6, 6), (7, 7)]


def test_settings_without_any_have_none():
    assert list(components_in(Job.Settings())) == []


def test_a_component_by_itself_is_found_under_the_name_that_it_is_given():
    augmenter = ImageAugmenter()
    assert list(components_in(augmenter, "vary")) == [("vary", augmenter)]

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from brevetti_keras.data.image.header import HeaderError
from brevetti_keras.data.image.index_image import (
    holds_palette,
    indices_of,
    read_indices,
    tells_void,
    voc_colors,
    write_indices,
)
from brevetti_keras.utils.errors import DecodeError


def encoded(image, kind="PNG", **more):
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def test_colors_are_those_that_voc_documents():
    colors = voc_colors()
    assert colors.shape == (256, 3)
    assert colors[[0, 1, 2, 3, 20, 255]].tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 64, 128], [224, 224, 192],
    ]  # fmt: skip
    assert len({tuple(color) for color in colors.tolist()}) == 256


@settings(deadline=None, max_examples=30)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)))
def test_indices_come_back_and_other_programs_see_their_colors(indices):
    data = write_indices(indices)
    assert holds_palette(data)
    assert tells_void(data)
    found = indices_of(data)
    assert found.dtype == np.uint8
    assert np.array_equal(found, indices)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image.convert("RGB")), voc_colors()[indices])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_of_few_bits_are_their_indices(bits):
    indices = np.arange(2**bits, dtype=np.uint8)[None]
    image = Image.fromarray(indices)
    image.putpalette(bytes(range(255, -1, -1)) * 3)
    assert indices_of(encoded(image, bits=bits)).tolist() == indices.tolist()


def test_greys_are_indices_whatever_their_depth():
    assert indices_of(encoded(Image.fromarray(np.array([[0, 1, 255]], np.uint8)))).tolist() == [[0, 1, 255]]
    assert indices_of(encoded(Image.fromarray(np.array([[False, True]])))).tolist() == [[0, 1]]


def test_colors_stand_for_indices():
    pixels = voc_colors()[[[0, 3, 255], [3, 0, 1]]]
    assert indices_of(encoded(Image.fromarray(pixels))).tolist() == [[0, 3, 255], [3, 0, 1]]
    with_alpha = np.concatenate([pixels, np.full((2, 3, 1), 7, np.uint8)], axis=-1)
    assert indices_of(encoded(Image.fromarray(with_alpha))).tolist() == [[0, 3, 255], [3, 0, 1]]
    named = {(1, 2, 3): 9}
    assert indices_of(encoded(Image.new("RGB", (2, 1), (1, 2, 3))), named).tolist() == [[9, 9]]
    with pytest.raises(HeaderError, match=r"received red, green, blue \(1, 2, 4\)$"):
        indices_of(encoded(Image.new("RGB", (2, 1), (1, 2, 4))), named)


def test_what_says_that_nobody_decided():
    image = Image.new("P", (2, 2))
    image.putpalette(bytes(range(256)) * 3)
    assert holds_palette(encoded(image))
    assert not tells_void(encoded(image))
    assert not tells_void(encoded(Image.new("L", (2, 2))))
    assert not holds_palette(encoded(Image.new("L", (2, 2))))
    assert not holds_palette(encoded(Image.new("L", (2, 2)), "GIF"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "received an empty file"),
        (b"text of some length", "received a file that begins with"),
        (encoded(Image.new("L", (2, 2)), "JPEG"), "as PNG, received JPEG"),
        (encoded(Image.fromarray(np.zeros((2, 2), np.uint16))), "received another PNG"),
        (encoded(Image.new("LA", (2, 2))), "received another PNG"),
        (encoded(Image.new("P", (2, 2)))[:60], "received one that is truncated"),
        (encoded(Image.new("P", (2, 2))).replace(b"IDAT", b"IDA~"), "received one that is damaged"),
    ],
)
def test_other_files_are_one_line_that_names_them(tmp_path, data, message):
    (tmp_path / "mask.png").write_bytes(data)
    with pytest.raises(DecodeError, match=message) as caught:
        read_indices(str(tmp_path / "mask.png"))
    assert str(caught.value).startswith(str(tmp_path / "mask.png"))
    assert "\n" not in str(caught.value)


def test_a_header_that_claims_too_much_is_refused_before_a_pixel_is_made():
    data = bytearray(encoded(Image.new("P", (2, 2))))
    data[16:24] = (20_000).to_bytes(4, "big") * 2
    with pytest.raises(HeaderError, match="at most 100,000,000 pixels, received 20000 x 20000"):
        indices_of(bytes(data))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DecodeError, match=r"none\.png"):
        read_indices(str(tmp_path / "none.png"))

"""`SegmentationLoader`: annotations, or images of masks, to what a segmenting network is to learn.

    loader = SegmentationLoader(["scratch", "dent"], mapping={"deep scratch": "scratch"})
    pipeline = ImagePipeline(target_size=(224, 224), segmentation=loader)
    samples = get_image_samples(datasets, annotations=True)
    DataGenerator(samples, output_structure=("img", "segmentation")).map([pipeline, ImageAugmenter()])

annotation JSON, or an image → shapes of the classes → the pixels that the pipeline shows → (height, width, classes)
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import field_validator, model_validator

from brevetti_keras.data.annotation import Annotation, Shape, read_annotation
from brevetti_keras.data.image.decode import decode_scaled, read_file
from brevetti_keras.data.image.header import HeaderError
from brevetti_keras.data.image.index_image import VOID, holds_palette, indices_of, tells_void
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.image.segmentation_grid import Frame, frames_of
from brevetti_keras.data.image.segmentation_raster import Grid, Mask, covered
from brevetti_keras.data.image.upright_size import upright_size
from brevetti_keras.data.shape_geometry import holes_of, is_hole
from brevetti_keras.io.files import Files
from brevetti_keras.io.local_copies import file_state
from brevetti_keras.schema import Settings, code_field, setting
from brevetti_keras.utils.errors import DataError, DecodeError, InvalidInputError, NotFoundError

Floats = npt.NDArray[np.float32]

_JSON = ".json"


class SegmentationLoader(Settings):
    """Draws what is marked in an image, a channel a class.

    A pixel is 1 where its middle is marked, else 0. Labels that are no class and not mapped to one are left out.
    """

    positional: ClassVar[tuple[str, ...]] = ("classes",)

    classes: tuple[str, ...] = setting(min_length=1, description="Classes, in the order of the channels")
    mapping: dict[str, tuple[str, ...]] = setting(
        default_factory=dict, description="Other labels, and the class or classes that each stands for"
    )
    line_width: float = setting(
        1.0, gt=0, description="Width of lines, and diameter of points", unit="pixels of the file's image"
    )
    mask_values: tuple[int, ...] | None = setting(
        None,
        description="Of images of masks, the grey or index of each class; none: 1, 2, … or, of one, all but black",
        advanced=True,
    )
    annotation_key: str = code_field("annotation_path", description="Key of the annotations' paths", min_length=1)
    output_key: str = code_field("segmentation", description="Key of the masks in the result", min_length=1)

    @field_validator("classes", "mask_values")
    @classmethod
    def _check_once(cls, value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if value is not None and len(set(value)) != len(value):
            raise ValueError(f"expected each once, received {value}")
        return value

    @field_validator("classes", mode="before")
    @classmethod
    def _classes_of_array(cls, value: Any) -> Any:
        return value.tolist() if isinstance(value, np.ndarray) else value

    @field_validator("mapping", mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: (one,) if isinstance(one, str) else one for key, one in value.items()}

    @model_validator(mode="after")
    def _check_classes(self) -> Self:
        strangers = {one for several in self.mapping.values() for one in several} - set(self.classes)
        if strangers:
            raise ValueError(
                f"expected mapping to the classes {', '.join(self.classes)}, received {', '.join(sorted(strangers))}"
            )
        if self.mask_values is not None and len(self.mask_values) != len(self.classes):
            raise ValueError(
                f"expected mask_values for each of {len(self.classes)} classes, received {len(self.mask_values)}"
            )
        return self

    def load(self, annotation_path: str, path: str, reader: PixelReader | None = None) -> Floats:
        """Returns the masks of one image.

        Args:
            annotation_path: of annotation JSON, or of an image of masks; `""` marks nothing.
            path: of the image.
            reader: the geometry of the pipeline that reads the image; None leaves the image's own size.

        Returns:
            (height, width, classes) float32 of 0 and 1; of a time series (time, height, width, classes).

        Raises:
            DataError: for an annotation that cannot be read, or is of an image of another size.
            DecodeError: for an image that cannot be read.
            NotFoundError: for an annotation that is not there.
        """
        reader = reader or PixelReader()
        size = upright_size(path)
        frames = self._frames(reader, path, size)
        if not annotation_path:
            drawn = [np.zeros((*frame.size, len(self.classes)), np.float32) for frame in frames]
        elif annotation_path.lower().endswith(_JSON):
            annotation = read_annotation(Files().read_file(annotation_path), annotation_path)
            drawn = self._of_annotation(annotation, frames, size, annotation_path)
        else:
            drawn = self._of_image(annotation_path, frames, size)
        return np.stack(drawn) if reader.rois and reader.roi_mode == "as_timeseries" else drawn[0]

    def load_batch(self, annotation_paths: Sequence[str], paths: Sequence[str], reader: PixelReader) -> Floats:
        """Returns (batch, …) of what `load` returns.

        Raises:
            InvalidInputError: for masks of several sizes.
        """
        masks = [self.load(*pair, reader) for pair in zip(annotation_paths, paths, strict=True)]
        for mask, path in zip(masks, paths, strict=True):
            if mask.shape != masks[0].shape:
                raise InvalidInputError(
                    f"expected masks of one size in a batch, received {masks[0].shape} of {paths[0]} and {mask.shape} "
                    f"of {path}: set target_size"
                )
        return np.stack(masks)

    def _frames(self, reader: PixelReader, path: str, size: tuple[int, int]) -> list[Frame]:
        try:
            return frames_of(reader, *size)
        except InvalidInputError as error:
            raise DataError(f"{path}: {error}") from error

    def _of_annotation(
        self, annotation: Annotation, frames: list[Frame], size: tuple[int, int], name: str
    ) -> list[Floats]:
        told = (annotation.height, annotation.width)
        if all(told) and told != size:
            raise DataError(
                f"{name}: expected marks in an image of {size[0]} x {size[1]} pixels (height x width), as the file has "
                f"upright, received marks in one of {told[0]} x {told[1]}"
            )
        shapes = [(shape, self.classes_of(shape.label)) for shape in annotation.shapes if not is_hole(shape)]
        holes = [shape for shape in annotation.shapes if is_hole(shape)]
        drawn = [np.zeros((*frame.size, len(self.classes)), np.float32) for frame in frames]
        try:
            for frame, mask in zip(frames, drawn, strict=True):
                for shape, classes in shapes:
                    if classes:
                        own = holes_of(shape, holes)
                        mask[self._draw(frame, shape, own, size)[..., None] & self._channels(classes)] = 1.0
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        return drawn

    def classes_of(self, label: str) -> tuple[str, ...]:
        """Returns the classes that a label stands for; none for a stranger."""
        return self.mapping.get(label, (label,) if label in self.classes else ())

    def _channels(self, classes: tuple[str, ...]) -> Mask:
        return np.isin(self.classes, classes)

    def _draw(self, frame: Frame, shape: Shape, holes: list[Shape], size: tuple[int, int]) -> Mask:
        def draw(grid: Grid) -> Mask:
            found = covered(shape, grid, self.line_width, size)
            for hole in holes:
                found &= ~covered(hole, grid, self.line_width, size)
            return found

        return frame.draw(draw)

    def _of_image(self, name: str, frames: list[Frame], size: tuple[int, int]) -> list[Floats]:
        image, is_void = _read_mask(name)
        if image.shape[:2] != size:
            raise DataError(
                f"{name}: expected a mask of the image's {size[0]} x {size[1]} pixels (height x width), "
                f"received {image.shape[0]} x {image.shape[1]}"
            )
        values = self.mask_values or tuple(range(1, len(self.classes) + 1))
        if self.mask_values is None and len(self.classes) == 1:
            grey: npt.NDArray[Any] = (image != 0).any(axis=2) & ~is_void
        elif (image == image[..., :1]).all():
            grey = image[..., 0]
        else:
            raise DataError(f"{name}: expected a mask of grey values, one a class, received one in colour")
        strangers = np.setdiff1d(grey[~is_void], (0, *values))
        if len(strangers) and self.mask_values is None:
            raise DataError(
                f"{name}: expected grey values of 0 to {len(values)}, received {strangers[-1]}: set mask_values"
            )
        masks = [grey == value for value in values]
        channels = [[frame.draw(partial(_looked_up, mask)) for mask in masks] for frame in frames]
        return [np.stack(several, axis=-1).astype(np.float32) for several in channels]


def _read_mask(name: str) -> tuple[npt.NDArray[Any], Mask]:
    """The mask (height, width, 1 or 3), of a palette its indices, and where it says that nobody decided."""
    if file_state(name) is None:
        raise NotFoundError(f"no file {name}")
    try:
        data = read_file(name)
        if holds_palette(data):
            indices = indices_of(data)
            return indices[..., None], (indices == VOID) & tells_void(data)
    except HeaderError as error:
        raise DecodeError(name, str(error)) from error
    image, _ = decode_scaled(name, data, None)
    return image, np.zeros(image.shape[:2], bool)


def _looked_up(mask: Mask, grid: Grid) -> Mask:
    (rows, _), (columns, _) = grid.sorted_rows, grid.sorted_columns
    return grid.spread(mask[np.ix_(rows, columns)])

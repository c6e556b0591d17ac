"""What can be set for an image classification, and its entry in the list of model types. Loads no TensorFlow.

settings = ImageClassificationSettings(epochs=5, image_pipeline={"target_size": [64, 64]})
ImageClassification.get_schema().schema       # the form on the platform
"""

import math
from typing import Literal, Self

from pydantic import field_validator, model_validator

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.data.stratified_sampler import StratifiedSampler
from brevetti_keras.platform import Job
from brevetti_keras.registry import ModelType
from brevetti_keras.schema import Settings, setting


class Sampling(Settings):
    """How the training samples are drawn; without groups each is drawn once an epoch."""

    groupby: tuple[str, ...] | None = setting(
        None,
        label="Groups",
        description="Columns of the samples (label, dataset, …) whose values form groups that are drawn by weight; "
        "empty draws each sample once an epoch",
    )
    group_weighing: Literal["uniform", "count", "square root", "log", "logx+1"] = setting(
        "uniform", label="Weight of a group", description="How a group's weight follows from its number of samples"
    )
    max_epoch_samples: int | None = setting(
        None, ge=1, unit="samples", advanced=True, description="An epoch holds at most so many samples; empty holds all"
    )

    def sampler(self, batch_size: int, seed: int) -> StratifiedSampler:
        """Returns the sampler with a job's batch size and seed."""
        return StratifiedSampler(
            batch_size=batch_size,
            groupby=self.groupby,
            group_weighing=self.group_weighing,
            max_epoch_samples=math.inf if self.max_epoch_samples is None else self.max_epoch_samples,
            seed=seed,
        )


class EarlyStopping(Settings):
    """When to stop before the last epoch."""

    patience: int = setting(
        5, ge=0, unit="epochs", description="Stop after so many epochs without a smaller devel loss; 0 never stops"
    )
    min_delta: float = setting(0.0, ge=0, advanced=True, description="A devel loss counts as smaller by this much")
    restore_best: bool = setting(True, description="Keep the weights of the epoch with the smallest devel loss")


class Network(Settings):
    """The small convolutional network; its depth follows the images' size."""

    filters: int = setting(
        32, ge=4, le=256, description="Filters of the first step; each further step has twice as many"
    )
    dropout: float = setting(0.2, ge=0, lt=1, description="Share of the features left out at random in training")


class ImageClassificationSettings(Job.Settings):
    """Settings of an image classification."""

    classes: tuple[str, ...] = setting(
        (),
        description="Labels to tell apart, in this order; empty takes all that the samples have. Others are left out",
    )
    class_mapping: dict[str, str] = setting(
        default_factory=dict,
        widget="class-mapping",
        description="From a folder's name to its label; folders that are not named keep their name",
    )
    image_pipeline: ImagePipeline = setting(
        ImagePipeline(target_size=(128, 128), rescale="unit"), description="From a file to what the network gets"
    )
    augmentation: ImageAugmenter = setting(
        ImageAugmenter(
            random_transformer={
                "chance": 0.5,
                "flip_up_down": False,
                "flip_left_right": False,
                "rotate": 5,
                "scale": 0.05,
                "translate_horizontal": 0.05,
                "translate_vertical": 0.05,
                "shear": 0,
            },
            image_noise={
                "chance": 0.5,
                "brightness": 0.05,
                "contrast": (0.9, 1.1),
                "hue": 0.01,
                "saturation": (0.9, 1.1),
            },
        ),
        description="Random changes of the training images that leave their label true",
    )
    split: SampleSplit = setting(
        SampleSplit(stratification=("label",)),
        description="Which samples are trained on (train); the others tell when to stop and how good it is (devel)",
    )
    leak_groups: bool = setting(
        False,
        label="Copies stay together",
        description="Find near-duplicates (re-encoded, turned, brightened, shifted) before the split, and keep each "
        "group on one side of it; equal files always stay together. Decodes each file once more",
    )
    test_share: float = setting(
        0.0,
        ge=0,
        lt=1,
        description="Share of all samples kept for a test that nothing in the training looks at, before the split",
    )
    sampling: Sampling = setting(Sampling(), description="How the training samples are drawn")
    network: Network = setting(Network(), advanced=True, description="The network's size")
    epochs: int = setting(30, ge=1, le=100_000, description="Passes over the training samples, at most")
    batch_size: int = setting(32, ge=1, le=65_536, unit="samples", description="Samples a step")
    learning_rate: float = setting(1e-3, gt=0, le=10, description="Of the Adam optimizer")
    early_stopping: EarlyStopping = setting(EarlyStopping(), description="When to stop before the last epoch")
    seed: int = setting(
        0, ge=0, lt=2**31, description="Of the weights, the order and the augmentation: equal seeds give equal figures"
    )

    @field_validator("classes")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) == 1 or len(set(value)) != len(value):
            raise ValueError(f"expected at least two different labels, or none to take all, received {list(value)}")
        if not all(value):
            raise ValueError("expected labels of at least one letter, received an empty one")
        return value

    @model_validator(mode="after")
    def _tied(self) -> Self:
        if self.leak_groups and "leak_group" not in self.split.tie:
            raise ValueError(
                "expected leak_group in split.tie, which leak_groups fills, received " + str(self.split.tie)
            )
        return self

    @field_validator("image_pipeline")
    @classmethod
    def _pictures(cls, value: ImagePipeline) -> ImagePipeline:
        if len(value.output_shape) != 3:
            raise ValueError("expected single pictures (roi_mode concatenate_height), received a time series")
        return value


class ImageClassification(ModelType):
    """Trains a small convolutional network to tell classes of images apart."""

    name = "image-classification"
    version = "1.0"
    description = "Tells classes of images apart with a small convolutional network trained from nothing."
    Settings = ImageClassificationSettings
    job = "model_zoo.image_classification.train:ImageClassificationJob"
    demo = "model_zoo.image_classification.demo:run_demo"
    demo_job = "model_zoo.image_classification.demo:demo_job"

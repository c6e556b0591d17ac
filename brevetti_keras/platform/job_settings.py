"""`JobSettings`, the base of every job's settings, public as `Job.Settings`."""

from typing import Literal

from brevetti_keras.schema.fields import setting
from brevetti_keras.schema.settings import Settings


class JobSettings(Settings):
    """What every job can be told; a job's own settings derive from it."""

    on_error: Literal["quarantine", "raise"] = setting(
        "quarantine",
        advanced=True,
        description="What to do with an image that cannot be read: set it aside with its reason, or stop",
    )
    max_bad_share: float = setting(
        0.01, ge=0, le=1, advanced=True, description="Stop if more than this share of the images cannot be read"
    )
    min_class_images: int = setting(
        1,
        ge=0,
        advanced=True,
        description="Stop if images that cannot be read leave fewer than this of their class; 0 lets a class vanish",
    )
    max_megapixels: float = setting(
        100, gt=0, advanced=True, description="Images of more megapixels cannot be used: they may not fit in memory"
    )

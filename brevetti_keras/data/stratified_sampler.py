"""`StratifiedSampler`: how a job samples, as settings.

StratifiedSampler(batch_size=16, groupby=["category"]).get(samples, shuffle=True, repeat=True)
"""

import math
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import WithJsonSchema, field_serializer, field_validator

from brevetti_keras.data.generator import DataGenerator
from brevetti_keras.schema import Settings, setting

# JSON has no infinity: null stands for it in files and forms.
_Limit = Annotated[float, WithJsonSchema({"anyOf": [{"type": "number", "minimum": 1}, {"type": "null"}]})]


class StratifiedSampler(Settings):
    """Makes a `DataGenerator` from settings; see there for what they mean."""

    batch_size: int = setting(32, ge=1, unit="samples", description="Samples a batch")
    groupby: tuple[str, ...] | None = setting(
        None, description="Columns whose values form the groups that are sampled by weight"
    )
    group_weighing: Literal["uniform", "count", "square root", "log", "logx+1"] = setting(
        "uniform", description="How a group's weight follows from its number of samples"
    )
    max_epoch_samples: _Limit = setting(
        default_factory=lambda: math.inf, ge=1, unit="samples", advanced=True, description="At most so many an epoch"
    )
    seed: int | None = setting(None, advanced=True, description="Of the order and of random maps; empty draws one")

    @field_validator("groupby", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("max_epoch_samples", mode="before")
    @classmethod
    def _limit(cls, value: Any) -> Any:
        return math.inf if value is None else value

    @field_serializer("max_epoch_samples", when_used="json")
    def _limit_in_json(self, value: float) -> float | None:
        return value if math.isfinite(value) else None

    def get(self, samples: pd.DataFrame, **generator_arguments: Any) -> DataGenerator:
        """Returns a generator of these samples.

        Args:
            samples: as `DataGenerator` takes them.
            **generator_arguments: of `DataGenerator`; they win over the settings.
        """
        arguments: dict[str, Any] = {
            "batch_size": self.batch_size,
            "sampling_groupby": list(self.groupby) if self.groupby else None,
            "sampling_group_weighing": self.group_weighing,
            "max_epoch_samples": self.max_epoch_samples,
            "seed": self.seed,
        }
        return DataGenerator(samples, **{**arguments, **generator_arguments})

import json
import math
from typing import Any

import pandas as pd
import pytest

from brevetti_keras.data.data_generator import DataGenerator, StratifiedSampler
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import SettingsError


def frame() -> pd.DataFrame:
    return pd.DataFrame({"number": range(60), "folder": ["rare"] * 10 + ["common"] * 50})


def numbers(generator: DataGenerator) -> list[int]:
    return [int(number) for batch in generator.get_samples_numpy(structure="number") for number in batch]


def test_it_makes_the_generator_that_its_settings_describe() -> None:
    sampler = StratifiedSampler(
        batch_size=7, groupby=["folder"], group_weighing="square root", max_epoch_samples=30, seed=4
    )

    made = sampler.get(frame(), shuffle=True)

    twin = DataGenerator(
        frame(),
        7,
        shuffle=True,
        sampling_groupby=["folder"],
        sampling_group_weighing="square root",
        max_epoch_samples=30,
        seed=4,
    )
    assert (made.batch_size, made.seed, len(made)) == (7, 4, 5)
    assert numbers(made) == numbers(twin)


def test_the_calls_arguments_win() -> None:
    made = StratifiedSampler(batch_size=7, groupby="folder", seed=4, max_epoch_samples=8).get(
        frame(), batch_size=10, sampling_groupby=None, seed=5, max_epoch_samples=20
    )

    assert (made.batch_size, made.seed, len(made)) == (10, 5, 2)
    assert numbers(made) == list(range(20))


def test_a_weighing_of_ones_own_can_be_given_to_the_call() -> None:
    made = StratifiedSampler(groupby="folder", seed=1).get(
        frame(), sampling_group_weighing=lambda size: float(size == 10)
    )

    assert set(numbers(made)) == set(range(10))


def test_the_defaults_keep_the_frames_order_and_draw_a_seed() -> None:
    sampler = StratifiedSampler()

    assert numbers(sampler.get(frame())) == list(range(60))
    assert sampler.get(frame()).seed != sampler.get(frame()).seed
    assert (sampler.batch_size, sampler.groupby, sampler.max_epoch_samples) == (32, None, math.inf)


@pytest.mark.parametrize("settings", [{}, {"groupby": ["a", "b"], "max_epoch_samples": 12, "seed": 3}])
def test_it_survives_json(settings: dict[str, Any]) -> None:
    sampler = StratifiedSampler(**settings)

    assert StratifiedSampler.from_config(json.loads(to_json(sampler.get_config()))) == sampler


def test_the_form_is_strict_json_and_offers_the_weighings() -> None:
    schema = StratifiedSampler.get_schema()

    properties = json.loads(to_json(schema.schema))["properties"]
    assert properties["group_weighing"]["enum"] == ["uniform", "count", "square root", "log", "logx+1"]
    assert json.dumps(schema.vue_form(), allow_nan=False)
    assert json.dumps(schema.schema, allow_nan=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected greater than or equal to 1, received 0"),
        ({"group_weighing": "sqrt"}, "group_weighing: expected 'uniform'"),
        ({"max_epoch_samples": math.nan}, "max_epoch_samples: expected greater than or equal to 1, received nan"),
        ({"group_by": "folder"}, "group_by: unknown setting, did you mean 'groupby'?"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        StratifiedSampler(**settings)

    assert message in str(caught.value)

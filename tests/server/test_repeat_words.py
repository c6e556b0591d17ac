"""The words of a command that repeats a job: what differs from the defaults, and nothing else."""

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.server.repeat_command import command_for_workspace, flat, repeat_command, resume_command
from brevetti_keras.utils.encode import from_json

NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2) | st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)


def nested(pairs):
    result = {}
    for name, value in pairs:
        *above, last = name.split(".")
        place = result
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return result


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), NESTED, max_size=3))
def test_flat_names_tell_the_nested_values_again(values):
    pairs = flat(values)
    assert nested(pairs) == values
    assert len({name for name, _ in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"a": {"b": {"c": 1}}, "d": 2}, [("a.b.c", 1), ("d", 2)]),
        ({"a": {}}, [("a", {})]),
        ({"a": [{"b": 1}]}, [("a", [{"b": 1}])]),
        ({"a": None}, [("a", None)]),
    ],
)
def test_lists_and_empty_mappings_stay_values(values, expected):
    assert flat(values) == expected


def test_a_workspace_with_blanks_in_its_path_stays_one_word(service):
    words = shlex.split(command_for_workspace(service, "show", "a b", "it's"))
    assert words == ["brevetti-keras", "show", "a b", "it's", "--workspace", service.home]


@pytest.mark.parametrize("job_class", ["", "__main__:TrainingJob"])
def test_a_class_that_no_other_process_finds_cannot_be_repeated(service, job_class):
    job = service.jobs.get(service.jobs.create("by hand", job_class=job_class).id)
    assert repeat_command(service, job) is None
    assert resume_command(service, job) is None


def test_a_report_can_be_resumed_and_not_repeated(service):
    job = service.jobs.get(service.jobs.create("check", job_class="mine:Check", kind="report").id)
    assert repeat_command(service, job) is None
    assert shlex.split(resume_command(service, job))[1:5] == ["train", "mine:Check", "--resume", job.id]


@pytest.mark.parametrize(
    "value",
    ["plain", "it's <b> $HOME `x`", "", 3, 0.5, True, None, [1, "a"], {"$x": 1}],
    ids=repr,
)
def test_a_setting_comes_through_a_shell_as_it_was(service, value):
    job = service.jobs.create("own", job_class="mine:Own", settings={"part": {"one": value}})
    words = shlex.split(repeat_command(service, service.jobs.get(job.id)))
    name, _, given = words[words.index("--set") + 1].partition("=")
    if isinstance(value, dict):
        assert (name, from_json(given)) == ("part.one.$x", 1)
    else:
        assert name == "part.one"
        assert (given if isinstance(value, str) else from_json(given)) == value


def test_every_dataset_is_named_by_where_it_lies(service, vials, tmp_path):
    (tmp_path / "second lot").mkdir()
    added = [service.datasets.add(path).id for path in (vials, str(tmp_path / "second lot"))]
    job = service.jobs.create("own", job_class="mine:Own", dataset_ids=added)
    words = shlex.split(repeat_command(service, service.jobs.get(job.id)))
    named = [words[place + 1] for place, word in enumerate(words) if word == "--dataset"]
    assert named == [vials, str(tmp_path / "second lot")]


def test_of_a_model_type_that_is_gone_every_setting_is_given(service):
    job = service.jobs.create(
        "gone", model_type="no-longer-here", model_type_version="1.0", job_class="a:B", settings={"epochs": 3}
    )
    words = shlex.split(repeat_command(service, service.jobs.get(job.id)))
    assert words[1:3] == ["train", "no-longer-here"]
    assert words[words.index("--set") + 1] == "epochs=3"

"""Nothing public is undocumented: every error, command, option and setting stands on a page of docs/."""

import importlib
import re
from pathlib import Path

import click
import pytest

from brevetti_keras.cli.main import cli
from brevetti_keras.registry import load_model_type
from brevetti_keras.utils import errors

DOCS = Path(__file__).parents[2] / "docs"

PUBLIC = {
    "brevetti_keras.platform": {"Dataset", "Job", "connect", "get_image_samples"},
    "brevetti_keras.io": {"fetch_copies", "local_copy", "open_storage"},
    "brevetti_keras.data.sample_integrity": {"SampleSplit", "find_leak_groups", "find_leak_pairs"},
    "brevetti_keras.data.dataset_check": {"check_dataset"},
    "brevetti_keras.data.fingerprint": {"fingerprint"},
    "brevetti_keras.data.fingerprint_diff": {"diff_fingerprints"},
    "brevetti_keras.data.data_generator": {
        "DataGenerator",
        "OneHotEncoder",
        "StratifiedSampler",
        "build_image_data_generator",
        "predict_dataset",
    },
    "brevetti_keras.data.image": {"ImageAugmenter", "ImagePipeline", "SegmentationLoader"},
    "brevetti_keras.interfaces.remote_monitor": {"RemoteMonitor"},
    "brevetti_keras.interfaces.callbacks": {
        "ChartUpload",
        "FacetsReport",
        "PivotReport",
        "RemoteMonitor",
        "TensorBoard",
    },
    "brevetti_keras.interfaces.pivot": {"export_pivot_table", "get_default_fields", "pivot_data", "pivot_fields"},
    "brevetti_keras.interfaces.augment_preview": {"augment_preview"},
    "brevetti_keras.interfaces.facets_atlas": {"build_facets"},
    "brevetti_keras.interfaces.vegalite_charts": {
        "calibration",
        "confusion_matrix",
        "dataset_summary",
        "precision_recall",
        "roc",
        "score_histogram",
        "security_level",
        "split_overview",
        "training_history",
    },
    "brevetti_keras.interfaces.tensorboard": {"tensorboard"},
    "brevetti_keras.model_package": {"load_package", "package_model"},
    "brevetti_keras.registry": {"ModelType"},
    "brevetti_keras.schema": {"Settings", "setting", "code_field"},
}


def pages():
    return "\n".join(path.read_text() for path in sorted(DOCS.glob("*.md")))


def commands(command, name=""):
    context = click.Context(command)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            yield from commands(command.get_command(context, child), f"{name} {child}".strip())
    if name:
        yield name, command


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_are_there_and_documented(module):
    loaded = importlib.import_module(module)
    text = pages()
    for name in PUBLIC[module]:
        assert getattr(loaded, name).__doc__, f"{module}.{name} has no docstring"
        assert re.search(rf"\b{name}\b", text), f"{module}.{name} stands on no page of docs/"


@pytest.mark.parametrize("name", [name for name in dir(errors) if name.endswith("Error")])
def test_every_error_is_documented(name):
    assert f"`{name}`" in (DOCS / "errors.md").read_text()


@pytest.mark.parametrize(("name", "command"), list(commands(cli)))
def test_every_command_is_documented_with_its_options_and_shows_an_example(name, command):
    page = (DOCS / "command-line.md").read_text()
    assert f"brevetti-keras {name}" in page
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert f"`{option}" in page, f"{name} {option}"
    if not isinstance(command, click.Group):
        assert "Example:  brevetti-keras" in (command.epilog or ""), name
    assert command.help


def test_every_setting_of_the_bundled_model_type_is_documented():
    text = (DOCS / "model-types.md").read_text()
    for name in load_model_type("image-classification").get_schema().schema["properties"]:
        assert f"`{name}`" in text, name


def test_links_between_pages_lead_somewhere():
    for page in [*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"

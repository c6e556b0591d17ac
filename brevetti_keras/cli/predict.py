"""`brevetti-keras predict`: what a trained model says of images."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import click
import pandas as pd

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json, print_table
from brevetti_keras.cli.tensorflow_start import load_quietly
from brevetti_keras.data.inspection import inspect_images
from brevetti_keras.data.samples import NOT_TEXT
from brevetti_keras.io.paths import is_text
from brevetti_keras.model_package import ModelPackage, load_package
from brevetti_keras.platform import connect
from brevetti_keras.utils.errors import DecodeError, NotFoundError


@click.command(epilog="Example:  brevetti-keras predict 3f2a vials/*.png")
@click.argument("model")
@click.argument("images", nargs=-1, required=True)
@workspace_option
@json_option
def predict(model: str, images: tuple[str, ...], workspace: str | None, as_json: bool) -> None:
    """Classify IMAGES with MODEL: a packaged model's file, or the job that trained it.

    Those that cannot be read are named with their reasons, and the exit status is 1.
    """
    load_quietly()
    package = load_package(model) if os.path.isfile(model) else _package_of(model, workspace)
    predictions, unreadable = _predicted(package, images)
    if as_json:
        print_json(predictions)
    elif predictions:
        print_table(
            ["path", "class", "probability"],
            [[row["path"], row["prediction"], float(row["probability"])] for row in predictions],
        )
    for error in unreadable:
        click.echo(f"error: {error}", err=True)
    if unreadable:
        raise click.exceptions.Exit(1)


def _predicted(package: ModelPackage, images: Sequence[str]) -> tuple[list[dict[str, Any]], list[DecodeError]]:
    """Returns the predictions of the images that can be read, and why the others cannot be."""
    try:
        return _records(package, images), []
    except DecodeError as error:
        if len(images) == 1:
            return [], [error]
    # It names the first alone; only now is it worth to read each file by itself.
    unreadable = [DecodeError(path, NOT_TEXT) for path in images if not is_text(path)]
    named = pd.DataFrame({"path": [path for path in images if is_text(path)]})
    found = inspect_images(named, max_bad_share=1.0)
    bad = found.quarantined[["path", "reason"]].itertuples(index=False, name=None)
    return _records(package, found.used["path"].tolist()), [*unreadable, *(DecodeError(*row) for row in bad)]


def _records(package: ModelPackage, images: Sequence[str]) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in package.predict(images).to_dict("records")]


def _package_of(job: str, workspace: str | None) -> ModelPackage:
    platform = connect(workspace)
    found = platform.jobs.get(job)
    if not found.model_path:
        raise NotFoundError(f"job {found.id} is {found.state} and has no packaged model: expected a completed one")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, os.path.basename(found.model_path))
        with open(path, "wb") as file:
            file.write(platform.artifacts.read(found.id, found.model_path))
        return load_package(path)

"""`brevetti-keras predict`: what a trained model says of images."""

import os
import tempfile

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json, print_table
from brevetti_keras.cli.tensorflow_start import load_quietly
from brevetti_keras.model_package import ModelPackage, load_package
from brevetti_keras.platform import connect
from brevetti_keras.utils.errors import NotFoundError


@click.command(epilog="Example:  brevetti-keras predict 3f2a vials/*.png")
@click.argument("model")
@click.argument("images", nargs=-1, required=True)
@workspace_option
@json_option
def predict(model: str, images: tuple[str, ...], workspace: str | None, as_json: bool) -> None:
    """Classify IMAGES with MODEL: a packaged model's file, or the job that trained it."""
    load_quietly()
    package = load_package(model) if os.path.isfile(model) else _package_of(model, workspace)
    predictions = package.predict(images).to_dict("records")
    if as_json:
        print_json(predictions)
        return
    print_table(
        ["path", "class", "probability"],
        [[row["path"], row["prediction"], float(row["probability"])] for row in predictions],
    )


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

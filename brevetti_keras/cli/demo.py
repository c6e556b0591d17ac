"""`brevetti-keras demo`: real images to a trained, reported model, with nothing prepared."""

import contextlib
import sys

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json, print_values, program
from brevetti_keras.cli.tensorflow_start import load_quietly
from brevetti_keras.registry import load_model_type, load_reference
from brevetti_keras.utils.errors import NotFoundError


@click.command(epilog="Example:  brevetti-keras demo --workspace /tmp/first-look")
@click.option(
    "--model-type", default="image-classification", show_default=True, help="The model type whose demo to run."
)
@workspace_option
@json_option
def demo(model_type: str, workspace: str | None, as_json: bool) -> None:
    """Train a classifier on 1,797 scanned handwritten digits, test it and write its report.

    The images come with scikit-learn; they are written as files into the workspace, added as a dataset, split,
    trained and reported, as your own folder would be.
    """
    reference = load_model_type(model_type).demo
    if reference is None:
        raise NotFoundError(
            f"model type {model_type!r} has no demo; `brevetti-keras model-types` lists what is installed"
        )
    # Standard output is for the answer; what the training says goes to standard error.
    with contextlib.redirect_stdout(sys.stderr):
        load_quietly()
        result = load_reference(reference)(workspace, click.echo)
    if as_json:
        print_json(result)
        return
    click.echo()
    print_values(
        {
            "job": result["job"],
            "accuracy": f"{result['devel_accuracy']:.4f} on samples that were not trained on",
            "report": result["report"],
            "artifacts": result["artifacts"],
            "seconds": f"{result['seconds']:.0f}",
        }
    )
    where = f" --workspace {workspace}" if workspace else ""
    click.echo(f"\nTo see it in the browser:\n  {program()} serve{where}")

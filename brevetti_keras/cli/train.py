"""`brevetti-keras train`: a model type, datasets and settings become a job that runs here."""

import contextlib
import sys

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json, print_values, program
from brevetti_keras.cli.tensorflow_start import load_quietly
from brevetti_keras.platform import connect
from brevetti_keras.registry import load_reference


@click.command(
    epilog="Example:  brevetti-keras train image-classification --dataset vials --config my.yaml --set epochs=5"
)
@click.argument("model_type")
@click.option(
    "--dataset", "datasets", multiple=True, metavar="PATH_OR_NAME", help="What to train on; several may be given."
)
@click.option("--config", metavar="FILE", help="Settings as YAML or JSON.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE",
    help="One setting, for example image_pipeline.target_size='[64, 64]'.",
)
@click.option("--name", help="The job's name.")
@click.option("--resume", metavar="JOB", help="Go on with a stopped or failed job from its last checkpoint.")
@workspace_option
@json_option
def train(
    model_type: str,
    datasets: tuple[str, ...],
    config: str | None,
    overrides: tuple[str, ...],
    name: str | None,
    resume: str | None,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Train MODEL_TYPE (its name, or module:Class of a Job) and report on it.

    Settings come from the model type's defaults, then --config, then the environment, then --set.
    """
    if not datasets and not resume:
        raise click.UsageError(
            "expected at least one --dataset PATH_OR_NAME, received none; `brevetti-keras dataset list` shows them"
        )
    platform = connect(workspace)
    reference = model_type if ":" in model_type else platform.model_types.get(model_type).job
    arguments = [word for override in overrides for word in _as_argument(override)]
    if resume:
        arguments += ["--resume", resume]
    # Standard output is for the answer; what the training says goes to standard error.
    with contextlib.redirect_stdout(sys.stderr):
        load_quietly()
        job = load_reference(reference).init(
            platform=platform, datasets=list(datasets) or None, config=config, name=name, argv=arguments
        )
        job.start()
    finished = platform.jobs.get(job.id)
    if as_json:
        print_json({**finished.model_dump(mode="json"), "artifacts": job.artifact_path(dir=True)})
        return
    click.echo()
    print_values(
        {"job": finished.id, "state": finished.state, **finished.metrics, "artifacts": job.artifact_path(dir=True)}
    )
    where = f" --workspace {workspace}" if workspace else ""
    click.echo(f"\nTo see it in the browser:\n  {program()} serve{where}")


def _as_argument(override: str) -> tuple[str, str]:
    name, equals, value = override.partition("=")
    if not equals or not name:
        raise click.UsageError(f"expected --set NAME=VALUE, received {override!r}")
    return f"--{name.strip()}", value

"""`brevetti-keras jobs`, `show` and `stop`."""

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import local_time, print_json, print_table, print_values
from brevetti_keras.platform import connect
from brevetti_keras.wire.records import JobState


@click.command(epilog="Example:  brevetti-keras jobs --state failed")
@click.option(
    "--state", type=click.Choice(["created", "queued", "running", "completed", "failed", "stopped"]), help="Only these."
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many at most.")
@workspace_option
@json_option
def jobs(state: JobState | None, limit: int, workspace: str | None, as_json: bool) -> None:
    """List jobs, newest first."""
    platform = connect(workspace)
    found = platform.jobs.list(state=state, limit=limit)
    if as_json:
        print_json([job.model_dump(mode="json") for job in found])
        return
    if not found:
        click.echo("No job yet. See one:\n  brevetti-keras demo" if state is None else f"No job is {state}.")
        return
    print_table(
        ["id", "name", "state", "model type", "created", "epoch", "datasets"],
        [
            [
                job.id,
                job.name,
                job.state,
                job.model_type or job.job_class,
                local_time(job.created),
                _progress(job.epoch, job.epochs),
                ", ".join(d.name for d in job.datasets),
            ]
            for job in found
        ],
    )
    total = platform.jobs.count(state=state)
    if total > len(found):
        click.echo(f"{total - len(found):,} more: --limit {total}")


@click.command(epilog="Example:  brevetti-keras show 3f2a")
@click.argument("job")
@workspace_option
@json_option
def show(job: str, workspace: str | None, as_json: bool) -> None:
    """Show JOB (its id, the beginning of it, or its name): state, settings, metrics, artifacts."""
    platform = connect(workspace)
    found = platform.jobs.get(job)
    files = platform.artifacts.list(found.id)
    if as_json:
        print_json({**found.model_dump(mode="json"), "artifacts": [entry.model_dump(mode="json") for entry in files]})
        return
    print_values(
        {
            "job": found.id,
            "name": found.name,
            "state": found.state + (f": {found.message}" if found.message else ""),
            "model type": f"{found.model_type or found.job_class} {found.model_type_version}".strip(),
            "datasets": ", ".join(d.name for d in found.datasets),
            "created": local_time(found.created),
            "started": local_time(found.started),
            "ended": local_time(found.ended),
            "epoch": _progress(found.epoch, found.epochs),
            "model": found.model_path,
        }
    )
    for heading, values in (("Metrics", found.metrics), ("Settings", found.settings)):
        if values:
            click.echo(f"\n{heading}")
            print_values(values)
    if files:
        click.echo("\nArtifacts")
        print_table(
            ["path", "bytes", "modified"], [[entry.path, entry.size, local_time(entry.modified)] for entry in files]
        )


@click.command(epilog="Example:  brevetti-keras stop 3f2a")
@click.argument("job")
@workspace_option
@json_option
def stop(job: str, workspace: str | None, as_json: bool) -> None:
    """Stop JOB. It keeps its last checkpoint and goes on with `train … --resume JOB`."""
    platform = connect(workspace)
    found = platform.jobs.stop(platform.jobs.get(job).id)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    click.echo(f"job {found.id} is {found.state}" + (f": {found.message}" if found.message else ""))


def _progress(epoch: int | None, epochs: int | None) -> str:
    if epoch is None:
        return "-"
    return f"{epoch + 1}/{epochs}" if epochs else str(epoch + 1)

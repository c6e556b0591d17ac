"""`brevetti-keras sync`: what an outage kept back goes where it belongs."""

import click

from brevetti_keras.cli.options import workspace_option
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import StorageError

_PAGE = 100


@click.command(epilog="Example:  brevetti-keras sync vials-3")
@click.argument("jobs", metavar="[JOB]...", nargs=-1)
@workspace_option
def sync(jobs: tuple[str, ...], workspace: str | None) -> None:
    """Take over what the logs of jobs (by default of all) hold, and bring their artifacts to the workspace's bucket, if
    it has one; what has arrived already is left alone."""
    with EmbeddedPlatform(workspace) as platform:
        found = [platform.jobs.get(name).id for name in jobs] or _all(platform)
        left = 0
        for job_id in found:
            platform.events.sync(job_id)
            left += len(platform.artifacts.sync(job_id))
    if left:
        told = counted(left, "artifact has not arrived and stays", "artifacts have not arrived and stay")
        raise StorageError(f"{told} in the workspace: try again later")
    click.echo(counted(len(found), "job is where it belongs", "jobs are where they belong"))


def _all(platform: EmbeddedPlatform) -> list[str]:
    return [
        job.id
        for offset in range(0, platform.jobs.count(), _PAGE)
        for job in platform.jobs.list(limit=_PAGE, offset=offset)
    ]

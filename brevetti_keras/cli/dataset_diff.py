"""`brevetti-keras dataset diff`: what changed between two datasets."""

import os
from collections import Counter

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json, print_table
from brevetti_keras.data.fingerprint import Fingerprint, fingerprint, from_csv
from brevetti_keras.data.fingerprint_diff import CHANGES, diff_fingerprints
from brevetti_keras.platform import connect, get_image_samples
from brevetti_keras.platform.platform import Platform
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import NotFoundError
from brevetti_keras.wire.artifacts import FINGERPRINT

_SHOWN = 40


@click.command(name="diff", epilog="Example:  brevetti-keras dataset diff vials ~/vials-corrected")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@workspace_option
@json_option
def diff_command(first: str, second: str, workspace: str | None, as_json: bool) -> None:
    """Tell what changed from A to B: names or ids of datasets, paths, or jobs (what they were trained on).

    Two datasets are equal if they have the same samples (pixels, labels, annotations, metadata), wherever these lie and
    however the files are encoded.
    """
    platform = connect(workspace)
    one, other = _fingerprint_of(platform, first), _fingerprint_of(platform, second)
    changes = diff_fingerprints(one, other)
    kinds = changes["change"].value_counts()
    counts = {change: int(kinds[change]) for change in CHANGES if change in kinds}
    if as_json:
        roots = {"first": one.root, "second": other.root, "equal": one.root == other.root}
        samples = {"first": len(one.leaves), "second": len(other.leaves), "same": _same(one, other, "leaf")}
        print_json({**roots, "samples": samples, "counts": counts, "changes": changes.to_dict("records")})
        return
    for letter, side in (("A", one), ("B", other)):
        click.echo(f"{letter}  {side.root}  {counted(len(side.leaves), 'sample')}")
    if one.root == other.root:
        click.echo(_told_equal(one, other, counts.get("re-encoded", 0)))
    if changes.empty:
        return
    click.echo(", ".join(f"{count:,} {change}" for change, count in counts.items()) + "\n")
    shown = changes.head(_SHOWN)
    print_table(
        ["change", "sample", "now", "before", "after"],
        [[*row[:3], *(_short(text) for text in row[3:])] for row in shown.itertuples(index=False, name=None)],
    )
    if len(changes) > len(shown):
        click.echo(f"… and {len(changes) - len(shown):,} more: --json lists all")


def _told_equal(one: Fingerprint, other: Fingerprint, encoded: int) -> str:
    elsewhere = len(one.leaves) - _same(one, other, "path", "leaf")
    told = [counted(elsewhere, "lies at another path", "lie at other paths")] if elsewhere else []
    told += [counted(encoded, "is encoded otherwise", "are encoded otherwise")] if encoded else []
    same = f"No difference: the same {counted(len(one.leaves), 'sample')}"
    return f"{same}, of which {' and '.join(told)}." if told else f"{same}."


def _same(one: Fingerprint, other: Fingerprint, *columns: str) -> int:
    """How many samples of one the other has too, by what these columns say."""
    rows = [Counter(side.leaves[[*columns]].itertuples(index=False, name=None)) for side in (one, other)]
    return (rows[0] & rows[1]).total()


def _fingerprint_of(platform: Platform, name: str) -> Fingerprint:
    try:
        return fingerprint(get_image_samples([platform.datasets.get(name)], annotations=True))
    except NotFoundError:
        if os.path.exists(name) or "://" in name:
            return fingerprint(get_image_samples([name], annotations=True))
    try:
        job = platform.jobs.get(name)
    except NotFoundError as error:
        raise NotFoundError(
            f"expected a dataset's name or id, a path, or a job, received {name!r}, which is none of them"
        ) from error
    try:
        return from_csv(platform.artifacts.read(job.id, FINGERPRINT), FINGERPRINT)
    except NotFoundError as error:
        raise NotFoundError(f"job {job.id} recorded no fingerprint: it listed no samples, or has not yet") from error


def _short(text: str) -> str:
    return f"{text[:12]}…" if len(text) > 32 and " " not in text and "/" not in text else text

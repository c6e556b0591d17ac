"""`brevetti-keras cache`: what jobs share on this machine."""

import datetime
import os
from typing import Any

import click

from brevetti_keras.cli.options import json_option
from brevetti_keras.cli.output import local_time, print_json, print_table
from brevetti_keras.data.caches import CLEARED_UNASKED, KINDS, CacheKind, cache_kinds, clear_cache
from brevetti_keras.data.decoded_cache.space import CacheSpace, ShardFile, show_size
from brevetti_keras.io.cache_folder import cache_folder

_PATH = click.option(
    "--path", metavar="FOLDER", default=None, help="The decoded images that pipelines keep elsewhere, and only these."
)


@click.group()
def cache() -> None:
    """Show and clear what jobs share on this machine: decoded images, copies of what lies in buckets, and memories."""


@cache.command(epilog="Example:  brevetti-keras cache show")
@_PATH
@json_option
def show(path: str | None, as_json: bool) -> None:
    """Show what each kind of cache holds and may hold, and the decoded images by the settings that they were made
    with."""
    space = CacheSpace(path)
    kinds = [_as_row(kind) for kind in cache_kinds()] if path is None else []
    sets = _sets(space)
    if as_json:
        print_json({"path": space.root if path else cache_folder(), "kinds": kinds, "sets": sets})
        return
    click.echo(f"{space.root if path else cache_folder()}\n")
    if path is None:
        print_table(
            ["kind", "holds", "files", "size", "limit", "last used"],
            [
                [
                    row["kind"],
                    row["holds"],
                    row["files"],
                    show_size(row["bytes"]),
                    None if row["limit"] is None else show_size(row["limit"]),
                    local_time(row["used"] or ""),
                ]
                for row in kinds
            ],
        )
    elif not sets:
        click.echo("No decoded images are kept there.")
    if sets:
        click.echo()
        print_table(
            ["decoded with", "images", "size", "last used"],
            [[row["name"], row["images"], show_size(row["bytes"]), local_time(row["used"])] for row in sets],
        )


@cache.command(epilog="Example:  brevetti-keras cache clear --kind objects")
@click.option(
    "--kind", type=click.Choice(KINDS), default=None, help="Clear only one kind.  [default: all but imports, tfds]"
)
@_PATH
@json_option
def clear(kind: str | None, path: str | None, as_json: bool) -> None:
    """Remove what the caches hold, but images that a running job uses; it is made again when needed.

    Datasets that Python code read from other tools' forms (imports, tfds) go only where --kind names them: first see
    that no job uses one.
    """
    if path is not None and kind not in (None, "decoded"):
        raise click.UsageError(f"expected --path with decoded images, received it with --kind {kind}")
    if path is not None:
        cleared = {"decoded": CacheSpace(path).clear()}
    else:
        cleared = {name: clear_cache(name) for name in ([kind] if kind else CLEARED_UNASKED)}
    removed, kept = (sum(counts) for counts in zip(*cleared.values(), strict=True))
    if as_json:
        by_kind = {name: {"removed": gone, "kept": left} for name, (gone, left) in cleared.items()}
        print_json({"removed": removed, "kept": kept, "kinds": by_kind})
        return
    click.echo(f"removed {show_size(removed)}{f', kept {show_size(kept)} in use' if kept else ''}")


def _as_row(kind: CacheKind) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "holds": kind.holds,
        "path": kind.path,
        "files": kind.files,
        "bytes": kind.bytes,
        "limit": kind.limit,
        "used": None if kind.used is None else _moment(kind.used),
    }


def _sets(space: CacheSpace) -> list[dict[str, Any]]:
    """One row for each set of image settings, most recently used first."""
    sets: dict[str, list[ShardFile]] = {}
    for shard in reversed(space.shards()):
        sets.setdefault(os.path.basename(os.path.dirname(shard.path)), []).append(shard)
    return [
        {
            "name": name,
            "images": sum(shard.images for shard in shards),
            "bytes": sum(shard.bytes for shard in shards),
            "used": _moment(max(shard.used for shard in shards)),
        }
        for name, shards in sets.items()
    ]


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()

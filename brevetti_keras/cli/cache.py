"""`brevetti-keras cache`: the decoded images that jobs share."""

import datetime
import os
from typing import Any

import click

from brevetti_keras.cli.options import json_option
from brevetti_keras.cli.output import local_time, print_json, print_table, print_values
from brevetti_keras.data.decoded_cache.space import CacheSpace, ShardFile, show_size

_PATH = click.option(
    "--path", metavar="FOLDER", default=None, help="The cache's folder.  [default: in $BREVETTI_CACHE, else ~/.cache]"
)


@click.group()
def cache() -> None:
    """Show and clear the cache of decoded images, which later epochs, later jobs and predictions read."""


@cache.command(epilog="Example:  brevetti-keras cache show")
@_PATH
@json_option
def show(path: str | None, as_json: bool) -> None:
    """Show what the cache holds: one line for each set of image settings, most recently used first."""
    space = CacheSpace(path)
    sets: dict[str, list[ShardFile]] = {}
    for shard in reversed(space.shards()):
        sets.setdefault(os.path.basename(os.path.dirname(shard.path)), []).append(shard)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "images": sum(shard.images for shard in shards),
            "bytes": sum(shard.bytes for shard in shards),
            "used": datetime.datetime.fromtimestamp(max(shard.used for shard in shards), datetime.UTC).isoformat(),
        }
        for name, shards in sets.items()
    ]
    if as_json:
        print_json({"path": space.root, "bytes": space.used, "limit": space.limit, "sets": rows})
        return
    print_values({"where": space.root, "used": show_size(space.used), "at most": show_size(space.limit)})
    if rows:
        click.echo()
        print_table(
            ["settings", "images", "MB", "last used"],
            [[row["name"], row["images"], row["bytes"] / 1e6, local_time(row["used"])] for row in rows],
        )


@cache.command(epilog="Example:  brevetti-keras cache clear")
@_PATH
@json_option
def clear(path: str | None, as_json: bool) -> None:
    """Remove all decoded images but those that a running job uses; they are decoded again when needed."""
    removed, kept = CacheSpace(path).clear()
    if as_json:
        print_json({"removed": removed, "kept": kept})
        return
    click.echo(f"removed {show_size(removed)}{f', kept {show_size(kept)} that are in use' if kept else ''}")

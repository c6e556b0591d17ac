"""`brevetti-keras dataset check`: what is wrong or odd in a dataset."""

import os

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json, print_table
from brevetti_keras.data.dataset_check import DatasetCheck, check_dataset
from brevetti_keras.interfaces.dataset_check_report import dataset_check_report
from brevetti_keras.platform import connect
from brevetti_keras.platform.samples import list_dataset
from brevetti_keras.utils.errors import DataError, NotFoundError

_SHOWN = 10


@click.command(name="check", epilog="Example:  brevetti-keras dataset check vials --report vials-check.html")
@click.argument("name")
@click.option(
    "--report",
    metavar="FILE",
    default="dataset-check.html",
    show_default=True,
    help="Where to write the page of pictures; '' writes none.",
)
@click.option("--strict", is_flag=True, help="Exit with status 1 for unreadable files and copies across classes.")
@workspace_option
@json_option
@click.pass_context
def check_command(
    context: click.Context, name: str, report: str, strict: bool, workspace: str | None, as_json: bool
) -> None:
    """Look for copies, unreadable and odd files, outliers and uneven classes in a dataset (NAME, id or path)."""
    try:
        source = connect(workspace).datasets.get(name)
        title, listing = source.name, list_dataset(source)
    except NotFoundError:
        if not os.path.exists(name) and "://" not in name:
            raise
        title, listing = os.path.basename(name.rstrip("/")) or name, list_dataset(name)
    if listing.samples.empty and listing.skipped.empty:
        raise DataError(f"expected images in {title}, found none: expected jpg, png, bmp, gif, webp or tif files")
    found = check_dataset(listing.samples, skipped=listing.skipped)
    page = dataset_check_report(found, title).write(report) if report else ""
    if as_json:
        print_json({"dataset": title, "report": page, **found.to_dict()})
    else:
        _print(found, page)
    if strict and found.severe:
        context.exit(1)


def _print(found: DatasetCheck, page: str) -> None:
    print_table(["finding", "count", "meaning"], found.summary.to_numpy().tolist())
    click.echo()
    print_table(["class", "samples", "share"], found.classes.to_numpy().tolist())
    tables = {
        "Copies": found.duplicates[["first", "second", "reason", "across", "distance"]],
        "Unreadable files": found.unreadable,
        "Odd files": found.odd,
        "Brightness outliers": found.brightness,
    }
    for title, table in tables.items():
        if len(table):
            click.echo(f"\n{title}")
            print_table([str(column) for column in table.columns], table.head(_SHOWN).to_numpy().tolist())
            if len(table) > _SHOWN:
                click.echo(f"… and {len(table) - _SHOWN:,} more: --json lists all")
    if page:
        click.echo(f"\nwrote {page}")

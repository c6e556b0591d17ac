"""`brevetti-keras dataset`: what there is to train on."""

import contextlib

import click

from brevetti_keras.cli.augment_preview import augment_preview_command
from brevetti_keras.cli.dataset_check import check_command
from brevetti_keras.cli.dataset_diff import diff_command
from brevetti_keras.cli.dataset_formats import export_command, import_command
from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import local_time, print_json, print_table, print_values
from brevetti_keras.platform import connect, get_image_samples
from brevetti_keras.utils.counting import counted


@click.group()
def dataset() -> None:
    """Add, import, show, check and compare datasets.

    A dataset is a folder of images, one subfolder a class; it is referenced where it lies, never copied.
    """


@dataset.command(epilog="Example:  brevetti-keras dataset add ~/vials --name vials --tag site=Aarhus")
@click.argument("path")
@click.option("--name", help="Its name; by default the folder's.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be given several times.")
@click.option("--notes", default="", help="Anything worth knowing.")
@workspace_option
@json_option
def add(path: str, name: str | None, tags: tuple[str, ...], notes: str, workspace: str | None, as_json: bool) -> None:
    """Add the images under PATH (a folder, or a CSV of samples) as a dataset."""
    platform = connect(workspace)
    added = platform.datasets.add(path, name=name, tags=tags, notes=notes)
    with contextlib.ExitStack() as undone:
        # What cannot be listed, or was stopped while it was, is not half added.
        undone.callback(platform.datasets.remove, added.id)
        samples = get_image_samples([added])
        undone.pop_all()
    if as_json:
        print_json({**added.model_dump(mode="json"), "samples": len(samples)})
        return
    classes = samples["folder"].nunique()
    click.echo(f"added {added.name!r} with {counted(len(samples), 'image')} in {counted(classes, 'folder')}")
    if samples.empty:
        click.echo("It holds no image yet: expected jpg, png, bmp, gif, webp or tif files below it.")
    else:
        click.echo(f"To train on it:\n  brevetti-keras train image-classification --dataset {_quoted(added.name)}")


@dataset.command(name="list", epilog="Example:  brevetti-keras dataset list --json")
@workspace_option
@json_option
def list_(workspace: str | None, as_json: bool) -> None:
    """List the datasets of the workspace."""
    known = connect(workspace).datasets.list()
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in known])
        return
    if not known:
        click.echo("No dataset yet. Add one:\n  brevetti-keras dataset add PATH")
        return
    print_table(
        ["name", "id", "added", "tags", "where"],
        [[d.name, d.id, local_time(d.created), ", ".join(tag.name for tag in d.tags), d.bucket] for d in known],
    )


@dataset.command(epilog="Example:  brevetti-keras dataset show vials")
@click.argument("name")
@workspace_option
@json_option
def show(name: str, workspace: str | None, as_json: bool) -> None:
    """Show one dataset (NAME or id): where it lies, and its images by folder."""
    found = connect(workspace).datasets.get(name)
    samples = get_image_samples([found])
    counts = samples.groupby("folder").agg(images=("path", "size"), bytes=("size", "sum")).reset_index()
    if as_json:
        print_json({**found.model_dump(mode="json"), "folders": counts.to_dict("records"), "samples": len(samples)})
        return
    print_values(
        {
            "name": found.name,
            "id": found.id,
            "where": found.bucket,
            "added": local_time(found.created),
            "tags": ", ".join(tag.name for tag in found.tags),
            "notes": found.notes,
            "images": f"{len(samples):,}",
        }
    )
    if len(samples):
        click.echo()
        print_table(
            ["folder", "images", "MB"],
            [[row["folder"], int(row["images"]), row["bytes"] / 1e6] for row in counts.to_dict("records")],
        )


dataset.add_command(augment_preview_command)
dataset.add_command(check_command)
dataset.add_command(diff_command)
dataset.add_command(import_command)
dataset.add_command(export_command)


def _quoted(name: str) -> str:
    return (
        name
        if name.replace("-", "").replace("_", "").replace(".", "").isalnum()
        else "'" + name.replace("'", "'\\''") + "'"
    )

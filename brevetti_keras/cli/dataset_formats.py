"""`brevetti-keras dataset import` and `export`: datasets of other tools become ours, and ours theirs."""

import shlex
from collections import Counter

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json
from brevetti_keras.platform import connect
from brevetti_keras.platform.imports import EXPORTS, IMPORTS, add_collection, export_dataset, name_of, read_source
from brevetti_keras.utils.counting import counted


@click.command(name="import", epilog="Example:  brevetti-keras dataset import coco ~/parts --name parts --tag line=3")
@click.argument("form", metavar="{" + "|".join(IMPORTS) + "}", type=click.Choice(IMPORTS))
@click.argument("path")
@click.option("--name", help="Its name; by default the folder's.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be given several times.")
@click.option("--notes", default="", help="Anything worth knowing.")
@click.option("--split", "splits", multiple=True, help="Of tfds, a split; may be given several times; by default all.")
@click.option("--data-dir", metavar="PATH", help="Of tfds, where TensorFlow Datasets keeps its data.")
@workspace_option
@json_option
def import_command(
    form: str,
    path: str,
    name: str | None,
    tags: tuple[str, ...],
    notes: str,
    splits: tuple[str, ...],
    data_dir: str | None,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Add a dataset of another tool's form, with its labels, purposes and annotations.

    PATH is, of coco, the folder with its JSON files or one of them; of yolo, the folder with data.yaml or that file;
    of voc, the folder with Annotations or SegmentationClass, and JPEGImages; of mvtec, the folder of one object; of
    tfds, a dataset's name in TensorFlow Datasets or the folder of a stored one. All but a name may lie in a bucket, as
    gs://vials/parts. Images are referred to where they lie, never copied (those of tfds lie in records, and are written
    into the workspace once).
    """
    if form != "tfds" and (splits or data_dir):
        raise click.UsageError("expected --split and --data-dir with tfds alone")
    platform = connect(workspace)
    collection = read_source(platform, form, path, splits, data_dir)
    added = add_collection(platform, collection, name_of(path), name, tags, notes)
    count = len(collection.images)
    labels = sorted({label for image in collection.images for label in image.labels})
    marked = sum(bool(image.annotation.shapes) for image in collection.images)
    purposes = dict(sorted(Counter(image.purpose for image in collection.images if image.purpose).items()))
    if as_json:
        counts = {"samples": count, "annotated": marked, "purposes": purposes, "labels": labels}
        print_json({**added.model_dump(mode="json"), **counts})
        return
    shown = "".join(f", {number:,} {purpose}" for purpose, number in purposes.items())
    click.echo(f"imported {added.name!r} with {counted(count, 'image')}{shown}")
    click.echo(f"{counted(len(labels), 'label')}, {counted(marked, 'image')} with marks")
    click.echo(f"To see it:\n  brevetti-keras dataset show {shlex.quote(added.name)}")


@click.command(name="export", epilog="Example:  brevetti-keras dataset export parts --format yolo ~/parts-yolo")
@click.argument("name")
@click.argument("folder")
@click.option("--format", "form", type=click.Choice(EXPORTS), required=True, help="Whose form to write.")
@workspace_option
@json_option
def export_command(name: str, folder: str, form: str, workspace: str | None, as_json: bool) -> None:
    """Write the dataset NAME (or id) into FOLDER, which is new or empty and may be a URL, in another tool's form.

    Images are copied. What the form cannot hold lies in brevetti.json beside it, and is there again when the folder is
    imported.
    """
    written = export_dataset(connect(workspace).datasets.get(name), form, folder)
    if as_json:
        print_json({"folder": folder, "format": form, "images": written.images, "kept_aside": written.kept_aside})
        return
    click.echo(f"exported {counted(written.images, 'image')} to {folder}")
    if written.kept_aside:
        click.echo(
            f"Of {written.kept_aside:,} of them {form} cannot hold everything; it is kept in brevetti.json beside them."
        )

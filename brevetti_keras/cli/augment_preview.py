"""`brevetti-keras dataset augment-preview`: a picture of what the augmentation makes of a dataset's images."""

import os
from typing import Any

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.interfaces.augment_preview import augment_preview, picture_kind
from brevetti_keras.platform import connect, get_image_samples
from brevetti_keras.platform.settings_sources import file_source, merge, text_source
from brevetti_keras.registry import load_reference
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import InvalidInputError


@click.command(
    name="augment-preview",
    epilog="Example:  brevetti-keras dataset augment-preview vials --set augmentation.random_transformer.rotate=30",
)
@click.argument("name")
@click.option(
    "--model-type",
    default="image-classification",
    show_default=True,
    help="Whose settings: an installed name, or module:Class of a Job.",
)
@click.option("--config", metavar="FILE", help="Settings as YAML or JSON.")
@click.option(
    "--set", "overrides", multiple=True, metavar="NAME=VALUE", help="One setting; may be given several times."
)
@click.option("--samples", "count", type=click.IntRange(1, 100), default=6, show_default=True, help="Images to show.")
@click.option("--versions", type=click.IntRange(1, 100), default=6, show_default=True, help="Variations of each image.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides which images, and how they vary.")
@click.option("--size", type=click.IntRange(32, 1024), default=160, show_default=True, help="Pixels of each picture.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="augment-preview.png",
    show_default=True,
    help="Where to write the picture: png, jpg or webp by its ending.",
)
@workspace_option
@json_option
def augment_preview_command(
    name: str,
    model_type: str,
    config: str | None,
    overrides: tuple[str, ...],
    count: int,
    versions: int,
    seed: int,
    size: int,
    output: str,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Draw images of dataset NAME as the network gets them, each beside its augmented variations.

    Settings come from the model type's defaults, then --config, then --set. The same seed draws the same picture.
    """
    picture_kind(output)
    platform = connect(workspace)
    reference = model_type if ":" in model_type else platform.model_types.get(model_type).job
    settings = _settings(reference, config, overrides)
    found = platform.datasets.get(name)
    sheet = augment_preview(
        get_image_samples([found]),
        _only(settings, ImagePipeline, reference),
        _only(settings, ImageAugmenter, reference),
        count=count,
        versions=versions,
        seed=seed,
        side=size,
        title=f"{found.name}, augmented as by {model_type}",
    )
    sheet.write(output)
    if as_json:
        print_json(
            {
                "picture": os.path.abspath(output),
                "dataset": found.id,
                "seed": seed,
                "samples": [vars(sample) for sample in sheet.samples],
                "unreadable": sheet.unreadable,
            }
        )
        return
    for path, reason in sheet.unreadable.items():
        click.echo(f"not shown: {path}: {reason}", err=True)
    click.echo(f"wrote {output}: {counted(len(sheet.samples), 'image')} with {counted(versions, 'variation')} each")


def _settings(reference: str, config: str | None, overrides: tuple[str, ...]) -> Any:
    loaded = load_reference(reference)
    of_a_job = getattr(loaded, "settings_class", None)
    settings = of_a_job() if callable(of_a_job) else getattr(loaded, "Settings", None)
    if settings is None:
        raise InvalidInputError(f"expected {reference} to be a ModelType or a Job, received {type(loaded).__name__}")
    given = []
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise click.UsageError(f"expected --set NAME=VALUE, received {override!r}")
        given.append((key.strip(), value, f"--set {key.strip()}"))
    sources = [file_source(config)] if config else []
    return merge(settings, [*sources, text_source(settings, given, "--set")])


def _only(settings: Any, kind: type[Any], reference: str) -> Any:
    """Returns the first setting of a kind."""
    for name in type(settings).model_fields:
        if isinstance(getattr(settings, name), kind):
            return getattr(settings, name)
    raise InvalidInputError(f"expected {reference} to have a setting of {kind.__name__}, received none")

"""`brevetti-keras model-types` and `schema`."""

import click

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json, print_table
from brevetti_keras.platform import connect
from brevetti_keras.schema.vue_form import vue_form


@click.group(name="model-types", invoke_without_command=True, epilog="Example:  brevetti-keras model-types --json")
@workspace_option
@json_option
@click.pass_context
def model_types(ctx: click.Context, workspace: str | None, as_json: bool) -> None:
    """List model types, or add a Job class as one."""
    if ctx.invoked_subcommand is not None:
        return
    known = connect(workspace).model_types.list()
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in known])
        return
    print_table(
        ["name", "version", "kind", "from", "description"],
        [[entry.name, entry.version, entry.kind, entry.source, entry.description] for entry in known],
    )


@model_types.command(epilog="Example:  brevetti-keras model-types add my_package.train:TrainingJob")
@click.argument("reference", metavar="MODULE:CLASS")
@workspace_option
@json_option
def add(reference: str, workspace: str | None, as_json: bool) -> None:
    """Register the Job class (or ModelType) MODULE:CLASS; its settings schema is read once, in a child process."""
    added = connect(workspace).model_types.add(reference)
    if as_json:
        print_json(added.model_dump(mode="json"))
        return
    click.echo(f"added model type {added.name!r}, version {added.version}")


@click.command(epilog="Example:  brevetti-keras schema image-classification > schema.json")
@click.argument("model_type")
@click.option("--vue", is_flag=True, help="As a vue-form-generator form, for the hosted platform.")
@workspace_option
def schema(model_type: str, vue: bool, workspace: str | None) -> None:
    """Print the settings schema of MODEL_TYPE as JSON Schema 2020-12."""
    settings_schema = connect(workspace).model_types.get(model_type).settings_schema
    print_json(vue_form(settings_schema) if vue else settings_schema)

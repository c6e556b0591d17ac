"""Model types: those that installed packages register, and those that were added by `"module:Class"`.

    service.model_types.list()
    service.model_types.add("my_package.train:TrainingJob")
    service.model_types.preview("image-classification", {"epochs": 3}, ["vials"]).samples

Their modules are imported in a child process only, so that nothing of theirs loads into the server. What the child
found is stored by version; it runs again only when the module's files have changed.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from brevetti_keras.registry import FoundModelType, find_model_types
from brevetti_keras.schema.settings import nearest
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.datasets import Datasets
from brevetti_keras.server.capabilities.model_type_source import fingerprint, preview, probe, wrong_settings
from brevetti_keras.server.session import Row
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import (
    BrevettiError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PlatformError,
    SettingsError,
)
from brevetti_keras.wire.previews import Preview
from brevetti_keras.wire.records import ModelType, utc_now

_INSTALLED = "entry point"
_MOST_SAMPLES = 64
_PREVIEWS = 2
_PATIENCE_SECONDS = 30.0


class ModelTypes:
    """The platform's model types.

    Args:
        store: the platform's database.
        datasets: looks up whose samples are previewed.
    """

    def __init__(self, store: Store, datasets: Datasets) -> None:
        self._store = store
        self._datasets = datasets
        self._previews = threading.BoundedSemaphore(_PREVIEWS)

    def list(self) -> list[ModelType]:
        """Returns all model types by name; of one that was added in several versions, the newest.

        One whose module cannot be imported is listed too, with an empty schema and the reason as its description.
        """
        with self._store.read() as reader:
            rows = reader.find(tables.model_types, order=("created", "id"))
        found = {row["name"]: _record(row) for row in rows if row["source"] != _INSTALLED}
        for installed in find_model_types().values():
            try:
                found[installed.name] = self._installed(installed, rows)
            except BrevettiError as error:
                found[installed.name] = _broken(installed, error)
        return [found[name] for name in sorted(found)]

    def get(self, name: str) -> ModelType:
        """Returns a model type.

        Raises:
            NotFoundError: if none has that name.
            InvalidInputError: if its module cannot be imported.
        """
        with self._store.read() as reader:
            rows = reader.find(tables.model_types, order=("created", "id"))
        installed = find_model_types()
        if name in installed:
            return self._installed(installed[name], rows)
        added = {row["name"]: row for row in rows if row["source"] != _INSTALLED}
        if name not in added:
            raise NotFoundError(f"no model type {name[:80]!r}{nearest(name, [*installed, *added])}")
        return _record(added[name])

    def validate_settings(self, name: str, settings: Mapping[str, Any]) -> dict[str, str]:
        """Checks settings as a job of the model type will, in a child process.

        Args:
            name: the model type's.
            settings: nested names to values, as a form sends them: text where a setting takes JSON is read.

        Returns:
            What is wrong with each wrong setting, by its dotted name; empty if nothing is. Under "" stands what is
            wrong with the settings as a whole.

        Raises:
            NotFoundError: if no model type has that name.
            InvalidInputError: if its module cannot be imported.
        """
        return wrong_settings(self._reference(name), settings)

    def preview(
        self, name: str, settings: Mapping[str, Any], dataset_ids: Sequence[str], count: int = 8, seed: int = 0
    ) -> Preview:
        """Shows some samples as the network of a model type will get them, made in a child process.

        Args:
            name: the model type's.
            settings: as for `validate_settings`; every image pipeline and augmenter in them is shown.
            dataset_ids: ids or names of the datasets to draw from.
            count: of samples, 1 to 64, as many of each class as of the others.
            seed: other samples and other variations for another one.

        Returns:
            The samples; if settings are wrong none, and what is wrong with each.

        Raises:
            NotFoundError: if no model type has that name, or a dataset is not there.
            InvalidInputError: if its module cannot be imported, or it takes more than a minute.
            PlatformError: if too many previews are being made.
        """
        if not 1 <= count <= _MOST_SAMPLES:
            raise InvalidInputError(f"expected 1 to {_MOST_SAMPLES} samples, received {count}")
        found = [self._datasets.get(dataset_id) for dataset_id in dict.fromkeys(dataset_ids)]
        datasets = [{"id": one.id, "bucket": one.bucket} for one in found]
        request = {"settings": settings, "datasets": datasets, "count": count, "seed": seed}
        reference = self._reference(name)
        if not self._previews.acquire(timeout=_PATIENCE_SECONDS):
            raise PlatformError(f"{_PREVIEWS} previews are being made already: try again when they are there")
        try:
            return preview(reference, request)
        finally:
            self._previews.release()

    def check(self, name: str, settings: Mapping[str, Any]) -> ModelType:
        """Returns a model type that takes the settings.

        Raises:
            SettingsError: if it does not; its `errors` are what `validate_settings` returns.
            NotFoundError, InvalidInputError: see `validate_settings`.
        """
        found = self.get(name)
        wrong = self.validate_settings(name, settings)
        if wrong:
            text = "; ".join(f"{one}: {reason}" if one else reason for one, reason in wrong.items())
            raise SettingsError(text, wrong)
        return found

    def add(self, reference: str) -> ModelType:
        """Adds a model type, or a bare Job class, whose schema is read once in a child process.

        Args:
            reference: `"module:Class"`.

        Raises:
            InvalidInputError: if it cannot be imported or is neither a ModelType nor a Job.
            ConflictError: if an installed package has a model type of that name, or this version was added with
                another schema.
        """
        described = probe(reference)
        if described.name in find_model_types():
            raise ConflictError(
                f"expected a name that is free, received {described.name!r}: an installed package has it"
            )
        row = _row(described, "added", fingerprint(reference))
        with self._store.write() as writer:
            stored = writer.get(tables.model_types, row["id"])
            if stored is None:
                writer.insert(tables.model_types, row)
            elif (stored["settings_schema"], stored["job"]) != (row["settings_schema"], row["job"]):
                raise ConflictError(
                    f"expected {described.name!r} {described.version} as it was added, received another schema under "
                    "the same version: raise its version"
                )
        return _record(row)

    def _reference(self, name: str) -> str:
        """What names the class whose settings a job of the model type has."""
        found = self.get(name)
        installed = find_model_types().get(found.name) if found.source == _INSTALLED else None
        return installed.reference if installed is not None else found.job

    def _installed(self, installed: FoundModelType, rows: Sequence[Row]) -> ModelType:
        present = fingerprint(installed.reference)
        for row in rows:
            if (row["source"], row["name"], row["fingerprint"]) == (_INSTALLED, installed.name, present):
                return _record(row)
        row = _row(probe(installed.reference, installed.name), _INSTALLED, present)
        with self._store.write() as writer:
            if writer.get(tables.model_types, row["id"]) is None:
                writer.insert(tables.model_types, row)
            else:
                writer.update(tables.model_types, row["id"], {key: row[key] for key in row if key != "created"})
        return _record(row)


def _row(described: ModelType, source: str, files: str) -> Row:
    return {
        "id": f"{source}/{described.name}/{described.version}",
        **described.model_dump(include={"name", "version", "kind", "description", "job"}),
        "settings_schema": to_json(described.settings_schema),
        "source": source,
        "fingerprint": files,
        "created": utc_now(),
    }


def _record(row: Row) -> ModelType:
    return ModelType.model_validate({**row, "settings_schema": from_json(row["settings_schema"])})


def _broken(installed: FoundModelType, error: BrevettiError) -> ModelType:
    return ModelType(name=installed.name, version="", job="", description=f"cannot be used: {error}")

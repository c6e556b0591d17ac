"""From what `Job.init` was given to the parts of a job.

    context = set_up(VialsJob, Settings, JobRequest(datasets=["/data/vials"]), argv=["--epochs", "3"])

Where a job comes from: an `info.json`, a job of the platform by its id, an earlier job to go on with, or, given none of
these, a new job on the platform. Then its settings are merged, and its folder and its way to report are opened.
"""

import inspect
import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from brevetti_keras.platform.arguments import RESERVED, Arguments, present_arguments, read_arguments
from brevetti_keras.platform.connection import connect
from brevetti_keras.platform.dataset import Dataset
from brevetti_keras.platform.job_context import JobContext
from brevetti_keras.platform.job_folder import JobFolder
from brevetti_keras.platform.platform import Platform
from brevetti_keras.platform.reporters import open_reporter
from brevetti_keras.platform.settings_sources import (
    Source,
    environment_source,
    file_source,
    hyperparameters,
    merge,
    platform_source,
    sagemaker_source,
)
from brevetti_keras.registry import find_model_types, load_model_type
from brevetti_keras.server.storage_root import storage_places
from brevetti_keras.server.workspace import workspace_path
from brevetti_keras.utils.encode import from_json, to_jsonable
from brevetti_keras.utils.errors import AccessError, BrevettiError, ConflictError, InvalidInputError, NotFoundError
from brevetti_keras.utils.redact import Redactor
from brevetti_keras.wire import artifacts
from brevetti_keras.wire.records import Dataset as DatasetRecord
from brevetti_keras.wire.records import JobConfig

_LOGGER = logging.getLogger(__name__)
# How many datasets a job's default name tells.
_NAMED = 3

DatasetLike = Dataset | DatasetRecord | str | os.PathLike[str]


@dataclass(frozen=True)
class JobRequest:
    """What was asked for, by keyword or by the reserved names of the command line."""

    job_id: str | None = None
    api_key: str | SecretStr | None = None
    info_file: str | os.PathLike[str] | None = None
    config: str | os.PathLike[str] | None = None
    platform: Platform | str | os.PathLike[str] | None = None
    datasets: DatasetLike | Iterable[DatasetLike] | None = None
    name: str | None = None
    resume: str | None = None

    def completed_by(self, words: Mapping[str, Any], datasets: Sequence[str]) -> "JobRequest":
        """Returns the request with what it lacks taken from the command line."""
        lacking = {
            one.name: words[one.name] for one in fields(self) if getattr(self, one.name) is None and one.name in words
        }
        if self.datasets is None and datasets:
            lacking["datasets"] = list(datasets)
        return replace(self, **lacking)


def set_up(
    job_class: type,
    settings_class: type[BaseModel],
    request: JobRequest,
    argv: Sequence[str] | None,
    given: Sequence[Source],
) -> JobContext:
    """Returns the parts of a job.

    Args:
        job_class: the Job.
        settings_class: of its settings.
        request: what `init` was given.
        argv: the command line; None takes the program's own.
        given: settings given by keyword, the last word.

    Raises:
        SettingsError: for a wrong setting.
        NotFoundError: if there is no such job, dataset or file.
        StorageError: if the workspace cannot be written.
    """
    arguments = read_arguments(settings_class, present_arguments() if argv is None else argv)
    host = hyperparameters()
    words = {name: host[name] for name in RESERVED if name in host} | arguments.reserved
    request = request.completed_by(words, arguments.datasets or _listed(host.get("dataset")))
    with ExitStack() as stack:
        place = _Place(request, stack)
        found = place.find(job_class)
        chosen = [platform_source(settings_class, found.settings)] if found is not None else []
        settings = merge(settings_class, [*_sources(settings_class, request, arguments, chosen), *given])
        if found is None:
            found = place.create(job_class, settings)
        folder = JobFolder(place.folder(found))
        keys = [found.api_key, *([request.api_key] if request.api_key is not None else [])]
        redactor = Redactor([*map(_text, keys), *_secrets(settings)], os.environ)
        return JobContext(
            config=found,
            settings=settings,
            folder=folder,
            reporter=open_reporter(found, folder, uploads=request.info_file is None),
            redactor=redactor,
            resumed=request.resume is not None,
            code=_code_file(job_class),
        )


def _sources(
    settings_class: type[BaseModel], request: JobRequest, arguments: Arguments, chosen: list[Source]
) -> list[Source]:
    return [
        *([file_source(request.config)] if request.config is not None else []),
        *chosen,
        environment_source(settings_class, os.environ),
        sagemaker_source(settings_class, skip=RESERVED),
        arguments.source,
    ]


class _Place:
    """Where a job comes from, and where it lies."""

    def __init__(self, request: JobRequest, stack: ExitStack) -> None:
        self._request = request
        self._stack = stack
        self._platform: Platform | None = None

    def find(self, job_class: type) -> JobConfig | None:
        """Returns the job that the request names, or None if it names none; only a job of the class can be resumed."""
        request = self._request
        named = request.info_file is not None or request.resume is not None or request.job_id is not None
        if not named:
            return None
        if request.datasets is not None:
            raise InvalidInputError(
                "expected no dataset for a job that is there already, which has its own: leave it out"
            )
        if request.info_file is not None:
            found = _read_info(os.fspath(request.info_file))
            for other in (request.job_id, request.resume):
                if other not in (None, found.id):
                    path = os.fspath(request.info_file)
                    raise InvalidInputError(f"expected the job of {path} ({found.id}), received job {other}")
            return found
        if request.resume is not None:
            return self._earlier(request.resume, job_class)
        config = self._open().jobs.config(str(request.job_id))
        if request.api_key is not None and _text(request.api_key) != config.api_key.get_secret_value():
            raise AccessError(f"expected the key of job {config.id}, received another")
        return config

    def create(self, job_class: type, settings: BaseModel) -> JobConfig:
        """Makes a new job on the platform."""
        platform = self._open()
        reference = f"{job_class.__module__}:{job_class.__qualname__}"
        model_type, version = _model_type(platform, reference)
        ids = list(dict.fromkeys(_dataset_id(platform, one) for one in _listed(self._request.datasets)))
        return platform.jobs.create(
            self._request.name or _default_name(platform, model_type or job_class.__name__, ids),
            model_type=model_type,
            model_type_version=version,
            job_class=reference,
            dataset_ids=ids,
            settings=to_jsonable(settings.model_dump(mode="json")),
        )

    def folder(self, config: JobConfig) -> str:
        """Returns the job's folder."""
        if self._request.info_file is not None:
            return os.path.dirname(os.path.abspath(os.fspath(self._request.info_file)))
        home = workspace_path(config.host_name if config.host_name.startswith("file://") else None)
        return os.path.join(storage_places(home)[0], "jobs", config.id)

    def _open(self) -> Platform:
        if self._platform is None:
            wanted = self._request.platform
            if wanted is None or isinstance(wanted, (str, os.PathLike)):
                self._platform = self._stack.enter_context(connect(wanted, self._request.api_key))
            elif hasattr(wanted, "jobs"):
                self._platform = wanted
            else:
                raise InvalidInputError(
                    f"expected a platform's URL, a workspace's path or a Platform, received {type(wanted).__name__}"
                )
        return self._platform

    def _earlier(self, name: str, job_class: type) -> JobConfig:
        platform = self._open()
        job = platform.jobs.get(name)
        if job.state == "running":
            raise ConflictError(f"expected a job that was stopped or failed, received {job.id}, which is running")
        if job.state == "completed":
            raise ConflictError(f"expected a job that was stopped or failed, received {job.id}, which is completed")
        config = platform.jobs.config(job.id)
        # The module of one class differs between a script that is run and one that is imported.
        made_by = config.job_class.rpartition(":")[2]
        if made_by and made_by != job_class.__qualname__:
            raise InvalidInputError(f"expected a job of {job_class.__qualname__}, received {job.id}, one of {made_by}")
        return config.model_copy(update={"settings": _last_settings(platform, config)})


def _last_settings(platform: Platform, config: JobConfig) -> dict[str, Any]:
    """The settings that the job last ran with, which its command line may have changed."""
    try:
        output = from_json(platform.artifacts.read(config.id, artifacts.OUTPUT))
        return dict(output["job"]["settings"])
    except (BrevettiError, KeyError, TypeError):
        return config.settings


def _read_info(path: str) -> JobConfig:
    try:
        with open(path, "rb") as file:
            content = from_json(file.read())
        return JobConfig.model_validate(content)
    except OSError as error:
        raise NotFoundError(f"expected a job's info.json, received {path}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise InvalidInputError(f"expected a job's info.json, received {path}: {name}: {first['msg']}") from None
    except InvalidInputError as error:
        raise InvalidInputError(f"expected a job's info.json, received {path}: {error}") from error


def _dataset_id(platform: Platform, dataset: Any) -> str:
    if isinstance(dataset, (str, os.PathLike)):
        found = platform.datasets.find_or_add(os.fspath(dataset))
        _tell_other_folder(os.fspath(dataset), found)
        return found.id
    if not isinstance(dataset, (Dataset, DatasetRecord)):
        raise InvalidInputError(f"expected datasets as paths, names or Dataset, received {type(dataset).__name__}")
    try:
        return platform.datasets.get(dataset.id).id
    except NotFoundError:
        return platform.datasets.find_or_add(dataset.bucket).id


def _tell_other_folder(text: str, found: DatasetRecord) -> None:
    """Warns where a dataset's name is also that of a folder here, which may be what was meant."""
    folders = text == found.name and os.path.isdir(text) and os.path.isdir(found.bucket)
    if folders and not os.path.samefile(text, found.bucket):
        _LOGGER.warning(
            "dataset %r is the one in %s, not the folder of that name here: give %s for the folder",
            text,
            found.bucket,
            os.path.join(os.curdir, text),
        )


def _default_name(platform: Platform, kind: str, dataset_ids: list[str]) -> str:
    names = ", ".join(platform.datasets.get(one).name for one in dataset_ids[:_NAMED])
    more = f" and {len(dataset_ids) - _NAMED} more" if len(dataset_ids) > _NAMED else ""
    return f"{kind} on {names}{more}" if names else kind


def _listed(datasets: Any) -> list[Any]:
    if datasets is None:
        return []
    single = isinstance(datasets, (str, os.PathLike, Dataset, DatasetRecord))
    return [datasets] if single else list(datasets)


def _model_type(platform: Platform, reference: str) -> tuple[str, str]:
    """The model type whose job this class is: an installed one of its own package, else one added to the platform."""
    package = reference.partition(":")[0].partition(".")[0]
    for found in find_model_types().values():
        if found.reference.startswith((f"{package}.", f"{package}:")):
            model_type = load_model_type(found.name)
            if model_type.job == reference:
                return model_type.name, model_type.version
    for added in platform.model_types.list():
        if added.job == reference:
            return added.name, added.version
    return "", ""


def _code_file(job_class: type) -> str | None:
    try:
        return os.path.abspath(inspect.getfile(job_class))
    except (TypeError, OSError):
        # A class of an interactive session has no file.
        script = getattr(sys.modules.get(job_class.__module__), "__file__", None)
        return os.path.abspath(script) if script else None


def _secrets(settings: BaseModel) -> list[str]:
    found: list[str] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, BaseModel):
            found.extend(_secrets(value))
    return found


def _text(secret: str | SecretStr) -> str:
    return secret if isinstance(secret, str) else secret.get_secret_value()

"""`Job`: what a model type's author derives from; settings in, samples, reports and a packaged model out.

    class TrainingJob(Job):
        class Settings(Job.Settings):
            epochs: int = Field(10, ge=1)
        settings: Settings

        def run(self):
            samples = get_image_samples(self.datasets)
            …
            return package_model(model, self.temp_path("model.tar.gz"), classes=classes)

    TrainingJob.init().start()

`init` puts the job together (`job_setup`), `start` lives its life around `run()` (`life_cycle`); in between and after,
paths, files, metrics and charts work without either.
"""

import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, get_type_hints

from pydantic import BaseModel, SecretStr

from brevetti_keras.interfaces.callbacks import ChartUpload, FacetsReport, PivotReport, RemoteMonitor, TensorBoard
from brevetti_keras.io.files import Files
from brevetti_keras.platform.checkpoints import CheckpointCallback, Checkpoints
from brevetti_keras.platform.components import pipelines_in
from brevetti_keras.platform.dataset import Dataset
from brevetti_keras.platform.job_artifacts import JobArtifacts
from brevetti_keras.platform.job_context import JobContext
from brevetti_keras.platform.job_output import JobOutput
from brevetti_keras.platform.job_settings import JobSettings
from brevetti_keras.platform.job_setup import DatasetLike, JobRequest, set_up
from brevetti_keras.platform.life_cycle import LifeCycle
from brevetti_keras.platform.platform import Platform
from brevetti_keras.platform.preparation import Preparation
from brevetti_keras.platform.settings_sources import Source
from brevetti_keras.utils.errors import ConflictError, InvalidInputError
from brevetti_keras.wire import artifacts
from brevetti_keras.wire.events import status_body
from brevetti_keras.wire.records import Tag


class Job:
    """A job. Derive from it, write `run()`, and make one with `init`.

    Attributes:
        settings: merged from all sources, checked and frozen.
        datasets: what it works on; `get_image_samples(job.datasets)` checks every file.
        io: reads and writes files by path or URL.
    """

    class Settings(JobSettings):
        """What every job can be told; a job's own settings derive from it."""

    settings: Settings

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self.settings = context.settings  # type: ignore[assignment]
        self.io = Files()
        self._preparation = Preparation(
            getattr(context.settings, "on_error", "quarantine"),
            getattr(context.settings, "max_bad_share", 0.01),
            lambda: self.artifact_path(artifacts.QUARANTINE),
            getattr(context.settings, "min_class_images", 1),
            getattr(context.settings, "max_megapixels", 100),
            pipelines_in(context.settings),
            lambda: self.artifact_path(artifacts.FINGERPRINT),
        )
        self.datasets = [Dataset.from_record(record, self._preparation) for record in context.config.datasets]
        self._artifacts = JobArtifacts(context)
        self._output = JobOutput(context, self._preparation.counts, lambda: self._preparation.fingerprint)
        self._checkpoints = Checkpoints(context.folder.checkpoints)
        self._monitors: weakref.WeakSet[RemoteMonitor] = weakref.WeakSet()
        self._started = False
        self._completed = False

    @classmethod
    def init(
        cls,
        job_id: str | None = None,
        api_key: str | SecretStr | None = None,
        info_file: str | os.PathLike[str] | None = None,
        config: str | os.PathLike[str] | None = None,
        platform: Platform | str | os.PathLike[str] | None = None,
        datasets: DatasetLike | Iterable[DatasetLike] | None = None,
        name: str | None = None,
        settings: BaseModel | Mapping[str, Any] | None = None,
        argv: Sequence[str] | None = None,
        resume: str | None = None,
        **overrides: Any,
    ) -> Self:
        """Makes the job.

        Settings come from the class's defaults, `config`, what the platform's user chose, the environment
        (`BREVETTI_SETTINGS__…`), SageMaker's hyperparameters, the command line, `settings`, and further keywords; later
        wins, key by key.

        Args:
            job_id: a job of the platform; without it and the next one, a new job is made.
            api_key: the job's key, or for a new job on a server the user's.
            info_file: path of an `info.json`; the job lies beside it, and nothing is sent by this call.
            config: a YAML or JSON file of settings.
            platform: a Platform, a server's URL or a workspace; by default the usual workspace.
            datasets: what a new job works on: paths, names or datasets.
            name: of a new job; by default the class's.
            settings: settings as a mapping, or an instance, whose given fields count.
            argv: the command line; by default the program's own, but none in an interactive session.
            resume: a job of the same class that was stopped or failed; it goes on under its own id from its last
                checkpoint, with its settings and datasets.
            **overrides: single settings.

        Raises:
            SettingsError: for a wrong setting or unknown argument, naming it, what it takes and where it came from.
            NotFoundError: if there is no such job, dataset or file.
            StorageError: if the workspace cannot be written.
        """
        given = [Source(_given(settings), "settings"), Source(overrides, "a keyword of init")]
        request = JobRequest(job_id, api_key, info_file, config, platform, datasets, name, resume)
        return cls(set_up(cls, cls.settings_class(), request, argv, given))

    @classmethod
    def settings_class(cls) -> type[BaseModel]:
        """Returns the type of the settings: the nearest `Settings` class, or `settings` annotation, of the class or its
        bases."""
        for base in cls.__mro__:
            if "Settings" in vars(base):
                found = vars(base)["Settings"]
            elif "settings" in vars(base).get("__annotations__", {}):
                found = _annotated(base)
            else:
                continue
            if not (isinstance(found, type) and issubclass(found, BaseModel)):
                raise InvalidInputError(
                    f"expected {base.__name__}'s settings to be a Settings class, received {found!r}"
                )
            return found
        return JobSettings

    def run(self) -> str | os.PathLike[str] | None:
        """Does the work; write this.

        Returns:
            The path of the packaged model, or None if the job makes none.
        """
        raise NotImplementedError(f"write {type(self).__name__}.run(self)")

    def start(self, complete_job: bool = True) -> str | None:
        """Runs the job and reports how it went.

        Args:
            complete_job: whether to complete the job with what `run` returned; otherwise call `complete_job` later.

        Returns:
            The path of the model among the artifacts; with `complete_job=False` what `run` returned.

        Raises:
            SystemExit: 130 after Ctrl-C (in an interactive session KeyboardInterrupt), 143 after SIGTERM.
            BaseException: whatever `run` raised.
        """
        if self._completed:
            raise ConflictError(f"expected a job that is not completed, received {self.id}: make a new one with init")

        def body() -> str | None:
            try:
                result = self.run()
            finally:
                # What ends the job may have kept `fit` from its own end.
                self._checkpoints.settle()
            if result is not None and not isinstance(result, (str, os.PathLike)):
                raise InvalidInputError(
                    f"expected run() to return the path of the packaged model or None, received {type(result).__name__}"
                )
            path = None if result is None else os.fspath(result)
            return self.complete_job(path) if complete_job and not self._completed else path

        life = LifeCycle(self._context, self._write_output, again=self._started)
        self._started = True
        return life.live(body)

    @property
    def id(self) -> str:
        """Identifies the job on its platform."""
        return self._context.config.id

    @property
    def name(self) -> str:
        """What people call it."""
        return self._context.config.name

    @property
    def run_id(self) -> str:
        """When it was made, as `2026-01-31T120000`."""
        return self._context.config.run_id

    @property
    def models(self) -> tuple[dict[str, Any], ...]:
        """Of a test report, the models that it tests."""
        return self._context.config.models

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The job's tags."""
        return self._context.config.tags

    @property
    def host_name(self) -> str:
        """Where it reports to: a URL, or `file://<workspace>`."""
        return self._context.config.host_name

    @property
    def api_key(self) -> SecretStr:
        """The job's key; `get_secret_value()` tells it, nothing else does."""
        return self._context.config.api_key

    @property
    def api_endpoints(self) -> dict[str, str]:
        """Paths below `host_name` by name: remote, charts, complete. They hold the key, which their repr hides."""
        config = self._context.config
        return _Endpoints(remote=config.remote_url, charts=config.charts_url, complete=config.complete_url)

    def artifact_path(self, *parts: str | os.PathLike[str], dir: bool = False) -> str:  # noqa: A002
        """Returns the path of an artifact; folders on the way are made.

        Args:
            *parts: joined below `artifacts/`; none may lead out of it.
            dir: whether it is a folder.
        """
        return self._context.folder.path(artifacts.ARTIFACTS_FOLDER, *parts, directory=dir)

    def temp_path(self, *parts: str | os.PathLike[str], dir: bool = False) -> str:  # noqa: A002
        """Returns the path of a file that only the job needs, see `artifact_path`."""
        return self._context.folder.path(artifacts.TEMP_FOLDER, *parts, directory=dir)

    def add_output_metric(self, key: str, value: Any) -> None:
        """Notes one figure of the job's output; it is sent with `upload_job_output` and at the end."""
        self._output.add({key: value})

    def add_output_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Notes several figures, see `add_output_metric`."""
        self._output.add(metrics)

    def upload_job_output(self) -> str:
        """Writes `output.json` (metrics, environment, samples, settings), reports the metrics, and returns its path."""
        path = self._write_output()
        self._context.reporter.report("output", self._output.metrics)
        return path

    def upload_artifact(self, name: str, payload: Any) -> str:
        """Puts content among the artifacts and returns its path.

        Args:
            name: path below `artifacts/`.
            payload: text, bytes, a path object (its file is copied), or a dict or list (written as JSON).
        """
        return self._artifacts.upload(name, payload)

    def upload_chart(self, name: str | Mapping[str, Any], vegalite_json: str | Mapping[str, Any] | None = None) -> None:
        """Shows a Vega-Lite chart on the job's page; returns once the platform has it.

        Args:
            name: its name; or the chart itself, named by its `name`, else its title, else `chart-N`.
            vegalite_json: the chart, as JSON text or a dict.
        """
        self._artifacts.upload_chart(name, vegalite_json)

    def get_root_tags(self) -> list[Tag]:
        """Returns the tag trees of the platform, which name the pivot's tag fields; none if they cannot be had."""
        return self._context.reporter.root_tags()

    def get_remote_monitor(self) -> RemoteMonitor:
        """Returns the callback that reports each epoch to the job's page."""
        monitor = RemoteMonitor(root=self.host_name, path=self.api_endpoints["remote"])
        self._monitors.add(monitor)
        return monitor

    def callbacks(self, generator: Any) -> list[Any]:
        """Returns all of the platform's Keras callbacks, checkpoints included.

        Args:
            generator: the DataGenerator that is trained on.
        """
        return [
            self.checkpoint_callback(),
            self.get_remote_monitor(),
            FacetsReport(self, generator),
            ChartUpload(self, charts=["training_history"]),
            PivotReport(self, generator.samples),
            TensorBoard(self),
        ]

    def checkpoint_callback(self, model: Any = None) -> CheckpointCallback:
        """Returns the Keras callback that saves where training stands after each epoch, beside the next one.

        Of epochs that end within five seconds the last is saved; when training ends, by itself, by an error or by
        SIGTERM, so is the last of all.

        Args:
            model: what to save; by default the model that is fitted.
        """
        return self._checkpoints.callback(model)

    def restore(self, model: Any) -> int:
        """Brings a model and its optimizer to the job's last checkpoint, if the job was resumed.

        Args:
            model: built and compiled.

        Returns:
            `fit`'s `initial_epoch`: how many epochs are done, 0 in a new job.
        """
        return self._checkpoints.restore(model) if self._context.resumed else 0

    def complete_job(self, model_path: str | os.PathLike[str] | None = None) -> str | None:
        """Ends the job as completed: its output is written, its model kept, and its key ends.

        Args:
            model_path: the packaged model; it is put among the artifacts as `<name>.<version>.tar.gz`, the version from
                its content.

        Returns:
            The model's path among the artifacts.

        Raises:
            NotFoundError: if there is no such file.
            ConflictError: if the job is completed already.
        """
        if self._completed:
            raise ConflictError(f"expected a job that is not completed, received {self.id}, which is")
        name = None if model_path is None else self._artifacts.keep_model(os.fspath(model_path))
        self._preparation.note_changes()
        self.upload_job_output()
        for monitor in self._monitors:
            monitor.flush()
        self._artifacts.send_all()
        self._context.reporter.report("status", status_body("completed"))
        self._context.reporter.complete(name)
        self._completed = True
        return None if name is None else self.artifact_path(name)

    def _write_output(self) -> str:
        path = self._output.write()
        self._context.reporter.artifact(artifacts.OUTPUT, path)
        return path

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r}, name={self.name!r})"


class _Endpoints(dict[str, str]):
    """Paths that hold a key; printing them as a whole tells it not."""

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: ***' for name in self)}}}"


def _annotated(base: type) -> Any:
    try:
        return get_type_hints(base)["settings"]
    except NameError as error:
        raise InvalidInputError(
            f"expected {base.__name__}'s annotation of settings to name a class of its module, received one that is not"
            f" there ({error}): write `class Settings(Job.Settings)` in {base.__name__}"
        ) from error


def _given(settings: BaseModel | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(settings, BaseModel):
        return {name: getattr(settings, name) for name in settings.model_fields_set}
    if settings is not None and not isinstance(settings, Mapping):
        raise InvalidInputError(
            f"expected settings as a mapping or a Settings instance, received {type(settings).__name__}:"
            " a file of them is given as config"
        )
    return settings or {}

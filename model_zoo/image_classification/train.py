"""The job: images in, a trained and packaged classifier out, with a report whose every figure can be traced.

ImageClassificationJob.init(datasets=["/data/vials"], argv=["--epochs", "10"]).start()

samples → label, split → generators → model.fit → predictions.csv → figures → report.html, pivot, facets → package
"""

import importlib.metadata
import logging
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.empty_folders import empty_folders
from brevetti_keras.data.prediction import predict_dataset
from brevetti_keras.interfaces import vegalite_charts
from brevetti_keras.interfaces.callbacks import ChartUpload, TensorBoard
from brevetti_keras.model_package import package_model
from brevetti_keras.platform import Job, get_image_samples
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.lazy import lazy_import
from brevetti_keras.wire import artifacts
from model_zoo.image_classification.exploration import explore
from model_zoo.image_classification.metrics import ClassificationFigures, classification_figures, prediction_table
from model_zoo.image_classification.model import build_model
from model_zoo.image_classification.model_type import ImageClassificationSettings
from model_zoo.image_classification.report import JobFacts, ReportContent, write_report
from model_zoo.image_classification.samples import (
    PURPOSES,
    LabelledSamples,
    label_samples,
    refuse_empty_classes,
    split_samples,
    tie_copies,
)
from model_zoo.image_classification.training import TrainingRecord, plain_errors

keras = lazy_import("keras")

_LOGGER = logging.getLogger("brevetti_keras.model_zoo.image_classification")
PREDICTIONS = "predictions.csv"
HISTORY = "history.csv"
_PACKAGES = ("brevetti-keras", "keras", "tensorflow", "numpy", "pandas", "opencv-python-headless", "pillow")


class ImageClassificationJob(Job):
    """Trains a classifier on the job's datasets and reports on it."""

    Settings = ImageClassificationSettings
    settings: ImageClassificationSettings

    def run(self) -> str:
        """Trains, tests, reports, packages."""
        samples = get_image_samples(self.datasets, class_mapping=self.settings.class_mapping or None)
        labelled = label_samples(samples, self.settings.classes)
        if not self.settings.classes:
            empty = [folder for dataset in self.datasets for folder in empty_folders(dataset.bucket)]
            refuse_empty_classes(empty, labelled, self.settings.class_mapping or {})
        if self.settings.leak_groups:
            labelled = tie_copies(labelled)
        split = split_samples(labelled, self.settings, self.artifact_path(artifacts.SAMPLE_IDENTIFICATION))
        self.upload_chart("dataset_summary", vegalite_charts.dataset_summary(split))
        self._log_samples(labelled, split)
        used = split[split["purpose"].isin(PURPOSES)].reset_index(drop=True)
        model, record = self._fit(used, labelled.classes)
        scores = self._scores(model, used)
        predictions = prediction_table(used, scores, labelled.classes)
        self.upload_artifact(PREDICTIONS, predictions.to_csv(index=False))
        figures = {
            purpose: classification_figures(predictions[predictions["purpose"] == purpose], labelled.classes)
            for purpose in PURPOSES
            if (predictions["purpose"] == purpose).any()
        }
        metrics = output_metrics(figures, record)
        self.add_output_metrics(metrics)
        explore(self, split, predictions, labelled.classes, self.settings.image_pipeline)
        content = ReportContent(
            self._facts(), labelled, split, predictions, figures, record, self._quarantined(), versions()
        )
        write_report(content, self.artifact_path(artifacts.REPORT))
        return self._package(model, labelled.classes, metrics)

    def _log_samples(self, labelled: LabelledSamples, split: pd.DataFrame) -> None:
        counts = split["purpose"].value_counts()
        shares = ", ".join(f"{counts[purpose]} {purpose}" for purpose in counts.index)
        left_out = f"; {labelled.left_out} of other labels left out" if labelled.left_out else ""
        told = f"{counted(len(split), 'sample')} of {counted(len(labelled.classes), 'class', 'classes')}"
        _LOGGER.info("%s: %s%s", told, shares, left_out)

    def _fit(self, used: pd.DataFrame, classes: tuple[str, ...]) -> tuple[Any, TrainingRecord]:
        settings = self.settings
        train, devel = self._generators(used, classes)
        model = build_model(
            len(classes),
            settings.image_pipeline.output_shape,
            settings.image_pipeline.value_range,
            settings.network.filters,
            settings.network.dropout,
            settings.seed,
        )
        model.compile(keras.optimizers.Adam(settings.learning_rate), "categorical_crossentropy", metrics=["accuracy"])
        record = TrainingRecord(self.artifact_path(HISTORY), self.temp_path("best", dir=True), settings.early_stopping)
        first = record.resume(self.restore(model))
        if first < settings.epochs and not record.finished:
            with plain_errors():
                model.fit(
                    train.get_dataset(start=(first, 0)),
                    steps_per_epoch=len(train),
                    initial_epoch=first,
                    epochs=settings.epochs,
                    shuffle=False,
                    validation_data=devel.get_dataset(),
                    callbacks=[record, *self._callbacks()],
                    verbose=1 if sys.stdout.isatty() else 2,
                )
        record.restore_best(model)
        return model, record

    def _generators(self, used: pd.DataFrame, classes: tuple[str, ...]) -> tuple[DataGenerator, DataGenerator]:
        settings = self.settings
        pipeline, encoder = settings.image_pipeline, OneHotEncoder(classes=classes, input_key="label")
        structure = (pipeline.output_key, encoder.output_key)
        train = settings.sampling.sampler(settings.batch_size, settings.seed).get(
            used[used["purpose"] == "train"], shuffle=True, repeat=True, output_structure=structure
        )
        devel = DataGenerator(
            used[used["purpose"] == "devel"], batch_size=settings.batch_size, seed=0, output_structure=structure
        )
        return train.map([pipeline, settings.augmentation, encoder]), devel.map([pipeline, encoder])

    def _callbacks(self) -> list[Any]:
        return [
            self.checkpoint_callback(),
            self.get_remote_monitor(),
            ChartUpload(self, charts=["training_history"]),
            TensorBoard(self),
        ]

    def _scores(self, model: Any, used: pd.DataFrame) -> npt.NDArray[Any]:
        """Returns (samples, classes) in the samples' order, from the images as they are, without augmentation."""
        pipeline = self.settings.image_pipeline
        generator = DataGenerator(
            used[["path"]], batch_size=self.settings.batch_size, seed=0, output_structure=(pipeline.output_key,)
        ).map([pipeline])
        output = model.output_names[0]
        return np.stack([row[output] for row in predict_dataset(model, generator)])

    def _facts(self) -> JobFacts:
        datasets = pd.DataFrame(
            [{"id": one.id, "name": one.name, "place": one.bucket} for one in self.datasets], dtype="str"
        )
        return JobFacts(self.id, self.name, self.run_id, datasets, self.settings.get_config())

    def _quarantined(self) -> pd.DataFrame:
        path = self.artifact_path(artifacts.QUARANTINE)
        if not self.io.isfile(path):
            return pd.DataFrame(columns=["path", "reason"])
        return pd.read_csv(path, dtype="str", keep_default_na=False)[["path", "reason"]]

    def _package(self, model: Any, classes: tuple[str, ...], metrics: dict[str, Any]) -> str:
        return package_model(
            model,
            self.temp_path("model.tar.gz"),
            classes=classes,
            image_pipeline=self.settings.image_pipeline,
            metadata={
                "job": {"id": self.id, "name": self.name, "run_id": self.run_id},
                "settings": self.settings.get_config(),
                "metrics": metrics,
                "versions": versions(),
            },
        )


def output_metrics(figures: dict[str, ClassificationFigures], record: TrainingRecord) -> dict[str, Any]:
    """Returns the job's output metrics: accuracy, balanced accuracy and samples by purpose, and the epochs trained."""
    metrics: dict[str, Any] = {}
    for purpose in ("devel", "test", "train"):
        if purpose in figures:
            metrics[f"{purpose}_accuracy"] = figures[purpose].accuracy
            metrics[f"{purpose}_balanced_accuracy"] = figures[purpose].balanced_accuracy
            metrics[f"{purpose}_samples"] = figures[purpose].count
    best = record.best_epoch
    return {**metrics, "epochs_trained": len(record.history), "best_epoch": None if best is None else best + 1}


def versions() -> dict[str, str]:
    """Returns the versions of the packages that decide a figure."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}

"""A job as users of the existing client library write it; run by that library's own Python, never by ours.

    .venv-client/bin/python tests/client/client_job.py JOB_ID API_KEY --epochs 3

Only public names of brevettiai 0.4.2 stand here. The file ends with what the client saw, as an artifact.
"""

import json
import sys
from urllib.parse import quote

import requests
import tensorflow as tf
from brevettiai.data.data_generator import DataGenerator, OneHotEncoder, StratifiedSampler
from brevettiai.data.image.image_pipeline import ImagePipeline
from brevettiai.data.sample_integrity import SampleSplit
from brevettiai.data.sample_tools import BrevettiDatasetSamples
from brevettiai.interfaces import vegalite_charts
from brevettiai.interfaces.facets_atlas import build_facets
from brevettiai.interfaces.pivot import export_pivot_table, get_default_fields
from brevettiai.interfaces.remote_monitor import RemoteMonitor
from brevettiai.platform import Job, JobSettings, ModelArchive, backend
from pydantic import Field


class VialSettings(JobSettings):
    """What the platform's user chooses."""

    image_pipeline: ImagePipeline = Field(default_factory=lambda: ImagePipeline(target_size=(64, 64)))
    sample_split: SampleSplit = Field(default_factory=SampleSplit)
    class_mapping: dict = Field(default_factory=dict)
    epochs: int = 1


class VialJob(Job):
    """Trains a small classifier and reports all that the library can report."""

    settings: VialSettings

    def run(self):
        """Returns the path of the packaged model, among the artifacts."""
        tags = backend.get_root_tags(self.id, self.api_key)
        chosen = BrevettiDatasetSamples(calculate_md5=True, class_mapping=self.settings.class_mapping)
        samples = chosen.get_image_samples(self.datasets, annotations=False)
        one_by_one = [dataset.get_image_samples(annotations=False) for dataset in self.datasets]
        id_path = self.artifact_path("sample_identification.csv")
        samples = self.settings.sample_split.update_unassigned(samples, id_path=id_path)
        first = samples.purpose.tolist()
        # As the second job on the same artifacts finds it.
        samples = self.settings.sample_split.update_unassigned(samples.drop(columns="purpose"), id_path=id_path)

        classes = sorted(samples.folder.unique())
        model = self.trained(samples[samples.purpose == "train"], classes)
        samples["correct"] = self.judged(model, samples, classes)
        samples["score"] = samples.correct.where(samples.purpose == "devel").astype(float)
        self.report(samples, tags)
        self.add_output_metric("accuracy", float(samples.correct.mean()))
        self.add_output_metrics({"f1": float("nan"), "samples": {"all": len(samples)}})
        chart = self.post_chart("dataset summary", vegalite_charts.dataset_summary(samples))
        seen = {
            "root_tags": [json.loads(tag.json()) for tag in tags],
            "settings": {"epochs": self.settings.epochs, "extra": self.settings.extra},
            "parent": self.parent,
            "models": self.models,
            "samples": json.loads(samples.to_json(orient="records")),
            "one_by_one": sum(len(frame) for frame in one_by_one),
            "stable": first == samples.purpose.tolist(),
            "chart": [chart.status_code, chart.text],
        }
        self.upload_artifact("client.json", json.dumps(seen))
        return self.packaged(model)

    def generator(self, samples, classes):
        """All samples once, in their order."""
        return self.mapped(DataGenerator(samples, output_structure=("img", "onehot")), classes)

    def mapped(self, generator, classes):
        """The images as the network gets them, with their labels."""
        return generator.map([self.settings.image_pipeline, OneHotEncoder(classes=classes, input_key="folder")])

    def trained(self, samples, classes):
        """Fits a small network, the platform's monitor listening."""
        sampler = StratifiedSampler(batch_size=8, groupby=["folder"], seed=1)
        train = self.mapped(
            sampler.get(samples, shuffle=True, repeat=True, output_structure=("img", "onehot")), classes
        )
        model = tf.keras.Sequential(
            [
                tf.keras.layers.InputLayer(self.settings.image_pipeline.output_shape),
                tf.keras.layers.Rescaling(1 / 255),
                tf.keras.layers.GlobalAveragePooling2D(),
                tf.keras.layers.Dense(len(classes), activation="softmax"),
            ]
        )
        model.compile(tf.keras.optimizers.Adam(0.1), "categorical_crossentropy", metrics=["accuracy"])
        monitor = RemoteMonitor(root=self.host_name, path=self.remote_url)
        model.fit(
            train.get_dataset(),
            steps_per_epoch=len(train),
            epochs=self.settings.epochs,
            verbose=0,
            callbacks=[monitor, self.get_remote_monitor()],
        )
        # By hand, as training loops of their own do; json.dumps lets a NaN through.
        monitor.on_epoch_end(self.settings.epochs, {"loss": float("nan"), "accuracy": 0.5})
        by_json = RemoteMonitor(root=self.host_name, path=self.remote_url, send_as_json=True)
        by_json.on_epoch_end(self.settings.epochs + 1, {"loss": 0.25, "accuracy": 1})
        return model

    def judged(self, model, samples, classes):
        """1 where the model is right, 0 elsewhere."""
        scores = model.predict(self.generator(samples, classes).get_dataset(), verbose=0)
        return [
            int(classes[best] == folder) for best, folder in zip(scores.argmax(axis=1), samples.folder, strict=True)
        ]

    def report(self, samples, tags):
        """Writes pivot table, facets and an HTML report among the artifacts."""
        export_pivot_table(
            self.artifact_path("pivot", dir=True),
            samples,
            fields=get_default_fields(samples),
            datasets=self.datasets,
            tags=tags,
            rows=["folder"],
            cols=["purpose"],
            agg={"correct": "sum"},
        )
        classes = sorted(samples.folder.unique())
        build_facets(self.generator(samples, classes), self.artifact_path("facets", dir=True))
        self.upload_artifact("vials.html", "<!doctype html><title>Vials</title><p>made by the client</p>")

    def post_chart(self, name, spec):
        """As the clients before 0.3 upload charts; 0.4.2 has the address only."""
        address = f"{self.host_name}{self.charts_url}&name={quote(name)}"
        return requests.post(address, data=spec, headers={"Content-Type": "application/json"}, timeout=30)

    def packaged(self, model):
        """Packs the model and uploads it under its versioned name."""
        weights = self.temp_path("weights.h5")
        model.save_weights(weights)
        archive = ModelArchive(job=self)
        with archive.open_write() as writer:
            writer.add_asset(name="weights", arcname="weights.h5", file=weights)
        return archive.upload(self)


if __name__ == "__main__":
    job_id, api_key = sys.argv[1:3]
    del sys.argv[1:3]
    job = VialJob.init(job_id=job_id, api_key=api_key)
    package = job.start()
    sys.stdout.write(json.dumps({"package": package}) + "\n")

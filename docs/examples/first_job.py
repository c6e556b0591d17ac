"""A first job, whole: images in a folder, one subfolder a class, become a trained model whose figures can be traced.

    python docs/examples/first_job.py --dataset PATH --epochs 5
    brevetti-keras serve

The first command trains and prints where everything lies; the second shows it in the browser. Every setting below can
be given on the command line (`--image_pipeline.target_size '[64, 64]'`) or in a YAML file (`--config FILE`).
"""

import keras
from pydantic import Field

from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.interfaces.callbacks import RemoteMonitor
from brevetti_keras.interfaces.facets_atlas import build_facets
from brevetti_keras.interfaces.pivot import export_pivot_table, get_default_fields
from brevetti_keras.interfaces.vegalite_charts import dataset_summary
from brevetti_keras.model_package import package_model
from brevetti_keras.platform import Job, get_image_samples


def build_model(classes, input_shape):
    """A network just large enough to see something: two convolutions and a score a class."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(classes), activation="softmax"),
        ]
    )


class TrainingJob(Job):
    class Settings(Job.Settings):
        image_pipeline: ImagePipeline = ImagePipeline(target_size=(32, 32))
        epochs: int = Field(10, ge=1, description="Passes over the training samples")
        seed: int = Field(0, ge=0, description="Equal seeds give equal figures")

    settings: Settings

    def run(self):
        # Every file is listed, hashed and checked; which samples are trained on is remembered beside the results.
        samples = get_image_samples(self.datasets)
        samples = SampleSplit(stratification=["folder"]).update_unassigned(
            samples, id_path=self.artifact_path("sample_identification.csv")
        )
        classes = sorted(samples.folder.unique())

        # What the job's page shows of the samples: a chart, a pivot table, and the images themselves.
        self.upload_chart("dataset_summary", dataset_summary(samples))
        export_pivot_table(
            self.artifact_path("pivot", dir=True),
            samples,
            datasets=self.datasets,
            fields=get_default_fields(samples),
            tags=self.get_root_tags(),
            rows=["category"],
            cols=["purpose"],
        )
        maps = [self.settings.image_pipeline, OneHotEncoder(classes)]
        build_facets(DataGenerator(samples).map(maps), self.artifact_path("facets", dir=True))

        structure = ("img", "onehot")
        train = DataGenerator(
            samples[samples.purpose == "train"],
            shuffle=True,
            repeat=True,
            seed=self.settings.seed,
            output_structure=structure,
        ).map(maps)
        devel = DataGenerator(samples[samples.purpose == "devel"], output_structure=structure).map(maps)

        keras.utils.set_random_seed(self.settings.seed)
        model = build_model(classes, self.settings.image_pipeline.output_shape)
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            train.get_dataset(),
            steps_per_epoch=len(train),
            epochs=self.settings.epochs,
            shuffle=False,
            validation_data=devel.get_dataset(),
            callbacks=[RemoteMonitor(root=self.host_name, path=self.api_endpoints["remote"])],
            verbose=2,
        )

        _, accuracy = model.evaluate(devel.get_dataset(), verbose=0)
        self.add_output_metric("devel_accuracy", accuracy)
        return package_model(
            model, self.temp_path("model.tar.gz"), classes=classes, image_pipeline=self.settings.image_pipeline
        )


if __name__ == "__main__":
    job = TrainingJob.init()
    model_path = job.start()
    print(f"\nThe model:      {model_path}\nAll artifacts:  {job.artifact_path(dir=True)}")

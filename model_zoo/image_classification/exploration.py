"""What the job's page shows of the samples beside the report: pivot table, facets, charts.

explore(job, split, predictions, classes)

The pivot counts every sample, used or not; the facets show the used ones, each with what the network says of it.
"""

from collections.abc import Sequence

import pandas as pd

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.interfaces import vegalite_charts
from brevetti_keras.interfaces.facets_atlas import build_facets
from brevetti_keras.interfaces.pivot import export_pivot_table, get_default_fields
from brevetti_keras.platform import Job
from brevetti_keras.wire import artifacts
from model_zoo.image_classification.samples import PURPOSES

FACETS = 4096
_SAID = ("prediction", "probability", "correct")
_SHOWN = ("path", "etag", "dataset", "dataset_id", "folder", "category", "size", "url", "purpose", "label", *_SAID)


def explore(
    job: Job, split: pd.DataFrame, predictions: pd.DataFrame, classes: Sequence[str], pipeline: ImagePipeline
) -> None:
    """Writes the pivot table, the facets and the charts of a job.

    Args:
        job: whose page it is.
        split: all samples with their purposes.
        predictions: one row for each of `split` that has one of `PURPOSES`, in the same order.
        classes: in the order of the scores.
        pipeline: makes the facets' pictures.
    """
    counted = with_predictions(split, predictions)
    export_pivot_table(
        job.artifact_path(artifacts.PIVOT_FOLDER, dir=True),
        counted,
        datasets=job.datasets,
        fields={**get_default_fields(counted), "prediction": "Prediction", "correct": "Correct"},
        tags=job.get_root_tags(),
        rows=["category"],
        cols=["purpose"],
    )
    shown = DataGenerator(facet_samples(counted[counted["purpose"].isin(PURPOSES)]), seed=0).map(pipeline)
    build_facets(shown, job.artifact_path(artifacts.FACETS_FOLDER, dir=True), count=FACETS)
    purpose = "test" if (predictions["purpose"] == "test").any() else "devel"
    judged = predictions[predictions["purpose"] == purpose]
    job.upload_chart("confusion_matrix", vegalite_charts.confusion_matrix(judged, classes, label="label"))
    job.upload_chart("precision_recall", vegalite_charts.precision_recall(judged, classes, label="label"))
    job.upload_chart("score_histogram", vegalite_charts.score_histogram(judged, classes, label="label"))


def with_predictions(split: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Returns all samples with `prediction` (text, `''` for those not used), `probability` and `correct` (`yes`, `no`
    or `''`) beside what they had.

    Args:
        split: with `purpose`.
        predictions: one row for each used sample, in the same order.
    """
    used = split["purpose"].isin(PURPOSES).to_numpy()
    result = split.assign(prediction="", probability=float("nan"), correct="")
    result.loc[used, "prediction"] = predictions["prediction"].to_numpy()
    result.loc[used, "probability"] = predictions["probability"].to_numpy()
    result.loc[used, "correct"] = ["yes" if right else "no" for right in predictions["correct"]]
    return result


def facet_samples(samples: pd.DataFrame, count: int = FACETS) -> pd.DataFrame:
    """Returns what the facets show: of more than `count` samples the mistakes, then some of the others, in order."""
    shown = samples[[name for name in _SHOWN if name in samples]]
    if len(shown) <= count:
        return shown
    wrong = shown[shown["correct"] == "no"].head(count)
    right = shown[shown["correct"] != "no"].sample(count - len(wrong), random_state=0)
    return pd.concat([wrong, right]).sort_index()

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brevetti_keras.model_package import load_package
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.utils.errors import DataError, NotFoundError
from model_zoo.image_classification.model import build_model
from model_zoo.image_classification.train import ImageClassificationJob, versions
from tests.model_zoo.conftest import SMALL, Trained, train, write_shapes


def test_learns_what_can_be_learnt(trained: Trained) -> None:
    assert trained.record.state == "completed"
    assert trained.record.metrics["devel_accuracy"] >= 0.9
    assert trained.record.epochs == 4


def test_every_listed_file_is_used_or_quarantined(trained: Trained) -> None:
    output = trained.output()
    assert output["samples"] == {"listed": 121, "used": 120, "quarantined": 1}
    metrics = output["output"]
    assert metrics["train_samples"] + metrics["devel_samples"] == 120
    assert trained.table("quarantine.csv")["path"].str.endswith("torn.png").tolist() == [True]


def test_every_figure_follows_from_the_predictions(trained: Trained) -> None:
    rows = trained.table("predictions.csv")
    metrics = trained.output()["output"]
    for purpose in ("train", "devel"):
        chosen = rows[rows.purpose == purpose]
        assert metrics[f"{purpose}_samples"] == len(chosen)
        assert metrics[f"{purpose}_accuracy"] == pytest.approx((chosen.label == chosen.prediction).mean())
        recalls = [(group.prediction == name).mean() for name, group in chosen.groupby("label")]
        assert metrics[f"{purpose}_balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert (rows.label == [os.path.basename(os.path.dirname(path)) for path in rows.path]).all()
    scores = rows[["score_below", "score_left", "score_right"]].to_numpy()
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(scores.max(axis=1), rows.probability)


def test_the_purposes_are_those_of_the_identification_file(trained: Trained) -> None:
    rows, known = trained.table("predictions.csv"), trained.table("sample_identification.csv")
    assert known.set_index("etag").purpose[rows.etag].tolist() == rows.purpose.tolist()


def test_the_package_predicts_what_the_job_did(trained: Trained) -> None:
    package = load_package(trained.model)
    rows = trained.table("predictions.csv")
    again = package.predict(rows.path.tolist())
    assert again.prediction.tolist() == rows.prediction.tolist()
    np.testing.assert_allclose(again.probability, rows.probability, atol=1e-5)
    assert package.classes == ("below", "left", "right")
    assert package.metadata["job"]["id"] == trained.job.id
    assert package.metadata["settings"]["epochs"] == 4
    assert package.metadata["metrics"]["devel_accuracy"] == trained.record.metrics["devel_accuracy"]
    assert package.metadata["versions"] == versions()


def test_the_model_lies_among_the_artifacts_under_a_versioned_name(trained: Trained) -> None:
    assert trained.record.model_path is not None
    assert Path(trained.model) == trained.artifact(trained.record.model_path)
    assert [path.name for path in trained.artifacts.glob("model.*.tar.gz")] == [trained.record.model_path]


def test_the_history_has_a_row_an_epoch(trained: Trained) -> None:
    history = trained.table("history.csv")
    assert history.epoch.tolist() == [0, 1, 2, 3]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"} <= set(history.columns)
    metrics = trained.output()["output"]
    assert metrics["best_epoch"] == history.val_loss.idxmin() + 1
    assert metrics["epochs_trained"] == 4


def test_the_devel_accuracy_is_that_of_the_best_epoch(trained: Trained) -> None:
    history = trained.table("history.csv")
    assert trained.record.metrics["devel_accuracy"] == pytest.approx(
        history.val_accuracy[history.val_loss.idxmin()], abs=1e-6
    )


def test_the_epochs_reach_the_platform(trained: Trained) -> None:
    with EmbeddedPlatform(trained.home) as platform:
        epochs = [event.body for event in platform.events.list(trained.job.id, kinds=["epoch"])]
    history = trained.table("history.csv")
    assert [body["epoch"] for body in epochs] == [0, 1, 2, 3]
    np.testing.assert_allclose([body["val_loss"] for body in epochs], history.val_loss, rtol=1e-5)


def test_pivot_facets_and_charts_are_there(trained: Trained) -> None:
    fields = json.loads(trained.artifact("pivot/summary_fields.json").read_text())
    assert [field["key"] for field in fields["rowFields"]] == ["category"]
    assert {"prediction", "correct"} <= {field["key"] for field in fields["fields"]}
    counts = json.loads(trained.artifact("pivot/classification_summary.json").read_text())
    assert sum(row["count"] for row in counts) == 120
    facets = json.loads(trained.artifact("facets/facets.json").read_text())
    assert len(facets) == 120
    assert {"label", "prediction", "correct", "purpose", "probability"} <= set(facets[0])
    assert trained.artifact("facets/spriteatlas.jpeg").stat().st_size > 1000
    with EmbeddedPlatform(trained.home) as platform:
        charts = set(platform.charts.list(trained.job.id))
    assert {"dataset_summary", "training_history", "confusion_matrix"} <= charts


def test_the_key_stands_in_no_artifact(trained: Trained) -> None:
    secret = trained.job.api_key.get_secret_value().encode()
    assert len(secret) > 10
    for path in trained.artifacts.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path


def test_classes_mapping_and_test_share(shapes: Path, tmp_path: Path) -> None:
    done = train(
        tmp_path,
        shapes,
        class_mapping={"left": "top", "right": "top"},
        classes=["top", "below"],
        test_share=0.25,
        leak_groups=True,
        epochs=1,
        sampling={"groupby": ["label"]},
        early_stopping={"patience": 0, "restore_best": False},
    )
    assert load_package(done.model).classes == ("top", "below")
    assert "samples are copies of others" in done.artifact("log.txt").read_text()
    metrics = done.output()["output"]
    assert metrics["test_samples"] == 30
    assert metrics["train_samples"] + metrics["devel_samples"] + metrics["test_samples"] == 120
    rows = done.table("predictions.csv")
    assert set(rows.label) == {"top", "below"}
    report = done.artifact("report.html").read_text()
    assert "Accuracy on test" in report
    assert "also chose the epoch" not in report


@pytest.mark.parametrize(
    ("classes", "settings", "message"),
    [
        ({}, {}, "expected images"),
        ({"only": 4}, {}, "expected at least two classes, received one"),
        ({"many": 6, "single": 1}, {}, "expected at least two images of each class"),
        ({"good": 4, "bad": 4, "none": 0}, {}, "expected images in the folder of each class, found none in"),
        ({"good": 4, "bad": 4}, {"classes": ["good", "badd"]}, "received none of 'badd', did you mean 'bad'?"),
    ],
    ids=["empty", "one class", "one image", "empty class", "unknown class"],
)
def test_bad_input_fails_the_job_with_one_line_before_training(
    tmp_path: Path, classes: dict[str, int], settings: dict[str, Any], message: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_shapes(data, classes)
    with EmbeddedPlatform(str(tmp_path / "home")) as platform:
        job = ImageClassificationJob.init(
            platform=platform, datasets=[str(data)], settings={**SMALL, **settings}, argv=[]
        )
        with pytest.raises(DataError) as failed:
            job.start()
        record = platform.jobs.get(job.id)
    assert message in str(failed.value)
    assert "\n" not in str(failed.value)
    assert record.state == "failed"
    assert message in record.message
    assert not Path(job.artifact_path("history.csv")).exists()


def test_unreadable_images_stop_the_job(tmp_path: Path) -> None:
    data = write_shapes(tmp_path / "data", {"a": 4, "b": 4})
    for path in data.rglob("*.png"):
        path.write_bytes(b"no image")
    with EmbeddedPlatform(str(tmp_path / "home")) as platform:
        job = ImageClassificationJob.init(platform=platform, datasets=[str(data)], settings=SMALL, argv=[])
        with pytest.raises(DataError) as failed:
            job.start()
    assert "\n" not in str(failed.value)


def test_a_dataset_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with EmbeddedPlatform(str(tmp_path / "home")) as platform, pytest.raises(NotFoundError):
        ImageClassificationJob.init(platform=platform, datasets=[str(tmp_path / "missing")], argv=[])


def test_a_loss_that_is_no_number_stops_the_job(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(*arguments: Any) -> Any:
        model = build_model(*arguments)
        model.get_layer("scores").bias.assign(np.full(3, np.nan))
        return model

    monkeypatch.setattr("model_zoo.image_classification.train.build_model", poisoned)
    with pytest.raises(DataError, match=r"expected a finite loss, received nan in epoch 1: lower learning_rate"):
        train(tmp_path, shapes)


def test_a_stopped_job_goes_on_to_the_same_end(trained: Trained, shapes: Path, tmp_path: Path) -> None:
    """SIGTERM after the second epoch, then --resume: the figures are those of the job that was never stopped."""
    script = tmp_path / "stopped.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys
            from brevetti_keras.interfaces.keras_hooks import KerasHooks
            from model_zoo.image_classification import train

            class Stop(KerasHooks):
                def on_epoch_end(self, epoch, logs=None):
                    if epoch == 1:
                        os.kill(os.getpid(), signal.SIGTERM)

            class ImageClassificationJob(train.ImageClassificationJob):
                def _callbacks(self):
                    return [*super()._callbacks(), Stop()]

            home, data, settings = {str(tmp_path / "home")!r}, {str(shapes)!r}, {SMALL!r}
            job = ImageClassificationJob.init(platform=home, datasets=[data], settings=settings, argv=[])
            print(job.id, flush=True)
            job.start()
            """
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    job_id = done.stdout.split()[0]
    with EmbeddedPlatform(str(tmp_path / "home")) as platform:
        assert platform.jobs.get(job_id).state == "stopped"
        resumed = ImageClassificationJob.init(platform=platform, resume=job_id, argv=[])
        resumed.start()
        record = platform.jobs.get(job_id)
    assert resumed.id == job_id
    assert record.state == "completed"
    history = pd.read_csv(resumed.artifact_path("history.csv"))
    expected = trained.table("history.csv")
    names = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    pd.testing.assert_frame_equal(history[names], expected[names])
    assert record.metrics == trained.record.metrics
    # The whole job ran in another process, so this also shows that equal seeds give equal figures.
    rows, before = (
        pd.read_csv(resumed.artifact_path("predictions.csv")),
        pd.read_csv(trained.artifact("predictions.csv")),
    )
    own = ["dataset_id", "url"]
    pd.testing.assert_frame_equal(rows.drop(columns=own), before.drop(columns=own), check_exact=True)

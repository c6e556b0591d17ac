"""`report.html`: what was trained on what, how good it is, where it errs, and how to retrace every figure.

    write_report(ReportContent(...), job.artifact_path("report.html"))

Figures come from the table of predictions, counts from the samples and the quarantine; the report computes none of its
own, so that whoever has the CSV files beside it can check each.
"""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from brevetti_keras.interfaces import vegalite_charts
from brevetti_keras.interfaces.html_report import HtmlReport
from model_zoo.image_classification.charts import confusion_chart
from model_zoo.image_classification.metrics import ClassificationFigures, worst_mistakes
from model_zoo.image_classification.samples import PURPOSES, LabelledSamples
from model_zoo.image_classification.training import TrainingRecord

_MISTAKES_SHOWN = 32
_FEW = 100
_GAP = 0.05
_PURPOSE_TEXT = {
    "devel": "devel samples (not trained on; their loss chose the epoch)",
    "test": "test samples (nothing in the training looked at them)",
    "train": "train samples (trained on: says how well they are remembered, not how good it is)",
}


@dataclass(frozen=True)
class JobFacts:
    """What the report says of the job: its `id`, `name`, `run_id`, `datasets` (id, name, bucket) and `settings`."""

    id: str
    name: str
    run_id: str
    datasets: pd.DataFrame
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class ReportContent:
    """All that the report shows.

    Attributes:
        job: whose report it is.
        labelled: the samples as labelled, what was left out, what contradicts itself.
        split: the samples with their purposes.
        predictions: one row a used sample.
        figures: by purpose.
        record: the account of the training.
        quarantined: files that cannot be used: `path` and `reason`.
        versions: of the packages.
    """

    job: JobFacts
    labelled: LabelledSamples
    split: pd.DataFrame
    predictions: pd.DataFrame
    figures: Mapping[str, ClassificationFigures]
    record: TrainingRecord
    quarantined: pd.DataFrame
    versions: Mapping[str, str]

    @property
    def judged(self) -> str:
        """Whose figures count: those of the test samples if there are any, else of the devel samples."""
        return "test" if "test" in self.figures else "devel"


def write_report(content: ReportContent, path: str) -> str:
    """Writes the page and returns its path."""
    report = HtmlReport(content.job.name, f"Image classification, job {content.job.id}, run {content.job.run_id}")
    _summary(report, content)
    _classes(report, content)
    _mistakes(report, content)
    _training(report, content)
    _data(report, content)
    _settings(report, content)
    _origin(report, content)
    return report.write(path)


def _summary(report: HtmlReport, content: ReportContent) -> None:
    judged = content.figures[content.judged]
    report.section("Result").facts(
        {
            f"Accuracy on {content.judged}": _percent(judged.accuracy),
            "95 % interval": f"{_percent(judged.accuracy_low)} to {_percent(judged.accuracy_high)}",
            "Mean recall of the classes": _percent(judged.balanced_accuracy),
            "Right / wrong": f"{judged.correct:,} / {judged.count - judged.correct:,}",
            "Classes": len(content.labelled.classes),
            "Images used": len(content.predictions),
        }
    )
    for text in remarks(content):
        report.note(text, warning=True)
    rows = [
        {
            "samples": _PURPOSE_TEXT[purpose],
            "count": figures.count,
            "right": figures.correct,
            "accuracy": _percent(figures.accuracy),
            "95 % interval": f"{_percent(figures.accuracy_low)} to {_percent(figures.accuracy_high)}",
            "mean recall": _percent(figures.balanced_accuracy),
        }
        for purpose in ("test", "devel", "train")
        if (figures := content.figures.get(purpose)) is not None
    ]
    report.table(
        pd.DataFrame(rows), "The interval is Wilson's: it says how far chance alone may have moved the figure."
    )


def remarks(content: ReportContent) -> Iterator[str]:
    """Yields what a careful reader should know before trusting the figures, one sentence each."""
    judged = content.figures[content.judged]
    if content.judged == "devel":
        yield (
            "The devel samples also chose the epoch, so their accuracy is a little too good. "
            "Set test_share to keep samples that nothing in the training looks at."
        )
    if judged.count < _FEW:
        yield f"Only {judged.count} {content.judged} samples: the interval above is wide."
    unmeasured = judged.per_class["class"][judged.per_class["samples"] == 0].tolist()
    if unmeasured:
        yield f"No {content.judged} sample of {', '.join(unmeasured)}: how well they are told apart is not measured."
    gap = content.figures["train"].accuracy - judged.accuracy
    if gap > _GAP:
        yield (
            f"Accuracy is {_percent(gap)} better on samples that were trained on: the network remembers them. "
            "More images, more augmentation or a smaller network would help."
        )
    if len(content.quarantined):
        yield f"{len(content.quarantined):,} files could not be used; they are listed under Data."
    conflicts = int((content.split["purpose"] == "conflict").sum())
    if conflicts:
        yield f"{conflicts:,} samples tie units that have different purposes; they were set aside."
    if len(content.labelled.contradictions):
        yield (
            f"{len(content.labelled.contradictions):,} images occur with different labels; at least one label of each "
            "is wrong. They are listed under Data."
        )


def _classes(report: HtmlReport, content: ReportContent) -> None:
    report.section("Classes").text(
        "Precision: of the samples predicted to be of a class, the share that is. Recall: of the samples of a class, "
        "the share that was found. A dash stands where there was nothing to divide by."
    )
    for purpose in (name for name in ("test", "devel") if name in content.figures):
        figures = content.figures[purpose]
        table = figures.per_class.assign(
            **{name: figures.per_class[name].map(_percent) for name in ("precision", "recall", "f1")}
        )
        report.table(table, f"On the {purpose} samples")
        title = f"Confusion matrix, {purpose} samples"
        report.chart(
            confusion_chart(figures, content.labelled.classes, title), "Rows: what it is. Columns: what was predicted."
        )


def _mistakes(report: HtmlReport, content: ReportContent) -> None:
    chosen = content.predictions[content.predictions["purpose"] == content.judged]
    wrong = int((~chosen["correct"]).sum())
    worst = worst_mistakes(chosen, _MISTAKES_SHOWN)
    report.section("Worst mistakes")
    if not wrong:
        report.text(f"None: all {len(chosen):,} {content.judged} samples were predicted right.")
        return
    shown = (
        f"the {len(worst)} of which the network was surest" if wrong > len(worst) else "all of them, the surest first"
    )
    report.text(f"{wrong:,} of {len(chosen):,} {content.judged} samples were predicted wrong; here are {shown}.")
    report.images(
        [
            (
                row["path"],
                f"{row['label']} → {row['prediction']}\n{_percent(row['probability'])} sure\n{_name(row['path'])}",
            )
            for row in worst.to_dict("records")
        ],
        side=160,
    )
    table = worst[["label", "prediction", "probability", "dataset", "path"]].reset_index(drop=True)
    report.table(table, "The same mistakes with their files")


def _training(report: HtmlReport, content: ReportContent) -> None:
    record, best = content.record, content.record.best_epoch
    report.section("Training").facts(
        {
            "Epochs trained": len(record.history),
            "Epochs at most": content.job.settings["epochs"],
            "Best epoch": None if best is None else best + 1,
            "Stopped early": record.stopped_early,
            "Seconds in training": round(float(record.history["seconds"].sum()), 1) if len(record.history) else 0,
        }
    )
    report.chart(vegalite_charts.training_history(record.history), "An epoch is one pass over the train samples.")
    kept = content.job.settings["early_stopping"]["restore_best"]
    report.text("The packaged model has the weights of the " + ("best epoch." if kept else "last epoch."))


def _data(report: HtmlReport, content: ReportContent) -> None:
    split, labelled, bad = content.split, content.labelled, content.quarantined
    counts = split["purpose"].value_counts()
    report.section("Data").facts(
        {
            "Files listed": len(split) + labelled.left_out + len(bad),
            "Used": int(sum(counts.get(purpose, 0) for purpose in PURPOSES)),
            "Quarantined": len(bad),
            "Of other labels": labelled.left_out,
            "In conflict": int(counts.get("conflict", 0)),
        }
    )
    report.text("Every file listed is in one of the other four counts.")
    table = pd.crosstab(split["label"], split["purpose"], margins=True, margins_name="all")
    table = table.reindex(index=[*labelled.classes, "all"])
    columns = [name for name in (*PURPOSES, "conflict", "all") if name in table.columns]
    report.table(table[columns].rename_axis("class").reset_index(), "Samples by class and purpose")
    datasets = content.job.datasets
    used = split.groupby("dataset_id").size().rename("samples")
    report.table(datasets.merge(used, left_on="id", right_index=True, how="left").fillna({"samples": 0}), "Datasets")
    if len(bad):
        report.table(bad.reset_index(drop=True), "Quarantined files", max_rows=200)
    if len(labelled.contradictions):
        report.table(labelled.contradictions, "Equal images with different labels", max_rows=200)


def _settings(report: HtmlReport, content: ReportContent) -> None:
    rows = pd.DataFrame(flat_settings(content.job.settings), columns=["setting", "value"])
    report.section("Settings").table(rows, "All settings as the job used them, defaults included", index=False)


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields dotted names and values as text, in the settings' order."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat_settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "–" if value is None or value in ([], {}, ()) else str(value)


_SOURCES = (
    (
        "accuracy, classes, confusion matrix, mistakes",
        "predictions.csv",
        "one row a sample: path, etag (md5 of the file), purpose, label, prediction, probability, a score a class",
    ),
    (
        "train, devel, test",
        "sample_identification.csv",
        "the purpose of each etag; a job that is given this file keeps them",
    ),
    ("training", "history.csv", "one row an epoch (from 0): losses, accuracies, seconds"),
    ("quarantined files", "quarantine.csv", "one row a file with its reason; not there if there is none"),
    ("settings, environment", "output.json", "settings, versions of all packages, machine and git state"),
)


def _origin(report: HtmlReport, content: ReportContent) -> None:
    report.section("Where the figures come from").table(
        pd.DataFrame(_SOURCES, columns=["figures", "file beside this report", "content"])
    )
    report.text("Example: the accuracy is the share of rows of that purpose whose prediction equals their label.")
    versions = {"python": platform.python_version(), **content.versions}
    report.table(pd.DataFrame(versions.items(), columns=["package", "version"]), "Versions")


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.1f} %"


def _name(path: str) -> str:
    return os.path.join(os.path.basename(os.path.dirname(path)), os.path.basename(path))

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
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.encode import to_json
from model_zoo.image_classification.metrics import ClassificationFigures, worst_mistakes
from model_zoo.image_classification.samples import PURPOSES, LabelledSamples
from model_zoo.image_classification.training import TrainingRecord

_MISTAKES_SHOWN = 32
_FEW = 100
_GAP = 0.05
_MEANING = {
    "test": "Nothing in the training looked at the test samples.",
    "devel": "The devel samples were not trained on, but their loss chose the epoch.",
    "train": "Accuracy on the train samples says how well they are remembered, not how good the network is.",
}
_INTERVAL = "The interval is Wilson's: it says how far chance alone may have moved the figure."


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
    for remark in remarks(content):
        report.note(remark.text, warning=remark.warning)
    rows = [
        {
            "samples": purpose,
            "count": figures.count,
            "right": figures.correct,
            "wrong": figures.count - figures.correct,
            "accuracy": _percent(figures.accuracy),
            "95 % interval": f"{_percent(figures.accuracy_low)} to {_percent(figures.accuracy_high)}",
            "mean recall": _percent(figures.balanced_accuracy),
        }
        for purpose in _MEANING
        if (figures := content.figures.get(purpose)) is not None
    ]
    meaning = [text for purpose, text in _MEANING.items() if purpose in content.figures]
    report.table(pd.DataFrame(rows), "Accuracy by purpose").text(" ".join([*meaning, _INTERVAL]))


@dataclass(frozen=True)
class Remark:
    """One thing to know before trusting the figures; a `warning` if something should be done about it."""

    text: str
    warning: bool = True


def remarks(content: ReportContent) -> Iterator[Remark]:
    """Yields what a careful reader should know before trusting the figures."""
    judged = content.figures[content.judged]
    if content.judged == "devel":
        yield Remark(
            "The devel samples also chose the epoch, so their accuracy is a little too good. "
            "Set test_share to keep samples that nothing in the training looks at.",
            warning=False,
        )
    if judged.count < _FEW:
        yield Remark(f"Only {counted(judged.count, f'{content.judged} sample')}: the interval above is wide.")
    unmeasured = judged.per_class["class"][judged.per_class["samples"] == 0].tolist()
    if unmeasured:
        names = ", ".join(unmeasured)
        yield Remark(f"No {content.judged} sample of {names}: how well they are told apart is not measured.")
    gap = content.figures["train"].accuracy - judged.accuracy
    if gap > _GAP:
        yield Remark(
            f"Accuracy is {100 * gap:.1f} points better on samples that were trained on: the network remembers them. "
            "More images, more augmentation or a smaller network would help."
        )
    yield from _data_remarks(content)


def _data_remarks(content: ReportContent) -> Iterator[Remark]:
    bad, contradictions = len(content.quarantined), len(content.labelled.contradictions)
    conflicts = int((content.split["purpose"] == "conflict").sum())
    if bad:
        yield Remark(f"Files that could not be used: {bad:,}. They are listed under Data, each with its reason.")
    if conflicts:
        yield Remark(f"Samples that tie units of different purposes, and were set aside: {conflicts:,}.")
    if contradictions:
        yield Remark(
            f"Images that occur with different labels: {contradictions:,}; at least one label of each is wrong. "
            "They are listed under Data."
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
        chosen = content.predictions[content.predictions["purpose"] == purpose]
        chart = vegalite_charts.confusion_matrix(chosen, content.labelled.classes, label="label")
        report.chart(chart, f"Confusion matrix of the {purpose} samples: rows are what it is.")


def _mistakes(report: HtmlReport, content: ReportContent) -> None:
    chosen = content.predictions[content.predictions["purpose"] == content.judged]
    wrong = int((~chosen["correct"]).sum())
    worst = worst_mistakes(chosen, _MISTAKES_SHOWN)
    report.section("Worst mistakes")
    if not wrong:
        report.text(f"None of {counted(len(chosen), f'{content.judged} sample')} was predicted wrong.")
        return
    shown = (
        f"the {len(worst)} of which the network was surest" if wrong > len(worst) else "all of them, the surest first"
    )
    report.text(f"Predicted wrong: {wrong:,} of {counted(len(chosen), f'{content.judged} sample')}; here are {shown}.")
    report.images(
        [
            (
                row["path"],
                f"is {row['label']}, predicted {row['prediction']}\n{_percent(row['probability'])} sure\n"
                f"{_name(row['path'])}",
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
    curves = record.history.drop(columns="seconds", errors="ignore")
    report.chart(vegalite_charts.training_history(curves), "Training: train samples. Validation: devel samples.")
    kept = content.job.settings["early_stopping"]["restore_best"]
    report.text("The packaged model has the weights of the " + ("best epoch." if kept else "last epoch."))


def _data(report: HtmlReport, content: ReportContent) -> None:
    split, labelled, bad = content.split, content.labelled, content.quarantined
    counts = split["purpose"].value_counts()
    used, readable = int(sum(counts.get(purpose, 0) for purpose in PURPOSES)), len(split) + labelled.left_out
    report.section("Data").facts(
        {
            "Files listed": readable + len(bad),
            "Used": used,
            "Quarantined": len(bad),
            "Of other labels": labelled.left_out,
            "In conflict": int(counts.get("conflict", 0)),
        }
    )
    report.text(
        "Every file listed is in one of the other four counts."
        + ("" if used == readable else f" The file output.json counts {readable:,} as used: all that can be read.")
    )
    table = pd.crosstab(split["label"], split["purpose"], margins=True, margins_name="all")
    table = table.reindex(index=[*labelled.classes, "all"])
    columns = [name for name in (*PURPOSES, "conflict", "all") if name in table.columns]
    report.table(table[columns].rename_axis("class").reset_index(), "Samples by class and purpose")
    datasets = content.job.datasets
    sizes = split.groupby("dataset_id").size().rename("samples")
    report.table(datasets.merge(sizes, left_on="id", right_index=True, how="left").fillna({"samples": 0}), "Datasets")
    if len(bad):
        report.table(bad.reset_index(drop=True), "Quarantined files", max_rows=200)
    if len(labelled.contradictions):
        report.table(labelled.contradictions, "Equal images with different labels", max_rows=200)


def _settings(report: HtmlReport, content: ReportContent) -> None:
    rows = pd.DataFrame(flat_settings(content.job.settings), columns=["setting", "value"])
    report.section("Settings").table(rows, "All settings as the job used them, defaults included", index=False)


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields dotted names and values as a YAML file takes them, in the settings' order."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat_settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else to_json(value)


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

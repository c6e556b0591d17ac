import dataclasses
import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from model_zoo.image_classification.metrics import classification_figures, prediction_table
from model_zoo.image_classification.model_type import EarlyStopping, ImageClassificationSettings
from model_zoo.image_classification.report import JobFacts, ReportContent, flat_settings, remarks, write_report
from model_zoo.image_classification.samples import label_samples
from model_zoo.image_classification.training import TrainingRecord

CLASSES = ("<b>bad</b>", "good")


def samples_of(folder: Path, count: int = 20) -> pd.DataFrame:
    rows = []
    for index in range(count):
        path = folder / f"{index}.png"
        Image.fromarray(np.full((4, 4), index * 10, np.uint8)).save(path)
        label = CLASSES[index % 2]
        purpose = "train" if index < count * 3 // 4 else "devel"
        rows.append({"path": str(path), "category": (label,), "etag": f"e{index}", "purpose": purpose})
    return pd.DataFrame(rows).assign(dataset="vials", dataset_id="d1", folder="f")


def content_of(folder: Path, wrong: int = 2) -> ReportContent:
    """A report on 20 samples, 5 of them devel, of which `wrong` are predicted wrong."""
    labelled = label_samples(samples_of(folder), CLASSES)
    split = labelled.samples
    right = np.array([[0.9, 0.1] if name == CLASSES[0] else [0.1, 0.9] for name in split["label"]])
    devel = np.flatnonzero(split["purpose"] == "devel")[:wrong]
    right[devel] = right[devel][:, ::-1]
    predictions = prediction_table(split, right, CLASSES)
    record = TrainingRecord(str(folder / "history.csv"), str(folder / "best"), EarlyStopping())
    record.history = pd.DataFrame(
        {
            "epoch": [0, 1],
            "loss": [1.0, 0.5],
            "accuracy": [0.5, 0.9],
            "val_loss": [1.0, 0.8],
            "val_accuracy": [0.4, 0.6],
        }
    ).assign(seconds=1.0)
    return ReportContent(
        job=JobFacts(
            id="job-1",
            name="vials <script>alert(1)</script>",
            run_id="2026",
            datasets=pd.DataFrame({"id": ["d1"], "name": ["vials"], "place": ["/data/vials"]}),
            settings=ImageClassificationSettings().get_config(),
        ),
        labelled=labelled,
        split=split,
        predictions=predictions,
        figures={
            purpose: classification_figures(predictions[predictions["purpose"] == purpose], CLASSES)
            for purpose in ("train", "devel")
        },
        record=record,
        quarantined=pd.DataFrame({"path": ["/data/torn.png"], "reason": ["cut short"]}),
        versions={"keras": "3.15"},
    )


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> ReportContent:
    return content_of(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(content: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> str:
    return Path(write_report(content, str(tmp_path_factory.mktemp("page") / "report.html"))).read_text()


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def test_says_how_good_it_is_and_how_sure_that_is(page: str) -> None:
    text = " ".join(text_of(page).split())
    assert "Accuracy on devel 60.0 %" in text
    assert "23.1 % to 88.2 %" in text
    assert "Right / wrong 3 / 2" in text


def test_has_every_section(page: str) -> None:
    titles = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert titles == [
        "Result", "Classes", "Worst mistakes", "Training", "Data", "Settings", "Where the figures come from",
    ]  # fmt: skip


def test_draws_the_curves_the_matrix_and_the_mistakes(page: str) -> None:
    assert page.count("image/svg+xml") == 4  # two charts, each for light and for dark
    assert page.count("data:image/jpeg") == 2
    assert "is good, predicted <b>bad</b>" in text_of(page)


def test_the_data_add_up(page: str) -> None:
    text = " ".join(text_of(page).split())
    assert "Files listed 21 Used 20 Quarantined 1 Of other labels 0 In conflict 0" in text
    assert "/data/torn.png cut short" in text
    assert "output.json counts" not in text


def test_samples_left_out_are_told_from_those_of_output_json(tmp_path: Path) -> None:
    content = content_of(tmp_path)
    split = content.split.assign(purpose=["conflict", *content.split["purpose"][1:]])
    labelled = replace(content.labelled, left_out=3)
    other = replace(content, split=split, labelled=labelled)
    text = " ".join(text_of(Path(write_report(other, str(tmp_path / "report.html"))).read_text()).split())
    assert "Files listed 24 Used 19 Quarantined 1 Of other labels 3 In conflict 1" in text
    assert "The file output.json counts 23 as used: all that can be read." in text


def test_names_of_any_kind_stay_text(page: str) -> None:
    assert "<script" not in page
    assert "<b>" not in page
    assert "vials <script>alert(1)</script>" in text_of(page)


def test_refers_to_nothing_outside_itself(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_shows_all_settings_as_a_file_takes_them(page: str) -> None:
    text = " ".join(text_of(page).split())
    assert "image_pipeline.target_size [128,128]" in text
    assert "early_stopping.restore_best true" in text
    assert dict(flat_settings({"a": {"b": None, "c": {}}, "d": "text"})) == {"a.b": "null", "a.c": "{}", "d": "text"}


def test_warns_of_what_makes_the_figures_doubtful(content: ReportContent) -> None:
    texts = [remark.text for remark in remarks(content)]
    assert [text.split(":")[0] for text in texts] == [
        "The devel samples also chose the epoch, so their accuracy is a little too good. "
        "Set test_share to keep samples that nothing in the training looks at.",
        "Only 5 devel samples",
        "Accuracy is 40.0 points better on samples that were trained on",
        "Files that could not be used",
    ]
    assert [remark.warning for remark in remarks(content)] == [False, True, True, True]


def test_warns_of_conflicts_contradictions_and_classes_that_are_not_measured(content: ReportContent) -> None:
    labelled = dataclasses.replace(
        content.labelled,
        contradictions=pd.DataFrame({"etag": ["e"], "label": ["a / b"], "path": [("/1.png", "/2.png")]}),
    )
    split = content.split.assign(purpose=["conflict", *content.split["purpose"][1:]])
    one_class = content.predictions[content.predictions["label"] == "good"]
    figures = {**content.figures, "devel": classification_figures(one_class, CLASSES)}
    text = " ".join(
        remark.text for remark in remarks(dataclasses.replace(content, labelled=labelled, split=split, figures=figures))
    )
    assert "set aside: 1." in text
    assert "different labels: 1;" in text
    assert "No devel sample of <b>bad</b>" in text


def test_a_report_without_mistakes_says_so(tmp_path: Path) -> None:
    page = Path(write_report(content_of(tmp_path, wrong=0), str(tmp_path / "report.html"))).read_text()
    assert "None of 5 devel samples was predicted wrong." in text_of(page)

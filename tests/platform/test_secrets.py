"""Case S35 over a whole job: every byte that it leaves, packages opened, is looked through for its secrets."""

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

from tests.support.images import write_image_folder
from tests.support.job_scripts import run

CANARY = "canary-9d2f"
SECRETS = {name: f"{CANARY}-{name}" for name in ("environment", "setting", "url", "header")}
SCRIPT = """
import logging, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
from pydantic import SecretStr
from brevetti_keras.data.data_generator import OneHotEncoder, StratifiedSampler
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.interfaces.html_report import HtmlReport
from brevetti_keras.model_package import package_model
from brevetti_keras.platform import Job, get_image_samples

class LeakyJob(Job):
    class Settings(Job.Settings):
        image_pipeline: ImagePipeline = ImagePipeline(target_size=(8, 8), rescale="unit")
        password: SecretStr = SecretStr("")
        source: str = ""
    settings: Settings

    def run(self):
        known = {
            "key": self.api_key.get_secret_value(),
            "password": self.settings.password.get_secret_value(),
            "token": os.environ["STORE_TOKEN"],
            "source": self.settings.source,
            "header": "Authorization: Bearer " + os.environ["STORE_HEADER"],
        }
        log = logging.getLogger("leaky")
        for name, value in known.items():
            log.warning("%s is %s", name, value)
        log.warning("all of it: %r at %s", known, self.api_endpoints["remote"])
        samples = get_image_samples(self.datasets)
        classes = sorted(samples.folder.unique())
        train = StratifiedSampler(batch_size=4, seed=0).get(samples, repeat=True, output_structure=("img", "onehot"))
        train = train.map([self.settings.image_pipeline, OneHotEncoder(classes)])
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        model.fit(train.get_dataset(), steps_per_epoch=2, epochs=2, verbose=0, shuffle=False,
                  callbacks=self.callbacks(train))
        self.add_output_metrics({"loss": 1.0, "from": known})
        report = HtmlReport("Vials", self.name).section("Settings").facts(self.settings.model_dump())
        self.upload_artifact("report.html", report.text(str(known)).html())
        self.upload_artifact("known.json", known)
        self.upload_chart("known", {"mark": "bar", "title": str(known)})
        metadata = {"settings": self.settings.model_dump(mode="json"), "host": self.host_name}
        package_model(model, self.artifact_path("model.tar.gz"), classes=classes,
                      image_pipeline=self.settings.image_pipeline, metadata=metadata)
        try:
            raise KeyError(str(known))
        except KeyError as error:
            raise ValueError(f"cannot open {known}") from error

if __name__ == "__main__":
    LeakyJob.init().start()
"""


def members(name, data):
    """A file's content, and that of what is packed in it."""
    yield name, data
    if name.endswith(".tar.gz"):
        yield f"{name} unpacked", gzip.decompress(data)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                inner = archive.extractfile(member)
                assert inner is not None
                yield from members(f"{name}/{member.name}", inner.read())
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from members(f"{name}/{member}", archive.read(member))


def test_s35_no_byte_that_a_job_leaves_or_prints_holds_a_secret(tmp_path, monkeypatch):
    """S35: logs, traceback, report, charts, output, TensorBoard's files, checkpoints, the database, the package."""
    write_image_folder(tmp_path / "vials", {"good": 4, "bad": 4})
    monkeypatch.setenv("STORE_TOKEN", SECRETS["environment"])
    monkeypatch.setenv("STORE_HEADER", SECRETS["header"])
    words = ["--dataset", str(tmp_path / "vials"), "--password", SECRETS["setting"]]
    words += ["--source", f"https://me:{SECRETS['url']}@store.example/x"]
    status, out, err = run(tmp_path, SCRIPT, *words)
    assert status == 1
    assert "cannot open" in err
    info = next((tmp_path / "workspace").glob("jobs/*/info.json"))
    key = info.read_text().partition('"api_key": "')[2].partition('"')[0]
    assert len(key) > 40
    assert CANARY not in out + err
    assert key not in out + err
    seen = set()
    for top, _, names in os.walk(tmp_path / "workspace"):
        # What the job needs to run, for its owner alone.
        for path in (Path(top, name) for name in names if name != "info.json"):
            for name, data in members(path.name, path.read_bytes()):
                assert key.encode() not in data, name
                assert CANARY.encode() not in data, (name, data[max(0, data.find(CANARY.encode()) - 80) :][:120])
                seen.add("tfevents" if "tfevents" in name else name)
    assert {"output.json", "log.txt", "report.html", "known.json", "traceback.txt"} <= seen
    assert {"events.log", "platform.sqlite3", "tfevents", "model.tar.gz"} <= seen
    assert any("model.weights.h5" in name for name in seen)
    assert any(name.startswith("model.tar.gz/") for name in seen)


def test_the_scan_would_find_a_secret_within_a_package(tmp_path):
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("config.json", CANARY * 3)
        member = tarfile.TarInfo("model.keras")
        member.size = len(inner.getvalue())
        archive.addfile(member, io.BytesIO(inner.getvalue()))
    found = dict(members("model.tar.gz", path.read_bytes()))
    assert CANARY.encode() in found["model.tar.gz/model.keras/config.json"]
    assert CANARY.encode() not in found["model.tar.gz"]

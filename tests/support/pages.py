"""A workspace with jobs whose events and artifacts have the forms that real jobs write, and a server over it."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image

from brevetti_keras.server.app import build_app
from brevetti_keras.server.serve import listening_socket
from brevetti_keras.server.service import Service
from brevetti_keras.server.sessions import Sessions
from brevetti_keras.wire.artifacts import SPRITE_SIZE
from brevetti_keras.wire.events import Event, epoch_body, status_body

HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&amp;'
QUOTE = '"'
CLASSES = ("crack", "good", "scratch")
SETTINGS = {
    "epochs": 12,
    "batch_size": 32,
    "learning_rate": 0.001,
    "classes": None,
    "image_pipeline": {"target_size": [64, 64], "color_mode": "rgb", "rescale": "unit"},
    "split": {"split": 0.8, "seed": 7, "stratification": ["folder"]},
}
ENVIRONMENT = {
    "python": "3.11.7",
    "platform": "Linux-6.1-x86_64",
    "cpus": 2,
    "git": {"commit": "0f3c9a", "branch": "main", "changed": False},
    "packages": {"keras": "3.15.1", "tensorflow": "2.21.0"},
}
CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "title": "Samples by class",
    "data": {"values": [{"class": name, "samples": 40 + 7 * index} for index, name in enumerate(CLASSES)]},
    "transform": [{"calculate": "datum.samples * 1", "as": "shown"}],
    "mark": "bar",
    "encoding": {
        "x": {"field": "class", "type": "nominal"},
        "y": {"field": "shown", "type": "quantitative", "title": "samples"},
        "color": {"field": "class", "type": "nominal"},
    },
}
REPORT = """<!doctype html><html><head><meta charset="utf-8"><title>Report</title>
<style>body{font-family:sans-serif;margin:2rem;color:#222}
td,th{padding:.3rem .8rem;border:1px solid #ddd}</style></head>
<body><h1>Test report</h1><p id="told">waiting</p><table><tr><th>class</th><th>precision</th><th>recall</th></tr>
<tr><td>crack</td><td>0.98</td><td>0.97</td></tr><tr><td>good</td><td>0.99</td><td>1.00</td></tr></table>
<script>
const told = [];
const attempt = (name, what) => {
  try { told.push(name + "=" + what()); } catch (error) { told.push(name + " refused"); }
};
attempt("cookie", () => document.cookie);
attempt("storage", () => localStorage.length);
attempt("parent", () => parent.document.title);
const shown = () => { document.getElementById("told").textContent = told.join("; "); };
const ask = (address) =>
  fetch(address).then((answer) => told.push("api=" + answer.status), () => told.push("api refused"));
if (location.hash !== "#quiet") ask("/api/jobs").then(shown);
</script></body></html>"""


def add_job(service: Service, name: str, state: str, *, epochs: int = 12, hostile: bool = False, **more: object) -> str:
    """Makes a job with `epochs` epochs reported, in the given state, and returns its id."""
    more.setdefault("model_type", "image-classification")
    more.setdefault("model_type_version", "1.0")
    # With its class, as a running job reports itself; its settings are then its own business.
    more.setdefault("job_class", "model_zoo.image_classification.train:ImageClassificationJob")
    config = service.jobs.create(name, settings={**SETTINGS, **({HOSTILE: HOSTILE} if hostile else {})}, **more)
    events = [Event(key="s-0", kind="status", body=status_body("running", "", epochs=12))]
    for epoch in range(epochs):
        logs = {
            "loss": 2.2 * 0.75**epoch + 0.02,
            "accuracy": 1 - 0.85 * 0.7**epoch,
            "val_loss": 2.3 * 0.78**epoch + 0.06,
            "val_accuracy": 1 - 0.9 * 0.72**epoch,
            "learning_rate": 0.001 * 0.9**epoch,
        }
        events.append(Event(key=f"e-{epoch}", kind="epoch", body=epoch_body(epoch, logs)))
    service.events.append(config.id, events)
    if state != "running":
        metrics = {
            "devel_accuracy": 0.9806,
            "devel_loss": 0.0623,
            "samples": {"listed": 141, "used": 139, "quarantined": 2},
        }
        service.events.append(config.id, [Event(key="o-0", kind="output", body=metrics)])
        message = {
            "failed": f"DataError: class 'dent' has no image{HOSTILE if hostile else ''}",
            "stopped": "stopped by SIGTERM",
        }
        body = status_body(state, message.get(state, ""))
        service.events.append(config.id, [Event(key="s-1", kind="status", body=body)])
    return config.id


def add_artifacts(service: Service, job_id: str, label: str = "good") -> None:
    """Writes what a finished job leaves: output, pivot, facets, charts, report, quarantine, log."""
    classes = (*CLASSES[:1], label, *CLASSES[2:])
    put = service.artifacts.write
    put(
        job_id,
        "output.json",
        json.dumps({"output": {"devel_accuracy": 0.98}, "environment": ENVIRONMENT, "job": {}}).encode(),
    )
    put(job_id, "sample_identification.csv", b"etag,purpose\nabc,train\n")
    put(
        job_id,
        "quarantine.csv",
        (
            "path,dataset,dataset_id,category,size,reason\n"
            f'"/data/{label.replace(QUOTE, QUOTE * 2)}/x.png",vials,1,crack,0,the file is empty\n'
            "/data/y.jpg,vials,1,crack,812,the JPEG data ends early\n"
        ).encode(),
    )
    put(job_id, "log.txt", b"".join(b"2026-01-01 12:00:%02d INFO epoch %d\n" % (i % 60, i) for i in range(60)))
    put(job_id, "report.html", REPORT.encode())
    put(job_id, "image-classification.1.0.tar.gz", b"\x1f\x8b" + bytes(2000))
    fields = {
        "rowFields": [{"key": "category", "label": "Category", "sort": list(classes)}],
        "colFields": [{"key": "purpose", "label": "Purpose", "sort": ["train", "devel"]}],
        "fields": [{"key": "folder", "label": "Folder"}, {"key": "prediction", "label": "Prediction"}],
    }
    records, facets = [], []
    for number in range(138):
        name, purpose = classes[number % 3], "devel" if number % 5 == 0 else "train"
        guess = classes[(number + 1) % 3] if number % 23 == 0 else name
        records.append(
            {"category": name, "purpose": purpose, "folder": name, "prediction": guess, "id": number, "count": 1}
        )
        facets.append(
            {
                "category": name,
                "purpose": purpose,
                "folder": name,
                "prediction": guess,
                "score": number / 138,
                "etag": f"{number:032x}",
            }
        )
    put(job_id, "pivot/summary_fields.json", json.dumps(fields).encode())
    put(job_id, "pivot/classification_summary.json", json.dumps(records).encode())
    put(job_id, "facets/facets.json", json.dumps(facets).encode())
    put(job_id, "facets/spriteatlas.jpeg", _atlas(len(facets)))
    service.charts.put(job_id, f"dataset {label}"[:60].replace("/", "-"), CHART)


def _atlas(count: int) -> bytes:
    columns = int(np.ceil(np.sqrt(count)))
    atlas = np.zeros((columns * SPRITE_SIZE, columns * SPRITE_SIZE, 3), np.uint8)
    rng = np.random.default_rng(0)
    for index in range(count):
        y, x = divmod(index, columns)
        tile = rng.integers(60, 120, (SPRITE_SIZE, SPRITE_SIZE, 3))
        tile[16:48, 16:48, index % 3] += 110
        atlas[y * SPRITE_SIZE : (y + 1) * SPRITE_SIZE, x * SPRITE_SIZE : (x + 1) * SPRITE_SIZE] = tile
    buffer = io.BytesIO()
    Image.fromarray(atlas).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def add_dataset(service: Service, root: Path, name: str = "vials") -> str:
    """Makes a small folder of images, adds it and returns the dataset's id."""
    for label in CLASSES:
        (root / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (90, 120, 160)).save(root / label / "a.png")
    return service.datasets.add(str(root), name=name).id


@dataclass(frozen=True)
class Served:
    """A running server: its address, and a way in."""

    address: str
    sessions: Sessions

    def link(self) -> str:
        """Returns a fresh one-time link."""
        return f"{self.address}/login?token={self.sessions.new_link()}"


@contextmanager
def served(service: Service) -> Iterator[Served]:
    """Runs a server over `service` on a free loopback port, in a thread."""
    with listening_socket("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        sessions = Sessions(cookie=f"brevetti_{port}")
        config = uvicorn.Config(
            build_app(service, sessions),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{port}", sessions)
        finally:
            server.should_exit = True
            thread.join(60)

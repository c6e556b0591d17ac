"""1,000 metric points into the server: ours beside MLflow's tracking server, fed with the same points in turn.

Both are processes of their own with their database on the disk. Figure to reach: accepted in under 0.1 s. The batches
are the largest that each client sends: 500 events of ours, 1,000 metrics of MLflow's.

    .venv/bin/python -m benchmarks.ingestion            # MLflow where .venv-bench has it, as after `make bench`
"""

import contextlib
import socket
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.report import Figure, in_turn, show
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.encode import to_json
from brevetti_keras.wire.events import Event, epoch_body
from tests.support.processes import Server

POINTS, BATCH, SINGLE, ROUNDS = 1000, 500, 50, 7
MLFLOW = Path(__file__).parents[1] / ".venv-bench" / "bin" / "mlflow"
JSON = {"Content-Type": "application/json"}
Calls = dict[str, Any]


@contextlib.contextmanager
def ours(folder: str) -> Iterator[Calls]:
    """Our server: what sends the points in batches, and some of them one by one."""
    with open_service(folder) as service:
        job, key = service.jobs.create("measured"), service.access.create("benchmark")[1]
    with (
        Server(folder) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
    ):
        # Made beforehand: what is measured is what the server takes.
        bodies = [part for _ in range(ROUNDS + 1) for part in parts_of_a_run()]

        process = psutil.Process(server.process.pid)
        spent: list[float] = []

        def batches() -> None:
            before = sum(process.cpu_times()[:2])
            for _ in range(POINTS // BATCH):
                client.post(f"/api/jobs/{job.id}/events", content=bodies.pop(), headers=JSON).raise_for_status()
            spent.append(sum(process.cpu_times()[:2]) - before)

        def singly() -> None:
            for number in range(SINGLE):
                client.post(
                    f"/api/models/{job.id}/remotemonitor", json={"epoch": number, "loss": 0.5}
                ).raise_for_status()

        yield {"batches": batches, "singly": singly, "spent": spent}


def parts_of_a_run() -> list[str]:
    """The points as our client sends them, in batches."""
    run = uuid.uuid4()
    events = [
        Event(key=f"{run}-{number}", kind="epoch", body=epoch_body(number, {"loss": 1 / (number + 1)})).model_dump()
        for number in range(POINTS)
    ]
    return [to_json({"events": events[start : start + BATCH]}) for start in range(0, POINTS, BATCH)]


@contextlib.contextmanager
def mlflow(folder: str) -> Iterator[Calls]:
    """MLflow's server on SQLite, called by its REST interface: the same points."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--default-artifact-root", f"{folder}/artifacts"]
    command = [str(MLFLOW), "server", *place, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_for(client)
            made = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 0})
            run = made.raise_for_status().json()["run"]["info"]["run_id"]

            def metric(number: int) -> dict[str, Any]:
                return {"key": "loss", "value": 1 / (number + 1), "timestamp": time.time_ns(), "step": number}

            points = [[metric(number) for number in range(POINTS)] for _ in range(ROUNDS + 1)]
            bodies = [to_json({"run_id": run, "metrics": found}) for found in points]

            def batches() -> None:
                client.post("/api/2.0/mlflow/runs/log-batch", content=bodies.pop(), headers=JSON).raise_for_status()

            def singly() -> None:
                for number in range(SINGLE):
                    body = {"run_id": run, **metric(number)}
                    client.post("/api/2.0/mlflow/runs/log-metric", json=body).raise_for_status()

            yield {"batches": batches, "singly": singly}
    finally:
        process.terminate()
        process.wait(30)


def wait_for(client: httpx.Client) -> None:
    """Waits until a server answers."""
    end = time.monotonic() + 180
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/health").is_success:
                return
        time.sleep(0.5)
    raise TimeoutError("expected MLflow's server to answer within 180 s")


def main() -> None:
    """Prints the table."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        servers = {"ours": stack.enter_context(ours(f"{folder}/workspace"))}
        if MLFLOW.exists():
            servers["MLflow"] = stack.enter_context(mlflow(folder))
        else:
            print(f"MLflow is not measured: {MLFLOW} is not there; `make bench` installs it")
        calls = {
            f"{name}, {way}": call for name, found in servers.items() for way, call in found.items() if callable(call)
        }
        seconds = in_turn(ROUNDS, calls)
    figures = []
    for name in servers:
        goal = 0.1 if name == "ours" else None
        figures.append(Figure(f"{POINTS:,} points in batches, {name}", seconds[f"{name}, batches"], "s", at_most=goal))
        figures.append(Figure(f"one point by itself, {name}", 1000 * seconds[f"{name}, singly"] / SINGLE, "ms"))
    # On a busy machine the clock counts the others' work too.
    mean = statistics.fmean(servers["ours"]["spent"])
    figures.insert(1, Figure(f"{POINTS:,} points in batches, our server's processor time", mean, "s", at_most=0.1))
    if "MLflow" in servers:
        ratio = seconds["MLflow, batches"] / seconds["ours, batches"]
        figures.append(Figure("MLflow's time for the batches over ours", ratio, "×"))
    show("Ingestion of metrics", figures)


if __name__ == "__main__":
    main()

"""Job scripts for tests: run as programs, as a user would run them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCRIPT = """
import os, sys, time
import numpy as np
from pydantic import Field
from brevetti_keras.platform import Job

class TrainingJob(Job):
    class Settings(Job.Settings):
        epochs: int = Field(4, ge=1)
        pause: float = 0.0
        fail: bool = False
    settings: Settings

    def run(self):
        if self.settings.fail:
            raise ValueError("this went wrong")
        print("running", self.id, flush=True)
        time.sleep(self.settings.pause)

if __name__ == "__main__":
    TrainingJob.init().start()
    print("after", flush=True)
"""

TRAINING = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import keras
from pydantic import Field
from brevetti_keras.platform import Job

class Slow(keras.callbacks.Callback):
    def __init__(self, pause):
        super().__init__()
        self.pause = pause
    def on_epoch_begin(self, epoch, logs=None):
        print("epoch", epoch, flush=True)
        if epoch == 2:
            time.sleep(self.pause)

class TrainingJob(Job):
    class Settings(Job.Settings):
        epochs: int = Field(4, ge=1)
        pause: float = 0.0
    settings: Settings

    def run(self):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([
            keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5), keras.layers.Dense(1),
        ])
        model.compile(keras.optimizers.Adam(0.05), "mse")
        first = self.restore(model)
        print("from", first, flush=True)
        x = np.random.default_rng(0).random((32, 3), "float32")
        history = model.fit(
            x, x.sum(1), batch_size=8, epochs=self.settings.epochs, initial_epoch=first, shuffle=False, verbose=0,
            callbacks=[self.checkpoint_callback(), self.get_remote_monitor(), Slow(self.settings.pause)],
        )
        self.upload_artifact("loss.json", history.history["loss"])
        np.savez(self.artifact_path("weights.npz"), *model.get_weights())

if __name__ == "__main__":
    TrainingJob.init().start()
"""


def start(folder: Path, script: str, *words: str) -> subprocess.Popen[str]:
    """Starts a job script whose workspace is `folder/workspace`."""
    path = folder / "train.py"
    path.write_text(script)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BREVETTI_HOME": str(folder / "workspace"),
        "BREVETTI_CACHE": str(folder / "cache"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return subprocess.Popen(
        [sys.executable, str(path), *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test runner may itself ignore SIGINT; what is ignored is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def run(folder: Path, script: str, *words: str) -> tuple[int, str, str]:
    """Runs a job script to its end; returns exit status, standard output and standard error."""
    process = start(folder, script, *words)
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def read_until(process: subprocess.Popen[str], start_of_line: str) -> str:
    """Reads a program's output up to the line that starts so, and returns that."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(start_of_line):
            return line.strip()
    assert process.stderr is not None
    raise AssertionError(f"never said {start_of_line!r}: {process.stderr.read()}")

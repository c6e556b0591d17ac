"""Jobs that a launcher starts, in a module of their own that no TensorFlow is loaded by, and patience for processes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODULE = "queued_jobs_of_a_test"

SOURCE = '''
import os
import signal
import sys
import time

from pydantic import Field

from brevetti_keras.platform import Job
from brevetti_keras.registry import ModelType
from brevetti_keras.schema.settings import Settings


class Part(Settings):
    depth: int = Field(2, ge=1)
    size: tuple[int, int] = (8, 8)


class QuickSettings(Job.Settings):
    epochs: int = Field(3, ge=1, le=100)
    part: Part = Part()
    words: list[str] = []


class Quick(Job):
    Settings = QuickSettings
    settings: QuickSettings

    def run(self):
        print("quick words", flush=True)
        self.upload_artifact("facts.json", {
            "argv": sys.argv,
            "environment": dict(os.environ),
            "command": open("/proc/self/cmdline").read().split("\\0"),
            "session": os.getsid(0),
            "pid": os.getpid(),
            "stdin": sys.stdin.read(),
            "epochs": self.settings.epochs,
            "host_name": self.host_name,
            "heavy": sorted({"tensorflow", "keras"} & set(sys.modules)),
        })


class Waiting(Job):
    """Runs until the file temp/go is there; counts its starts."""

    def run(self):
        with open(self.artifact_path("starts.txt"), "a") as file:
            file.write(f"{os.getpid()}\\n")
        while not os.path.exists(self.temp_path("go")):
            time.sleep(0.01)


class Failing(Job):
    """Fails the first time."""

    def run(self):
        if not os.path.exists(self.temp_path("again")):
            self.io.write_file(self.temp_path("again"), "")
            raise ValueError("no luck")
        self.add_output_metric("tries", 2)


class Silent(Job):
    def run(self):
        print("first words")
        print("the key is", self.api_key.get_secret_value())
        print("last words", flush=True)
        os._exit(3)


class Killed(Job):
    def run(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Slow(Job):
    """Takes its time before it reports anything."""

    @classmethod
    def init(cls, **arguments):
        print("slow", flush=True)
        time.sleep(60)


class Report(Job):
    """Tells which models it was given."""

    def run(self):
        self.upload_artifact("tested.json", list(self.models))
        for model in self.models:
            with open(model["path"], "rb") as file:
                self.add_output_metric(f"bytes of {model['name']}", len(file.read()))


class ReportType(ModelType):
    name = "checker"
    kind = "report"
    description = "Tells which models it tests."
    Settings = Job.Settings
    job = "queued_jobs_of_a_test:Report"


class QuickType(ModelType):
    name = "quick"
    version = "2.5"
    description = "Ends at once."
    Settings = QuickSettings
    job = "queued_jobs_of_a_test:Quick"


not_a_job = 3
'''


def write_module(folder: Path) -> None:
    (folder / f"{MODULE}.py").write_text(SOURCE)


def until(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Returns what `condition` returns once that is true; fails if it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not so within {seconds:g} s: {condition}")

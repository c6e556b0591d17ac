"""Where a job's artifacts lie and what they hold; those who write them and the pages that read them both look here.

All paths are relative to a job's `artifacts/` folder.
"""

from typing import Any

from pydantic import ConfigDict, Field

from brevetti_keras.wire.records import Record

OUTPUT = "output.json"
SAMPLE_IDENTIFICATION = "sample_identification.csv"
QUARANTINE = "quarantine.csv"
FINGERPRINT = "fingerprint.csv"
LOG = "log.txt"
TRACEBACK = "traceback.txt"
PIVOT_FOLDER = "pivot"
PIVOT_FIELDS = "pivot/summary_fields.json"
PIVOT_DATA = "pivot/classification_summary.json"
FACETS_FOLDER = "facets"
FACETS_DATA = "facets/facets.json"
FACETS_ATLAS = "facets/spriteatlas.jpeg"
CHARTS_FOLDER = "charts"
TENSORBOARD_FOLDER = "tensorboard"
REPORT = "report.html"

SPRITE_SIZE = 64
MAX_SPRITES = 16_384
MISSING = "N/A"

# Beside a job's artifacts, in its own folder.
INFO = "info.json"
EVENT_LOG = "events.log"
MIRRORED = "mirrored.json"
CHECKPOINTS_FOLDER = "checkpoints"
TEMP_FOLDER = "temp"
ARTIFACTS_FOLDER = "artifacts"
# What a job that the platform started wrote to its standard output and error, below the folder of temporary files.
PROCESS_OUTPUT = "output.txt"


def chart_path(name: str) -> str:
    """Returns where the chart called `name` lies."""
    return f"{CHARTS_FOLDER}/{name}.json"


class PivotField(Record):
    """One field of the pivot table; `sort` lists its values in their order."""

    key: str
    label: str
    sort: tuple[Any, ...] | None = None


class PivotFields(Record):
    """Content of `pivot/summary_fields.json`; a key stands in one of the three lists only."""

    rowFields: tuple[PivotField, ...] = ()
    colFields: tuple[PivotField, ...] = ()
    fields: tuple[PivotField, ...] = ()


class Output(Record):
    """Content of `output.json`: output metrics, what the job ran on, and the job with its settings (never its key)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    output: dict[str, Any] = Field(default_factory=dict)
    environment: dict[str, Any] = Field(default_factory=dict)
    job: dict[str, Any] = Field(default_factory=dict)

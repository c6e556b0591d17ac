"""URL templates, shared by those who serve them and those who ask.

The first group is what the hosted platform and its clients use; the second is our own.
"""

from collections.abc import Iterable
from urllib.parse import quote

REMOTE = "/api/models/{id}/remotemonitor"
CHARTS = "/api/models/{id}/charts"
COMPLETE = "/api/models/{id}/complete"
ROOT_TAGS = "/api/resources/roottags"
DOWNLOAD = "/download"

DATASETS = "/api/datasets"
DATASET_QUARANTINE = "/api/datasets/{dataset_id}/quarantine"
UPLOADS = "/api/uploads"
UPLOAD = "/api/uploads/{upload_id}"
UPLOAD_FILES = "/api/uploads/{upload_id}/files"
UPLOAD_FINISH = "/api/uploads/{upload_id}/finish"
TAGS = "/api/tags"
MODEL_TYPES = "/api/model-types"
MODEL_TYPE_VALIDATE = "/api/model-types/{name:path}/validate"
MODEL_TYPE_PREVIEW = "/api/model-types/{name:path}/preview"
KEYS = "/api/keys"
VERIFY = "/api/verify"
JOBS = "/api/jobs"
JOB = "/api/jobs/{id}"
JOB_CONFIG = "/api/jobs/{id}/config"
JOB_START = "/api/jobs/{id}/start"
JOB_STOP = "/api/jobs/{id}/stop"
JOB_ROOT_TAGS = "/api/jobs/{id}/root-tags"
JOB_EVENTS = "/api/jobs/{id}/events"
JOB_SYNC = "/api/jobs/{id}/sync"
JOB_STATUS = "/api/jobs/{id}/status"
JOB_CURVE = "/api/jobs/{id}/curve"
JOB_ARTIFACTS = "/api/jobs/{id}/artifacts"
JOB_ARTIFACT = "/api/jobs/{id}/artifacts/{path:path}"
JOB_CHARTS = "/api/jobs/{id}/charts"
JOB_CHART = "/api/jobs/{id}/charts/{name}"
REPORTS = "/api/reports"
DEMO = "/api/demo"
IDEMPOTENCY_HEADER = "Idempotency-Key"


def job_urls(job_id: str, api_key: str) -> dict[str, str]:
    """Returns a job's `remote_url`, `charts_url` and `complete_url`: paths below the host, the key in their query,
    left open so that a client can append (`&name=…`, or the artifact's path)."""
    identity, key = quote(job_id, safe=""), quote(api_key, safe="")
    return {
        "remote_url": f"{REMOTE.format(id=identity)}?key={key}",
        "charts_url": f"{CHARTS.format(id=identity)}?key={key}",
        "complete_url": f"{COMPLETE.format(id=identity)}?key={key}&modelPath=",
    }


def download_url(path: str) -> str:
    """Returns the link that opens a sample or artifact, relative to the host."""
    return f"{DOWNLOAD}?path={quote(path, safe='')}"


def download_urls(paths: Iterable[str]) -> list[str]:
    """Returns the `download_url` of each path; a folder of many is looked at once."""
    starts: dict[str, str] = {}
    urls = []
    for path in paths:
        folder, slash, name = path.rpartition("/")
        folder += slash
        if folder not in starts:
            starts[folder] = download_url(folder)
        urls.append(starts[folder] + quote(name, safe=""))
    return urls

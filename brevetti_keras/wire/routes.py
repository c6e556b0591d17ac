"""URL templates, shared by those who serve them and those who ask.

The first group is what the hosted platform and its clients use; the second is our own, under `/api/jobs`.
"""

from urllib.parse import quote

REMOTE = "/api/models/{id}/remotemonitor"
CHARTS = "/api/models/{id}/charts"
COMPLETE = "/api/models/{id}/complete"
ROOT_TAGS = "/api/resources/roottags"
DOWNLOAD = "/download"

JOB_EVENTS = "/api/jobs/{id}/events"
JOB_STATUS = "/api/jobs/{id}/status"
JOB_ARTIFACTS = "/api/jobs/{id}/artifacts"
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

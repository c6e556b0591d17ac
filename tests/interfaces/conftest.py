"""A job as the reports see it, on a folder of the test."""

import pytest


class FakeJob:
    """Keeps its artifacts in a folder and its charts in a dict."""

    id = "7f3a-11-22"
    name = "vials"

    def __init__(self, folder):
        self.folder = folder
        self.charts = {}
        self.datasets = []
        self.tags = []

    def artifact_path(self, *parts, dir=False):  # noqa: A002
        path = self.folder.joinpath(*parts)
        (path if dir else path.parent).mkdir(parents=True, exist_ok=True)
        return str(path)

    def upload_chart(self, name, vegalite_json=None):
        self.charts[name] = vegalite_json

    def get_root_tags(self):
        return self.tags


@pytest.fixture
def job(tmp_path):
    return FakeJob(tmp_path / "artifacts")


@pytest.fixture
def other_job(tmp_path):
    return FakeJob(tmp_path / "other")

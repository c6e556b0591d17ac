"""Datasets in a bucket on the command line."""

import json

import pytest

from tests.support.gcs import upload_folder
from tests.support.images import write_image_folder


@pytest.fixture
def place(bucket_url, tmp_path):
    return upload_folder(write_image_folder(tmp_path / "vials", {"cracked": 2, "good": 3}), f"{bucket_url}/2026/vials")


def test_it_is_added_and_shown_as_a_folder_is(command, place):
    result = command("dataset", "add", f"{place}/")
    assert result.out.startswith("added 'vials' with 5 images in 2 folders\n")
    shown = json.loads(command("dataset", "show", "vials", "--json").out)
    assert (shown["bucket"], shown["samples"]) == (place, 5)
    assert {row["folder"]: row["images"] for row in shown["folders"]} == {"cracked": 2, "good": 3}


def test_a_bucket_that_is_not_there_is_one_line(command, bucket_url):
    result = command("dataset", "add", "gs://no-such-bucket/vials")
    assert result.status == 1
    assert result.err == "error: no bucket gs://no-such-bucket: is its name right?\n"
    assert json.loads(command("dataset", "list", "--json").out) == []


def test_missing_credentials_are_one_line(command, monkeypatch, tmp_path):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    result = command("dataset", "add", "gs://vials/2026")
    assert result.status == 1
    assert result.err.startswith("error: expected credentials to reach gs://vials, found none: run 'gcloud auth")
    assert result.err.count("\n") == 1

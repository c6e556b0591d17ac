"""A dataset in a bucket, on the platform's pages: listed, shown small, downloaded, and nothing else of the bucket."""

import pytest

from brevetti_keras.io import open_storage
from brevetti_keras.server.workspace import open_service
from brevetti_keras.wire.routes import download_url
from tests.support.gcs import upload_folder
from tests.support.images import write_image_folder
from tests.support.served import Served


@pytest.fixture
def served(tmp_path):
    with open_service(str(tmp_path / "home")) as service:
        served = Served(service)
        yield served
        served.close()


@pytest.fixture
def dataset(served, bucket_url, tmp_path):
    folder = write_image_folder(tmp_path / "vials", {"bad": 2, "good": 3})
    (folder / "good" / ".hidden.png").write_bytes(b"hidden")
    upload_folder(folder, f"{bucket_url}/line")
    open_storage(bucket_url).write_bytes("line-2/secret.png", b"another's")
    return served.service.datasets.add(f"{bucket_url}/line/")


def test_its_page_shows_its_images(served, dataset):
    page = served.browser().get(f"/datasets/{dataset.id}")
    assert page.status_code == 200
    assert "good_0002.png" in page.text
    assert "outside this machine" not in page.text


def test_an_image_is_shown_small_and_whole(served, dataset):
    browser, path = served.browser(), f"{dataset.bucket}/good/good_0000.png"
    small = browser.get(f"/datasets/{dataset.id}/thumbnail", params={"path": path})
    assert (small.status_code, small.headers["content-type"]) == (200, "image/jpeg")
    assert browser.get(f"/datasets/{dataset.id}/image", params={"path": path}).status_code == 200
    whole = served.user().get(download_url(path))
    assert whole.content == open_storage(dataset.bucket).read_bytes("good/good_0000.png")


@pytest.mark.parametrize("inner", ["-2/secret.png", "/none.png", "/good/.hidden.png", "/../line-2/secret.png", "", "/"])
def test_nothing_else_of_the_bucket_is_opened(served, dataset, inner):
    path = f"{dataset.bucket}{inner}"
    assert served.user().get(download_url(path)).status_code == 404
    answer = served.browser().get(f"/datasets/{dataset.id}/thumbnail", params={"path": path})
    assert answer.status_code == 404


def test_a_job_downloads_from_its_own_datasets_alone(served, dataset, bucket_url):
    other = served.service.datasets.add(f"{bucket_url}/line-2")
    config = served.service.jobs.create("on one", dataset_ids=[dataset.id])
    client = served.job(config)
    assert client.get(download_url(f"{dataset.bucket}/good/good_0000.png")).status_code == 200
    assert client.get(download_url(f"{other.bucket}/secret.png")).status_code == 404


def test_a_table_on_this_machine_opens_the_objects_that_it_names_alone(served, dataset, bucket_url, tmp_path):
    table = tmp_path / "list.csv"
    table.write_text(f"path,category\n{bucket_url}/line/good/good_0000.png,fine\n")
    listed = served.service.datasets.add(str(table))
    served.service.datasets.remove(dataset.id)
    assert "good_0000.png" in served.browser().get(f"/datasets/{listed.id}").text
    for name, status in {
        "line/good/good_0000.png": 200,
        "line/good/good_0001.png": 404,
        "line-2/secret.png": 404,
    }.items():
        path = f"{bucket_url}/{name}"
        assert served.user().get(download_url(path)).status_code == status, name
        found = served.browser().get(f"/datasets/{listed.id}/image", params={"path": path})
        assert found.status_code == status, name


def test_a_bucket_that_is_gone_is_one_line_on_the_page(served, bucket_url):
    dataset = served.service.datasets.add("gs://no-such-bucket/line")
    page = served.browser().get(f"/datasets/{dataset.id}")
    assert page.status_code == 200
    assert "no bucket gs://no-such-bucket" in page.text

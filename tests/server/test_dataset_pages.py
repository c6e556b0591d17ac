import os
import re
from pathlib import Path

import httpx
import pytest
from markupsafe import escape
from PIL import Image

from brevetti_keras.server.dataset_images import DatasetImages
from brevetti_keras.server.service import Service
from brevetti_keras.utils.errors import ConflictError, NotFoundError
from tests.support.pages import HOSTILE, add_dataset, add_job
from tests.support.served import Served


@pytest.fixture
def browser(served: Served) -> httpx.Client:
    return served.browser()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def dataset(service: Service, root: Path) -> str:
    return add_dataset(service, root)


def test_a_dataset_shows_its_facts_and_its_images_by_class(browser: httpx.Client, dataset: str, root: Path) -> None:
    html = browser.get(f"/datasets/{dataset}").text
    assert "<h1>vials</h1>" in html
    assert str(root) in html
    assert re.findall(r"<h3>(.*?)</h3>", html) == ["crack", "good", "scratch"]
    assert html.count("<img ") == 3
    only = browser.get(f"/datasets/{dataset}?class=good").text
    assert re.findall(r"<h3>(.*?)</h3>", only) == ["good"]
    assert "No image has this class" in browser.get(f"/datasets/{dataset}?class=none").text
    assert f'href="/datasets/{dataset}"' in browser.get("/datasets").text


def test_many_images_turn_pages_within_their_class(browser: httpx.Client, dataset: str, root: Path) -> None:
    for number in range(70):
        Image.new("L", (4, 4)).save(root / "good" / f"{number:03d}.png")
    first = browser.get(f"/datasets/{dataset}?class=good").text
    assert first.count("<img ") == 60
    assert 'href="?class=good&amp;page=2"' in first
    assert browser.get(f"/datasets/{dataset}?class=good&page=2").text.count("<img ") == 11


def test_an_empty_or_missing_folder_says_so(browser: httpx.Client, service: Service, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = service.datasets.add(str(tmp_path / "empty")).id
    assert "no image in it yet" in browser.get(f"/datasets/{empty}").text
    (tmp_path / "empty").rmdir()
    gone = service.datasets.add(str(tmp_path), "gone").id
    tmp_path.rename(tmp_path.with_name("moved"))
    assert "cannot be listed" in browser.get(f"/datasets/{gone}").text
    tmp_path.with_name("moved").rename(tmp_path)


def test_an_image_shows_what_is_known_of_it(browser: httpx.Client, dataset: str, root: Path) -> None:
    html = browser.get(f"/datasets/{dataset}/image", params={"path": str(root / "good" / "a.png")}).text
    assert "<h1>good/a.png</h1>" in html
    assert "8 × 8 pixels" in html
    assert "image 2 of 3" in html
    assert 'rel="prev"' in html
    assert 'rel="next"' in html
    (root / "good" / "a.png").write_bytes(b"nothing")
    html = browser.get(f"/datasets/{dataset}/image", params={"path": str(root / "good" / "a.png")}).text
    assert "The file cannot be shown" in html


def test_a_thumbnail_is_a_jpeg_that_the_browser_keeps(browser: httpx.Client, dataset: str, root: Path) -> None:
    params = {"path": str(root / "good" / "a.png")}
    answer = browser.get(f"/datasets/{dataset}/thumbnail", params=params)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = browser.get(
        f"/datasets/{dataset}/thumbnail", params=params, headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    os.utime(root / "good" / "a.png", ns=(1, 1))
    headers = {"If-None-Match": answer.headers["etag"]}
    assert browser.get(f"/datasets/{dataset}/thumbnail", params=params, headers=headers).status_code == 200


def test_a_thumbnail_opens_only_what_lies_in_its_dataset(
    browser: httpx.Client, service: Service, dataset: str, root: Path
) -> None:
    other = root.parent / "other" / "a.png"
    other.parent.mkdir()
    Image.new("L", (4, 4)).save(other)
    service.datasets.add(str(other.parent))
    (root / ".hidden.png").write_bytes(other.read_bytes())
    (root / "good" / "link.txt").symlink_to("/etc/hostname")
    paths = [
        other,
        root / ".." / "other" / "a.png",
        root / ".hidden.png",
        root / "good",
        root / "none.png",
        root / "good" / "link.txt",
        "good/a.png",
        "/etc/passwd",
        "",
        "a\0b",
        "x" * 5000,
    ]
    for path in paths:
        for address in ("thumbnail", "image"):
            assert browser.get(f"/datasets/{dataset}/{address}", params={"path": str(path)}).status_code == 404, path
    assert browser.get("/datasets/none/thumbnail", params={"path": str(root / "good" / "a.png")}).status_code == 404


def test_a_file_that_is_no_image_has_a_picture_that_says_so(browser: httpx.Client, dataset: str, root: Path) -> None:
    (root / "good" / "torn.png").write_bytes(b"no image")
    path = {"path": str(root / "good" / "torn.png")}
    answer = browser.get(f"/datasets/{dataset}/thumbnail", params=path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "The file cannot be shown" in browser.get(f"/datasets/{dataset}/image", params=path).text
    small = browser.get(f"/datasets/{dataset}/image", params={"path": str(root / "good" / "a.png")}).text
    assert 'class="small"' in small


def test_images_named_by_a_csv_are_shown(browser: httpx.Client, service: Service, dataset: str, root: Path) -> None:
    table = root.parent / "list.csv"
    table.write_text("path,category\ndata/good/a.png,fine\n")
    added = service.datasets.add(str(table)).id
    html = browser.get(f"/datasets/{added}").text
    assert "<h3>fine</h3>" in html
    source = re.findall(r'<img [^>]*src="(.*?)"', html)[0].replace("&amp;", "&")
    assert browser.get(source).status_code == 200
    path = {"path": str(root / "crack" / "a.png")}
    assert browser.get(f"/datasets/{added}/thumbnail", params=path).status_code == 404


def test_a_dataset_that_a_job_used_stays(service: Service, dataset: str, browser: httpx.Client) -> None:
    add_job(service, "first try", "completed", epochs=1, dataset_ids=[dataset])
    with pytest.raises(ConflictError, match="'first try' used"):
        service.datasets.remove(dataset)
    assert browser.delete(f"/api/datasets/{dataset}").status_code == 409


def test_listings_are_kept_for_a_while_and_then_made_anew(service: Service, dataset: str, root: Path) -> None:
    now = [0.0]
    images, record = DatasetImages(lambda: now[0]), service.datasets.get(dataset)
    assert len(images.of(record)) == 3
    Image.new("L", (4, 4)).save(root / "good" / "b.png")
    assert len(images.of(record)) == 3
    now[0] = 30.0
    assert [file.label for file in images.of(record)] == ["crack", "good", "good", "scratch"]


def test_a_listing_of_what_is_gone_is_an_error(service: Service, dataset: str, root: Path) -> None:
    root.rename(root.with_name("moved"))
    with pytest.raises(NotFoundError):
        DatasetImages().of(service.datasets.get(dataset))


def test_tags_are_a_tree_and_text(browser: httpx.Client, service: Service) -> None:
    assert "No tag yet" in browser.get("/tags").text
    service.tags.ensure("line=3")
    service.tags.add(HOSTILE[:100])
    html = browser.get("/tags").text
    assert html.index(">line<") < html.index(">3<")
    assert "<img" not in html
    assert str(escape("<img src=x")) in html


def test_hostile_names_of_datasets_are_text(browser: httpx.Client, service: Service, root: Path) -> None:
    folder = root / '<img src=x onerror="alert(1)">'
    folder.mkdir(parents=True)
    Image.new("L", (4, 4)).save(folder / "'\"><b>.png")
    added = service.datasets.add(str(root), HOSTILE[:100], notes="</textarea><script>alert(1)</script>").id
    service.datasets.update(added, tag_ids=[service.tags.ensure(f"line={HOSTILE[:90]}").id])
    path = {"path": str(folder / "'\"><b>.png")}
    for answer in (browser.get(f"/datasets/{added}"), browser.get(f"/datasets/{added}/image", params=path)):
        assert answer.status_code == 200
        assert "<img src=x" not in answer.text
        assert "<b>" not in answer.text
        assert "<script>" not in answer.text
        assert not re.search(r"\sstyle=|\son[a-z]+=\"", answer.text.replace(str(escape(HOSTILE[:100])), ""))


def test_quarantined_files_are_shown_and_linked_both_ways(
    browser: httpx.Client, service: Service, dataset: str, root: Path
) -> None:
    assert "No job has set aside a file of it" in browser.get(f"/datasets/{dataset}").text
    jobs = [service.jobs.create(f"<b>{number}</b>", dataset_ids=[dataset]).id for number in range(5)]
    path = str(root / "good" / "a.png")
    rows = [f"{root}/good/{number:02}.png,vials,{dataset},good,0,<i>empty</i>" for number in range(30)]
    for job in jobs:
        table = "\n".join(["path,dataset,dataset_id,category,size,reason", f"{path},vials,{dataset},good,0,cut", *rows])
        service.artifacts.write(job, "quarantine.csv", table.encode())
    html = browser.get(f"/datasets/{dataset}").text
    section = html.split('<h2 id="quarantined">')[1].split("</section>")[0]
    assert "31 files were listed by jobs" in section
    assert section.count("<tr><th") == 26
    assert f'href="/jobs/{jobs[-1]}#quarantine">&lt;b&gt;4&lt;/b&gt;</a>' in section
    assert "and 2 more" in section
    assert "&lt;i&gt;empty" in section
    assert 'href="?quarantined=2#quarantined"' in section
    rest = browser.get(f"/datasets/{dataset}?class=good&quarantined=2").text.split('<h2 id="quarantined">')[1]
    assert 'href="?class=good&amp;quarantined=1#quarantined"' in rest
    assert "a.png" in rest.split("</section>")[0]
    image = browser.get(f"/datasets/{dataset}/image", params={"path": path}).text
    assert f'Not used by <a href="/jobs/{jobs[-1]}#quarantine">' in image
    assert ": cut</p>" in image

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brevetti_keras.io import fetch_copies, local_copy, open_storage
from brevetti_keras.utils.errors import NotFoundError
from tests.support.gcs_fake import Fault

SMALL = 1000


def fill(fake, count=SMALL):
    for number in range(count):
        fake.put(f"vials/{number:04}.bin", b"%d" % number)
    return [f"gs://bucket/vials/{number:04}.bin" for number in range(count)]


def test_a_local_path_is_its_own_copy(tmp_path):
    assert local_copy("relative/1.png") == "relative/1.png"
    assert local_copy(f"file://{tmp_path}/a%20b.png") == f"{tmp_path}/a b.png"
    assert fetch_copies([str(tmp_path)]) == {}


def test_other_storages_give_copies_too():
    storage = open_storage("memory://copies")
    storage.write_bytes("a.png", b"1")
    assert Path(local_copy("memory://copies/a.png")).read_bytes() == b"1"


def test_b15_a_thousand_small_objects_arrive_under_one_503_in_five(fake_bucket):
    urls = fill(fake_bucket)
    fake_bucket.faults.append(Fault("GET", share=0.2))
    storage = open_storage("gs://bucket/vials")
    assert len(list(storage.walk())) == SMALL
    found = fetch_copies(urls)
    assert list(found) == urls
    assert [Path(path).read_bytes() for path in found.values()] == [b"%d" % number for number in range(SMALL)]
    # Each was sent once: what failed was refused, and nothing that arrived was asked for again.
    assert sorted(fake_bucket.sent) == sorted(fake_bucket.objects)
    assert fake_bucket.count("GET") > 1.1 * SMALL
    before = fake_bucket.count("GET", "/o/")
    assert fetch_copies(urls) == found
    assert fake_bucket.count("GET", "/o/") == before


def test_b15_small_objects_are_written_once_each_under_one_503_in_five(fake_bucket):
    fake_bucket.faults += [Fault("POST", share=0.2), Fault("POST", kind="lose", share=0.02)]
    storage = open_storage("gs://bucket/out")
    for number in range(200):
        storage.write_bytes(f"{number}.bin", b"%d" % number)
    assert sorted(fake_bucket.written) == sorted(fake_bucket.objects)
    assert len(fake_bucket.written) == 200


def test_one_that_is_missing_is_named(fake_bucket):
    urls = fill(fake_bucket, 3)
    with pytest.raises(NotFoundError, match=r"gs://bucket/vials/none\.bin"):
        fetch_copies([*urls, "gs://bucket/vials/none.bin"])


def test_two_processes_at_once_share_one_cache(fake_bucket):
    urls = fill(fake_bucket, 40)
    code = (
        "import sys; from brevetti_keras.io import fetch_copies\n"
        "found = fetch_copies(sys.argv[1:])\n"
        "print(sum(int(open(path).read()) for path in found.values()))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, *urls], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [process.communicate(timeout=240)[0].strip() for process in processes] == ["780", "780"]
    files = [path for path in Path(os.environ["BREVETTI_CACHE"]).rglob("*") if path.is_file()]
    assert len(files) == 40

"""One identification file in a bucket, and the jobs that share it (fault B10)."""

import subprocess
import sys

import pandas as pd

from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.io import Files
from brevetti_keras.wire.artifacts import SAMPLE_IDENTIFICATION
from tests.support.gcs_fake import Fault

PLACE = f"gs://bucket/jobs/{SAMPLE_IDENTIFICATION}"


def known(path=PLACE):
    lines = Files().read_file(path).decode().splitlines()
    return dict(line.split(",") for line in lines[1:])


def split(ids, path=PLACE, **settings):
    result = SampleSplit(**settings).update_unassigned(pd.DataFrame({"etag": ids}), path)
    return dict(zip(result.etag, result.purpose, strict=True))


def test_it_is_written_and_overrules_the_next_job(bucket_url):
    path = f"{bucket_url}/ids.csv"
    first = split([f"e{number}" for number in range(10)], path, seed=1)
    assert known(path) == first
    second = split([f"e{number}" for number in range(5, 15)], path, seed=2)
    assert {etag: second[etag] for etag in first if etag in second} == {
        etag: first[etag] for etag in first if etag in second
    }
    assert known(path) == first | second


def test_b10_who_comes_second_goes_on_with_what_the_first_wrote(fake_bucket, monkeypatch):
    ids, theirs = [f"e{number}" for number in range(20)], {}
    plain = SampleSplit._purposes

    def another_comes_first(self, *arguments):
        if not theirs:
            theirs.update(dict.fromkeys(ids[:10], "test"))
            rows = "".join(f"{etag},test\n" for etag in theirs)
            fake_bucket.put(PLACE.removeprefix("gs://bucket/"), f"etag,purpose\n{rows}other,devel\n".encode())
        return plain(self, *arguments)

    monkeypatch.setattr(SampleSplit, "_purposes", another_comes_first)
    mine = split(ids, seed=3)
    assert {etag: mine[etag] for etag in theirs} == theirs
    assert known() == mine | {"other": "devel"}


def test_b10_b16_a_lost_acknowledgement_is_not_taken_for_another_job(fake_bucket):
    fake_bucket.faults.append(Fault("POST", kind="lose", times=1))
    assert split(["a", "b", "c"]) == known()
    assert len(fake_bucket.written) == 1


def test_b10_jobs_that_share_it_lose_nothing_and_agree(fake_bucket):
    code = (
        "import sys, pandas as pd\n"
        "from brevetti_keras.data.sample_integrity import SampleSplit\n"
        "job, path = int(sys.argv[1]), sys.argv[2]\n"
        "for turn in range(8):\n"
        "    ids = [f'e{(job * 7 + turn * 5 + i) % 60}' for i in range(20)] + [f'own-{job}-{turn}']\n"
        "    split = SampleSplit(seed=job * 100 + turn, split=0.5)\n"
        "    result = split.update_unassigned(pd.DataFrame({'etag': ids}), path)\n"
        "    for etag, purpose in zip(result.etag, result.purpose):\n"
        "        print(etag, purpose)\n"
    )
    jobs = [
        subprocess.Popen([sys.executable, "-c", code, str(job), PLACE], stdout=subprocess.PIPE, text=True)
        for job in range(3)
    ]
    outputs = [job.communicate(timeout=240)[0] for job in jobs]
    assert all(job.returncode == 0 for job in jobs)
    said = [tuple(line.split()) for output in outputs for line in output.splitlines()]
    assert len(said) == 3 * 8 * 21
    written = known()
    assert all(written[etag] == purpose for etag, purpose in said)
    assert set(written) == {etag for etag, _ in said}

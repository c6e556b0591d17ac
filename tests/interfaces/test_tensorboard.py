"""One TensorBoard over several jobs."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from brevetti_keras.interfaces.callbacks import TensorBoard
from brevetti_keras.interfaces.tensorboard import tensorboard
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.ports import free_port


def runs(url):
    with urllib.request.urlopen(f"{url}data/runs", timeout=30) as answer:
        return json.load(answer)


def answers(url):
    try:
        return runs(url) is not None
    except OSError:
        return False


def test_the_runs_are_the_jobs_even_of_one_name(job, other_job):
    other_job.id = "99"
    other_job.name = "a/b: c,d"
    for one in (job, other_job):
        assert TensorBoard(one)({"loss": [1.0, 0.5]})
    url = tensorboard([job, other_job, str(job.folder / "tensorboard"), job], port=free_port())
    assert re.fullmatch(r"http://localhost:\d+/", url)
    assert set(runs(url)) == {
        "vials 7f3a-11-/train",
        "vials 7f3a-11- 2/train",
        "a-b: c,d 99/train",
        "tensorboard/train",
    }


def test_no_jobs_and_a_busy_port_are_told(job):
    with pytest.raises(InvalidInputError, match="at least one job"):
        tensorboard([])
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(InvalidInputError, match="cannot be served"):
        tensorboard(job, port=server.getsockname()[1])


def test_it_ends_with_its_process_even_where_that_is_killed(job):
    code = (
        "import sys, time\n"
        "from brevetti_keras.interfaces.tensorboard import tensorboard\n"
        "print(tensorboard(sys.argv[1], port=int(sys.argv[2])), flush=True)\n"
        "time.sleep(300)\n"
    )
    command = [sys.executable, "-c", code, str(job.folder), str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert runs(url) == []
        process.kill()
    deadline = time.monotonic() + 60
    while answers(url) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(url)

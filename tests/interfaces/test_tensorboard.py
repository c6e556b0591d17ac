"""One TensorBoard over several jobs."""

import json
import re
import socket
import urllib.request

import pytest

from brevetti_keras.interfaces.callbacks import TensorBoard
from brevetti_keras.interfaces.tensorboard import tensorboard
from brevetti_keras.utils.errors import InvalidInputError


def runs(url):
    with urllib.request.urlopen(f"{url}data/runs", timeout=30) as answer:
        return json.load(answer)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


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

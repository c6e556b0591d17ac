import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest


@pytest.fixture
def server(tmp_path):
    """A server on a free port, as a process of its own, and the lines it printed until it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "brevetti_keras", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BREVETTI_HOME": str(tmp_path / "workspace"), "PYTHONUNBUFFERED": "1"},
    )
    lines = [process.stdout.readline() for _ in range(3)]
    yield process, lines
    process.kill()
    process.communicate()


def test_it_prints_a_link_that_works_once(server):
    process, lines = server
    link = re.search(r"http://127\.0\.0\.1:\d+/login\?token=\S+", "".join(lines)).group()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(link, timeout=120) as page:
        assert page.status == 200
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link, timeout=120)
    assert refused.value.code in {401, 403}
    refused.value.close()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert process.returncode in {0, 130}
    assert "Traceback" not in err


def test_a_busy_port_is_one_clear_line(command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = command.fails("serve", "--port", port, status=1)
    assert port in line


@pytest.mark.parametrize("words", [["--tls-cert", "/nowhere.pem"], ["--tls-cert", "/nowhere.pem", "--tls-key", "/k"]])
def test_a_certificate_that_cannot_be_used_is_one_clear_line(command, words):
    assert "expected a" in command.fails("serve", "--port", "0", *words, status=2)


def test_listening_to_the_world_is_refused(command):
    result = command("serve", "--host", "0.0.0.0", "--port", "0")
    assert result.status in {1, 2}
    assert result.err.startswith("error: ")
    assert "0.0.0.0" in result.err


def test_the_workspace_remembers_the_storage_root_of_its_first_start(command, workspace, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command.fails("serve", "--port", port, "--storage-root", str(tmp_path / "disk"), status=1)
    line = command.fails("serve", "--port", "0", "--storage-root", str(tmp_path / "other"), status=2)
    assert f"expected this workspace's storage root, file://{tmp_path}/disk, received {tmp_path}/other" in line
    assert command("jobs").status == 0

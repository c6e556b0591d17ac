import os
import subprocess
import sys

from brevetti_keras.server.processes import is_alive, machine, process_identity, started, terminate
from tests.support.queued_jobs import until


def child():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def identity(process):
    return {"pid": process.pid, "pid_started": started(process.pid), "machine": machine()}


def test_this_process_lives():
    own = process_identity()
    assert own["pid"] == os.getpid()
    assert own["pid_started"] > 0
    assert is_alive(own) is True


def test_a_child_lives_until_it_is_ended():
    process = child()
    known = identity(process)
    assert is_alive(known) is True
    assert terminate(known) is True
    assert process.wait(60) == -15
    assert is_alive(known) is False
    assert terminate(known) is False


def test_a_process_that_waits_to_be_collected_has_ended():
    process = child()
    known = identity(process)
    process.kill()
    until(lambda: is_alive(known) is False)
    process.wait()


def test_another_process_under_the_same_number_is_not_taken_for_it():
    process = child()
    known = {**identity(process), "pid_started": started(process.pid) + 1}
    assert is_alive(known) is False
    assert terminate(known) is False
    assert process.poll() is None
    process.kill()
    process.wait()


def test_what_cannot_be_known_here_is_none():
    own = process_identity()
    assert is_alive({**own, "machine": "elsewhere|boot|pid:[1]"}) is None
    assert is_alive({**own, "machine": ""}) is None
    assert is_alive({**own, "pid": None}) is None


def test_another_container_of_this_boot_cannot_be_known():
    host, boot, _ = machine().split("|")
    assert is_alive({**process_identity(), "machine": f"{host}|{boot}|pid:[1]"}) is None


def test_after_a_restart_of_this_machine_everything_has_ended():
    host, _, namespace = machine().split("|")
    assert is_alive({**process_identity(), "machine": f"{host}|another-boot|{namespace}"}) is False


def test_a_number_that_nothing_has_is_gone():
    assert started(2**22 + 1) is None
    assert terminate({"pid": 2**22 + 1, "pid_started": 1, "machine": machine()}) is False

import contextlib
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from brevetti_keras.data.file_check import pool as pools
from brevetti_keras.data.file_check.pool import WorkerPool
from brevetti_keras.utils.errors import DataError
from tests.support.odd_images import jpeg_bomb, png_bomb, sound_files
from tests.support.processes import file_checkers
from tests.support.queued_jobs import until

SOUND = sound_files()
# A module that stands in for a decoder which does to its process what broken decoders do.
_TREACHEROUS = """
import os, signal, time
from brevetti_keras.data.file_check import worker
honest = worker.check_file
def check_file(path, *rest):
    name = os.path.basename(path)
    if name == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if name == "exit": os._exit(3)
    if name == "hang": time.sleep(600)
    if name == "print": print("noise on standard output", flush=True)
    if name == "gobble": return worker.FileFacts(reason=str(len(bytearray(1 << 40))))
    return honest(path, *rest)
worker.check_file = check_file
worker.main()
"""


@pytest.fixture
def treacherous(tmp_path, monkeypatch):
    (tmp_path / "treacherous.py").write_text(_TREACHEROUS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(pools, "_MODULE", "treacherous")


@pytest.fixture
def pool():
    with WorkerPool(1, 100_000_000, []) as pool:
        yield pool


def test_the_facts_of_a_file(put, pool):
    facts = pool.check(put("a.gif", SOUND["animated.gif"]))
    assert (facts.kind, facts.width, facts.height, facts.frames, facts.orientation, facts.reason) == (
        "GIF", 83, 61, 2, 1, "",
    )  # fmt: skip
    assert len(facts.md5) == 32
    assert len(facts.sha256) == 64


@pytest.mark.usefixtures("treacherous")
def test_what_ends_a_decoder_is_the_files_verdict_and_the_next_file_is_read(put, monkeypatch):
    with WorkerPool(1, 100_000_000, []) as pool:
        assert "ends its decoder by SIGSEGV" in pool.check(put("crash", SOUND["rgb.png"])).reason
        assert "ends its decoder with status 3" in pool.check(put("exit", SOUND["rgb.png"])).reason
        assert "ends its decoder with status 1" in pool.check(put("gobble", SOUND["rgb.png"])).reason
        with monkeypatch.context() as hasty:
            hasty.setattr(pool, "_seconds", 0.5)
            assert "in reasonable time" in pool.check(put("hang", SOUND["rgb.png"])).reason
        assert pool.check(put("print", SOUND["rgb.png"])).reason == ""


@pytest.mark.parametrize("name", ["bomb.png", "bomb.jpg"])
def test_bombs_are_refused_from_their_header_and_take_no_memory(put, pool, name):
    pool.check(put("first.png", SOUND["rgb.png"]))
    (child,) = file_checkers()
    before = child.memory_info().rss
    facts = pool.check(put(name, png_bomb() if name == "bomb.png" else jpeg_bomb()))
    assert "megapixels" in facts.reason
    assert facts.md5
    assert child.memory_info().rss - before < 100e6


def test_threads_share_the_children(put):
    paths = [put(f"{number}.png", SOUND["rgb.png"] + bytes([number])) for number in range(20)]
    found, together = {}, threading.Barrier(len(paths), timeout=60)

    def check(path):
        together.wait()
        found[path] = pool.check(path).md5

    with WorkerPool(2, 100_000_000, []) as pool:
        threads = [threading.Thread(target=check, args=(path,)) for path in paths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(file_checkers()) == 2
    assert len(set(found.values())) == 20
    assert file_checkers() == []


def test_a_child_that_cannot_start_is_told_in_one_line(monkeypatch, put):
    monkeypatch.setattr(pools, "_MODULE", "no_such_module_at_all")
    with (
        pytest.raises(DataError, match="a process that checks files, received one that cannot start"),
        WorkerPool(1, 1, []) as pool,
    ):
        pool.check(put("a.png", b""))


def test_children_end_with_their_parent_and_load_no_tensorflow(put, tmp_path):
    path = put("a.png", SOUND["rgb.png"])
    code = (
        "import sys, time, psutil\n"
        "from brevetti_keras.data.file_check.pool import WorkerPool\n"
        "pool = WorkerPool(1, 10**8, [])\n"
        f"assert not pool.check({path!r}).reason\n"
        "child, = psutil.Process().children()\n"
        "maps = open(f'/proc/{child.pid}/maps').read()\n"
        "print(child.pid, 'tensorflow' in maps, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    number, loaded = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert loaded == "False"
    with contextlib.suppress(psutil.NoSuchProcess):
        child = psutil.Process(int(number))
        until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)

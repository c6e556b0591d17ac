import os
import signal
import subprocess
import sys
import time

import pytest

from brevetti_keras.io.scratch import scratch_folder
from brevetti_keras.utils.errors import BrevettiError

_LONG_AGO = 1_000_000_000

_HOLDS = """
import sys, time
from brevetti_keras.io.scratch import scratch_folder
with scratch_folder(sys.argv[1], ".made-") as folder:
    open(f"{folder}/half", "w").close()
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that fills a scratch folder, and that folder."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    folder = process.stdout.readline().strip()
    os.utime(folder, (_LONG_AGO, _LONG_AGO))
    yield process, folder
    process.kill()
    process.communicate()


def _made(parent) -> list[str]:
    return [name for name in os.listdir(parent) if name.startswith(".made-")]


def test_it_goes_when_the_block_ends_well_or_not(tmp_path):
    with scratch_folder(str(tmp_path / "new"), ".made-") as folder:
        assert os.path.dirname(folder) == str(tmp_path / "new")
        with open(os.path.join(folder, "a"), "w") as file:
            file.write("a")
    with pytest.raises(KeyboardInterrupt), scratch_folder(str(tmp_path / "new"), ".made-"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path / "new") == []


def test_what_is_moved_away_stays(tmp_path):
    with scratch_folder(str(tmp_path), ".made-") as folder:
        with open(os.path.join(folder, "a"), "w") as file:
            file.write("a")
        os.rename(folder, tmp_path / "whole")
    assert os.listdir(tmp_path) == ["whole"]
    assert (tmp_path / "whole" / "a").read_text() == "a"


def test_one_that_a_process_fills_stays_and_that_of_a_killed_one_goes(tmp_path, holder):
    process, folder = holder
    with scratch_folder(str(tmp_path), ".made-"):
        assert os.path.isfile(f"{folder}/half")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert os.path.isfile(f"{folder}/half")
    with scratch_folder(str(tmp_path), ".made-") as other:
        assert _made(tmp_path) == [os.path.basename(other)]


def test_one_that_was_only_just_made_stays_and_so_do_others_files(tmp_path):
    (tmp_path / ".made-young").mkdir()
    (tmp_path / ".others").mkdir()
    (tmp_path / ".made-file").write_text("no folder")
    (tmp_path / ".made-link").symlink_to(tmp_path / ".others")
    for name in (".others", ".made-file"):
        os.utime(tmp_path / name, (_LONG_AGO, _LONG_AGO))
    with scratch_folder(str(tmp_path), ".made-"):
        pass
    assert sorted(os.listdir(tmp_path)) == [".made-file", ".made-link", ".made-young", ".others"]
    os.utime(tmp_path / ".made-young", (time.time() - 3600,) * 2)
    with scratch_folder(str(tmp_path), ".made-"):
        pass
    assert ".made-young" not in os.listdir(tmp_path)


def test_a_parent_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BrevettiError, match="file"), scratch_folder(str(tmp_path / "file" / "deep"), ".made-"):
        raise AssertionError("not reached")

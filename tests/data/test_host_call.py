import gc
import logging
import subprocess
import sys
import threading
import time
import traceback
import weakref
from pathlib import Path

import pytest

from brevetti_keras.data.host_call import HostCall
from brevetti_keras.utils.errors import DecodeError
from tests.support.images import write_image_folder

PROGRAM = """
import sys
import pandas as pd
from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline

generator = DataGenerator(pd.DataFrame({"path": sys.argv[1:]}), batch_size=4, shuffle=True, repeat=True, seed=0)
iterator = iter(generator.map([ImagePipeline(target_size=(300, 300)), ImageAugmenter()]).get_dataset())
next(iterator)
print("the end")
"""


def test_a_call_is_the_function_until_the_program_ends_and_then_its_blank() -> None:
    call = HostCall(lambda value: value + 1, blank=lambda value: -value)
    assert call(3) == 4
    call.close()
    assert call(3) == -3


def test_without_a_blank_the_function_goes_on() -> None:
    call = HostCall(lambda value: value + 1)
    call.close()
    assert call(3) == 4


def test_an_error_of_the_function_is_its_callers() -> None:
    call = HostCall(lambda: [][0])
    with pytest.raises(IndexError):
        call()
    call.close()


def test_an_error_of_ours_is_one_line_and_the_log_has_what_led_to_it(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        try:
            raise OSError("the disk")
        except OSError as error:
            raise DecodeError("/a.png", "expected an image") from error

    caplog.set_level(logging.DEBUG)
    call = HostCall(fail)
    with pytest.raises(DecodeError, match=r"^/a\.png: expected an image$") as caught:
        call()
    call.close()
    told = "".join(traceback.format_exception(caught.value))
    assert "the disk" not in told
    assert "in fail" not in told
    assert "the disk" in caplog.text
    assert "in fail" in caplog.text


def test_what_a_call_held_is_let_go_with_it() -> None:
    class Images:
        def load(self) -> int:
            return 1

    images = Images()
    gone = weakref.ref(images)
    call = HostCall(images.load)
    assert call() == 1
    del images, call
    gc.collect()
    assert gone() is None


def test_closing_waits_for_what_runs_and_for_a_moment_of_quiet() -> None:
    started, ended = threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        time.sleep(0.5)
        ended.set()

    call = HostCall(slow)
    thread = threading.Thread(target=call)
    thread.start()
    assert started.wait(60)
    call.close()
    assert ended.is_set()
    thread.join()


def test_closing_what_never_ran_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    call = HostCall(len)
    monkeypatch.setattr(call._changed, "wait", lambda seconds: pytest.fail(f"it waits for {seconds:g} s"))
    call.close()


def test_a_program_ends_while_an_endless_dataset_is_being_prepared(tmp_path: Path) -> None:
    paths = sorted(str(path) for path in write_image_folder(tmp_path, {"a": 8}, size=(400, 400)).rglob("*.png"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *paths], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "the end\n"

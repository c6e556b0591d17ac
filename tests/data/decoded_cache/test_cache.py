import copy
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.decoded_cache import CacheSpace, DecodedCache
from brevetti_keras.utils.errors import DecodeError
from tests.support.numbered_files import NumberReader

FILL = """
import sys
from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.decoded_cache import DecodedCache
from tests.support.numbered_files import NumberReader
root, memory, side, *paths = sys.argv[1:]
cache = DecodedCache(root, NumberReader(int(side)), HashMemory(memory))
print("ready", flush=True)
for start in range(0, len(paths), 8):
    cache.load(paths[start:start + 8])
print(len(cache.reader.decoded), flush=True)
"""


def filling(root: str, tmp_path: Path, paths: list[str], side: int = 8) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "error", "-c", FILL, root, str(tmp_path / "hashes.sqlite3"), str(side), *paths]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()})


def expected(reader: NumberReader, numbers) -> list[np.ndarray]:
    return [reader.picture(number) for number in numbers]


def equal(images, pictures) -> bool:
    return len(images) == len(pictures) and all(
        image.dtype == picture.dtype and np.array_equal(image, picture)
        for image, picture in zip(images, pictures, strict=True)
    )


def files(root: str, ending: str) -> list[Path]:
    return sorted(Path(root).glob(f"*/*{ending}"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_what_one_job_decoded_the_next_one_reads(folder, open_cache, dtype):
    paths = folder.fill(20)
    first = open_cache(dtype=dtype)
    pictures = expected(first.reader, range(20))
    assert equal(first.load(paths), pictures)
    together = first.load(paths)
    assert isinstance(together, np.ndarray)
    assert equal(together, pictures)
    assert len(first.reader.decoded) == 20
    second = open_cache(dtype=dtype)
    assert equal(second.load(paths[::-1]), pictures[::-1])
    assert equal(second.load(paths), pictures)
    assert second.reader.decoded == []


def test_equal_content_is_decoded_once_wherever_it_lies(folder, open_cache):
    cache = open_cache()
    assert equal(cache.load([folder.write("a", 7), folder.write("b", 7)]), expected(cache.reader, [7, 7]))
    cache.load([folder.write("moved", 7)])
    assert cache.reader.decoded == ["a"]


def test_other_settings_are_other_pictures(folder, open_cache):
    paths = folder.fill(3)
    small, large = open_cache(side=4), open_cache(side=6)
    assert small.load(paths)[0].shape == (4, 4, 3)
    assert large.load(paths)[0].shape == (6, 6, 3)
    assert equal(open_cache(side=4).load(paths), expected(NumberReader(4), range(3)))


def test_what_was_loaded_before_stays_and_is_used_again_once_let_go(folder, open_cache):
    paths = folder.fill(8)
    cache = open_cache()
    cache.load(paths)
    first, second = cache.load(paths[:4]), cache.load(paths[4:])
    assert isinstance(first, np.ndarray)
    assert equal(first, expected(cache.reader, range(4)))
    assert equal(second, expected(cache.reader, range(4, 8)))
    where = first.__array_interface__["data"][0]
    part = first[2]
    del first
    assert cache.load(paths[:4]).__array_interface__["data"][0] != where
    assert equal([part], expected(cache.reader, [2]))
    del part
    assert cache.load(paths[4:]).__array_interface__["data"][0] == where


def test_pictures_of_several_sizes_come_one_by_one(folder, open_cache):
    paths = [folder.write("a", 1), folder.write("b", -2)]
    open_cache().load(paths)
    cache = open_cache()
    cache.load(paths)
    images = cache.load(paths)
    assert isinstance(images, list)
    assert equal(images, expected(cache.reader, [1, -2]))


def test_a_changed_file_is_another_picture(folder, open_cache):
    cache = open_cache()
    path = folder.write("a", 100)
    cache.load([path])
    folder.write("a", 200, age=500)
    assert equal(cache.load([path]), expected(cache.reader, [200]))
    assert equal(open_cache().load([path]), expected(cache.reader, [200]))
    folder.write("a", 100)
    assert equal(open_cache().load([path]), expected(cache.reader, [100]))
    assert cache.reader.decoded == ["a", "a"]


def test_a_relative_path_is_another_file_in_another_folder(folder, open_cache, monkeypatch):
    first = folder.write("a", 100)
    monkeypatch.chdir(os.path.dirname(first))
    cache = open_cache()
    assert equal(cache.load(["a"]), expected(cache.reader, [100]))
    os.mkdir("inner")
    second = folder.write("inner/a", 200)
    assert os.stat(first).st_size == os.stat(second).st_size
    shutil.copystat(first, second)
    monkeypatch.chdir("inner")
    assert equal(cache.load(["a"]), expected(cache.reader, [200]))
    assert equal(open_cache().load(["a"]), expected(cache.reader, [200]))


def test_a_file_written_just_now_is_known_by_its_content_alone(folder, open_cache):
    cache = open_cache()
    path = folder.write("a", 100, age=0)
    stat = os.stat(path)
    cache.load([path])
    folder.write("a", 200, age=0)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert equal(cache.load([path]), expected(cache.reader, [200]))


def test_a_file_that_changes_while_it_is_read_is_not_known_by_its_time(folder, open_cache, monkeypatch):
    cache = open_cache()
    path = folder.write("a", 100)
    read = cache.reader.read

    def changing(name):
        data = read(name)
        folder.write("a", 200, age=500)
        return data

    monkeypatch.setattr(cache.reader, "read", changing)
    assert equal(cache.load([path]), expected(cache.reader, [100]))
    monkeypatch.undo()
    assert equal(cache.load([path]), expected(cache.reader, [200]))
    assert equal(open_cache().load([path]), expected(cache.reader, [200]))


def test_a_missing_file_is_the_readers_error(folder, open_cache):
    path = folder.write("a", 1)
    cache = open_cache()
    cache.load([path])
    os.unlink(path)
    with pytest.raises(DecodeError, match="expected a file"):
        cache.load([path])
    with pytest.raises(DecodeError):
        cache.load([path + "\0"])


def test_what_was_done_before_an_error_is_kept(folder, open_cache):
    paths = [folder.write("a", 1), str(folder.root / "missing"), folder.write("b", 2)]
    cache = open_cache()
    with pytest.raises(DecodeError):
        cache.load(paths)
    cache.load([paths[0], paths[2]])
    assert cache.reader.decoded == ["a", "b"]


@given(
    flips=st.lists(
        st.tuples(st.sampled_from([".pixels", ".index"]), st.floats(0, 0.999), st.integers(0, 7)), max_size=4
    ),
    cuts=st.lists(st.tuples(st.sampled_from([".pixels", ".index"]), st.floats(0, 1)), max_size=2),
    before=st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_decoded_again_and_never_shown(tmp_path, root, folder_of_ten, flips, cuts, before):
    shutil.rmtree(root, ignore_errors=True)
    hashes = HashMemory(str(tmp_path / "hashes.sqlite3"))

    def opened() -> DecodedCache:
        return DecodedCache(root, NumberReader(), hashes)

    pictures = expected(NumberReader(), range(10))
    running = opened()
    running.load(folder_of_ten)
    if before:
        running.load(folder_of_ten)
    for ending, place, bit in flips:
        (path,) = files(root, ending)
        data = bytearray(path.read_bytes())
        if data:
            data[int(place * len(data))] ^= 1 << bit
        path.write_bytes(data)
    for ending, share in cuts:
        (path,) = files(root, ending)
        os.truncate(path, int(share * path.stat().st_size))
    assert equal(running.load(folder_of_ten), pictures)
    next_job = opened()
    assert equal(next_job.load(folder_of_ten), pictures)
    last = opened()
    assert equal(last.load(folder_of_ten), pictures)
    assert last.reader.decoded == []


@pytest.fixture
def folder_of_ten(folder):
    return folder.fill(10)


def test_damage_is_said_and_mended_for_every_job(folder, open_cache, root, caplog):
    paths = folder.fill(4)
    open_cache().load(paths)
    (pixels,) = files(root, ".pixels")
    data = bytearray(pixels.read_bytes())
    data[1] ^= 1
    pixels.write_bytes(data)
    cache = open_cache()
    cache.load(paths)
    assert cache.reader.decoded == ["0.txt"]
    assert caplog.text.count("is damaged and is decoded again") == 1
    assert open_cache().load(paths) is not None
    assert caplog.text.count("is damaged") == 1


def test_damage_of_a_whole_file_is_said_once(folder, open_cache, root, caplog):
    paths = folder.fill(20)
    open_cache().load(paths)
    (pixels,) = files(root, ".pixels")
    os.truncate(pixels, 1)
    cache = open_cache()
    assert equal(cache.load(paths), expected(NumberReader(), range(20)))
    assert len(cache.reader.decoded) == 20
    assert caplog.text.count("is damaged") == 1
    assert str(pixels).removesuffix(".pixels") in caplog.text


def test_jobs_fill_it_side_by_side(folder, tmp_path, open_cache, root):
    paths = folder.fill(64)
    jobs = [filling(root, tmp_path, paths if number % 2 else paths[::-1]) for number in range(3)]
    for job in jobs:
        output, _ = job.communicate(timeout=240)
        assert job.returncode == 0
        assert output.startswith("ready")
    cache = open_cache()
    assert equal(cache.load(paths), expected(cache.reader, range(64)))
    assert cache.reader.decoded == []


def test_a_killed_job_leaves_what_it_had_and_the_next_goes_on(folder, tmp_path, open_cache, root):
    paths = folder.fill(300)
    for wait in (0.0, 0.01, 0.05):
        job = filling(root, tmp_path, paths, side=64)
        assert job.stdout is not None
        job.stdout.readline()
        time.sleep(wait)
        job.send_signal(signal.SIGKILL)
        job.communicate()
        cache = open_cache(side=64)
        some = paths[:: 7 + int(1000 * wait)]
        assert equal(cache.load(some), [cache.reader.picture(paths.index(path)) for path in some])
    # Ended jobs hold nothing: what they began is continued, not begun again.
    assert len(files(root, ".pixels")) <= 2


def test_threads_load_side_by_side(folder, open_cache):
    paths = folder.fill(64)
    cache = open_cache()
    results: dict[int, bool] = {}

    def load(number: int) -> None:
        order = list(np.random.default_rng(number).permutation(64))
        pictures = expected(cache.reader, order)
        results[number] = all(equal(cache.load([paths[i] for i in order]), pictures) for _ in range(3))

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(4), True)


def test_a_full_disk_is_said_once_and_files_are_decoded(folder, open_cache, monkeypatch, caplog, root):
    paths = folder.fill(6)
    real = os.pwrite
    written = []

    def filling_up(descriptor, data, offset):
        if len(written) >= 5:  # in the middle of the third picture
            raise OSError(28, "No space left on device")
        written.append(offset)
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", filling_up)
    cache = open_cache()
    for _ in range(2):
        assert equal(cache.load(paths), expected(cache.reader, range(6)))
    assert caplog.text.count("No space left on device") == 1
    assert len(cache.reader.decoded) == 6 + 4
    monkeypatch.undo()
    # What did not fit was given back, and the next job writes behind what did.
    assert files(root, ".index")[0].stat().st_size == 128
    later = open_cache()
    assert equal(later.load(paths), expected(later.reader, range(6)))
    assert len(later.reader.decoded) == 4


def test_a_place_that_cannot_be_written_is_said_once(folder, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = DecodedCache(str(tmp_path / "file" / "cache"), NumberReader(), HashMemory(str(tmp_path / "h.sqlite3")))
    paths = folder.fill(3)
    for _ in range(2):
        assert equal(cache.load(paths), expected(cache.reader, range(3)))
    assert caplog.text.count("no more decoded images are kept") == 1


def test_it_says_where_and_how_much(folder, open_cache, root, caplog):
    caplog.set_level("INFO")
    cache = open_cache()
    cache.load(folder.fill(3))
    cache.load(folder.fill(3))
    assert caplog.text.count(f"decoded images are kept in {root}, at most") == 1


def test_what_is_in_use_is_not_removed_and_the_rest_is_decoded_each_time(folder, open_cache, monkeypatch, caplog):
    monkeypatch.setenv("BREVETTI_DECODED_GB", "2e-6")
    paths = folder.fill(20)  # 192 bytes each
    cache = open_cache()
    for _ in range(2):
        assert equal(cache.load(paths), expected(cache.reader, range(20)))
    assert caplog.text.count("no room within 2 kB, see BREVETTI_DECODED_GB") == 1
    kept = 40 - len(cache.reader.decoded)
    assert 5 <= kept <= 10
    assert CacheSpace(cache.root).used <= 2000


def test_the_least_recently_used_goes_first(folder, open_cache, monkeypatch, root):
    monkeypatch.setenv("BREVETTI_DECODED_GB", "16e-6")
    paths = folder.fill(16)
    for side, age in ((8, 300), (9, 100), (10, 200)):
        open_cache(side=side).load(paths)
        for shard in files(root, ".pixels"):
            if time.time() - shard.stat().st_mtime < 50:
                os.utime(shard, (time.time() - age, time.time() - age))
    before = {path.parent for path in files(root, ".pixels")}
    assert len(before) == 3
    open_cache(side=11).load(paths)
    assert CacheSpace(root).used <= 16_000
    assert open_cache(side=9).load(paths) is not None
    oldest, newest = open_cache(side=8), open_cache(side=9)
    oldest.load(paths)
    newest.load(paths)
    assert len(oldest.reader.decoded) > len(newest.reader.decoded) == 0


def test_nothing_is_kept_when_told_so(folder, open_cache, monkeypatch, root, caplog):
    monkeypatch.setenv("BREVETTI_DECODED_GB", "0")
    cache = open_cache()
    assert equal(cache.load(folder.fill(3)), expected(cache.reader, range(3)))
    assert not os.path.exists(root)
    assert caplog.text == ""


def test_a_cache_that_is_removed_under_a_job_is_begun_again(folder, open_cache, root):
    paths = folder.fill(8)
    cache = open_cache()
    cache.load(paths[:4])
    cache.load(paths[:4])
    shutil.rmtree(root)
    assert equal(cache.load(paths), expected(cache.reader, range(8)))
    assert equal(cache.load(paths), expected(cache.reader, range(8)))
    assert files(root, ".pixels")


def test_a_copy_opens_it_for_itself(folder, open_cache):
    paths = folder.fill(3)
    cache = open_cache()
    cache.load(paths)
    for other in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        other.reader.decoded.clear()
        assert equal(other.load(paths), expected(cache.reader, range(3)))
        assert other.reader.decoded == []


def test_a_forked_process_writes_a_shard_of_its_own(folder, open_cache):
    paths = folder.fill(20)
    cache = open_cache()
    cache.load(paths[:2])
    child = os.fork()
    if child == 0:
        cache.load(paths[2:10])
        os._exit(0)
    cache.load(paths[10:])
    assert os.waitpid(child, 0)[1] == 0
    later = open_cache()
    assert equal(later.load(paths), expected(later.reader, range(20)))
    assert later.reader.decoded == []

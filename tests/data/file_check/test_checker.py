import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.decoded_cache import CacheSpace, DecodedCache
from brevetti_keras.data.file_check import checker as checking
from brevetti_keras.data.file_check.checker import FileChecker
from brevetti_keras.data.image.decode import read_image
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.leaks.signature import hash_pixels
from tests.support.odd_images import broken_files, encode, sound_files

SOUND, BROKEN = sound_files(), broken_files()


def png(pixels: np.ndarray) -> bytes:
    return encode(Image.fromarray(pixels), "PNG")


@pytest.fixture
def asked(monkeypatch):
    """Collects the files that are given to a child process."""
    names: list[str] = []
    real = checking.WorkerPool.check

    def counted(self, path):
        names.append(os.path.basename(path))
        return real(self, path)

    monkeypatch.setattr(checking.WorkerPool, "check", counted)
    return names


def etags(checker: FileChecker, paths: list[str]) -> list[str]:
    stats = [os.stat(path) for path in paths]
    return checker.etags(paths, [s.st_size for s in stats], [s.st_mtime_ns for s in stats])


def test_hashes_and_verdicts_come_from_one_reading_and_are_remembered(put, memory, asked):
    contents = {"a.png": SOUND["rgb.png"], "b.jpg": BROKEN["half.jpeg"], "c.jpg": BROKEN["text.jpg"], "d.jpg": b""}
    paths = [put(name, data) for name, data in contents.items()]
    expected = [hashlib.md5(data).hexdigest() for data in contents.values()]
    reasons = []
    for _ in range(2):
        with FileChecker(memory=memory, workers=2) as checker:
            assert etags(checker, paths) == expected
            reasons.append([checker.verify(path) for path in paths])
    assert sorted(asked) == ["a.png", "b.jpg", "c.jpg", "d.jpg"]
    assert reasons[0] == reasons[1]
    assert reasons[0][0] is None
    assert all("\n" not in reason and reason.startswith("expected") for reason in reasons[0][1:])
    stats = [os.stat(path) for path in paths]
    assert HashMemory(memory).recall([(p, s.st_size, s.st_mtime_ns) for p, s in zip(paths, stats, strict=True)]) == (
        expected
    )


def test_pixel_hashes_are_those_of_the_decoded_pictures_and_are_remembered(put, memory, asked):
    names = ["rgb.png", "cmyk.jpg", "palette.bmp", "animated.gif", "lzw.tif"]
    paths = [put(name, SOUND[name]) for name in names] + [put("half.png", BROKEN["half.png"])]
    expected = {hashlib.md5(SOUND[os.path.basename(p)]).hexdigest(): hash_pixels(read_image(p)) for p in paths[:-1]}
    with FileChecker(memory=memory, workers=1) as checker:
        etags(checker, paths)
        assert checker.pixel_hashes == {}
    for _ in range(2):
        with FileChecker(memory=memory, workers=1, hash_pixels=True) as checker:
            etags(checker, paths)
            assert checker.pixel_hashes == expected
            assert "truncated" in str(checker.verify(paths[-1]))
    # What was judged without its hash is read once more; what cannot be used has none.
    assert [asked.count(os.path.basename(path)) for path in paths] == [2] * (len(paths) - 1) + [1]


def test_pixel_hashes_are_of_the_whole_picture_where_a_cache_keeps_a_smaller_one(put, memory, tmp_path):
    path = put("rgb.png", SOUND["rgb.png"])
    caches = [(str(tmp_path / "cache"), PixelReader(target_size=(2, 2)))]
    with FileChecker(caches=caches, memory=memory, workers=1, hash_pixels=True) as checker:
        (etag,) = etags(checker, [path])
        assert checker.pixel_hashes == {etag: hash_pixels(read_image(path))}


def test_a_changed_file_is_judged_again(put, memory):
    path = put("a.png", SOUND["rgb.png"])
    with FileChecker(memory=memory, workers=1) as checker:
        etags(checker, [path])
        assert checker.verify(path) is None
    put("a.png", BROKEN["half.png"], age=50)
    with FileChecker(memory=memory, workers=1) as checker:
        assert "truncated" in str(checker.verify(path))
    put("a.png", SOUND["rgb.png"], age=30)
    with FileChecker(memory=memory, workers=1) as checker:
        assert checker.verify(path) is None


def test_a_file_written_just_now_is_judged_by_each_job(put, memory, asked):
    path = put("a.png", SOUND["rgb.png"], age=0)
    for _ in range(2):
        with FileChecker(memory=memory, workers=1) as checker:
            etags(checker, [path])
            assert checker.verify(path) is None
    assert asked == ["a.png", "a.png"]


def test_another_limit_is_another_judgement(put, memory):
    path = put("a.png", SOUND["rgb.png"])
    for max_pixels, sound in ((5000, False), (6000, True), (5000, False)):
        with FileChecker(max_pixels, memory=memory, workers=1) as checker:
            etags(checker, [path])
            assert (checker.verify(path) is None) == sound


def test_it_says_once_where_decoded_images_go(put, memory, tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO")
    root = str(tmp_path / "decoded")
    for caches, size, count in (
        ([(root, PixelReader())], "0.009", 1),
        ([(root, PixelReader())], "0", 0),
        ([], "0.009", 0),
    ):
        monkeypatch.setenv("BREVETTI_DECODED_GB", size)
        caplog.clear()
        with FileChecker(caches=caches, memory=memory, workers=1) as checker:
            for number in range(2):
                etags(checker, [put(f"{size}{len(caches)}{number}.png", SOUND["rgb.png"])])
        assert caplog.text.count(f"decoded images are kept in {root}, at most 9 MB") == count


def test_files_are_decoded_into_the_cache(put, memory, tmp_path, monkeypatch):
    names = ["rgb.png", "progressive.jpg", "cmyk.jpg", "palette.bmp", "lzw.tif"]
    paths = [put(name, SOUND[name]) for name in names]
    root, reader = str(tmp_path / "decoded"), PixelReader(target_size=(16, 16), color_mode="greyscale")
    with FileChecker(caches=[(root, reader)], memory=memory, workers=2) as checker:
        etags(checker, paths)
    assert CacheSpace(root).used >= len(paths) * 256
    cache = DecodedCache(root, reader, HashMemory(memory))
    expected = [reader.decode(path, reader.read(path)) for path in paths]
    monkeypatch.setattr(PixelReader, "decode", None)  # nothing is left to decode
    for image, other in zip(cache.load(paths), expected, strict=True):
        assert (image == other).all()


def test_what_is_too_small_for_a_region_is_unfit_for_this_job_alone(put, memory, tmp_path):
    path = put("a.png", SOUND["rgb.png"])
    root = str(tmp_path / "decoded")
    for _ in range(2):
        with FileChecker(caches=[(root, PixelReader(rois=(((0, 0), (90, 10)),)))], memory=memory, workers=1) as checker:
            etags(checker, [path])
            assert "at least 90 x 10 pixels" in str(checker.verify(path))
    with FileChecker(memory=memory, workers=1) as checker:
        etags(checker, [path])
        assert checker.verify(path) is None


def test_a_known_file_is_still_tried_with_settings_that_may_refuse_it(put, memory, tmp_path, asked):
    path, root = put("a.png", SOUND["rgb.png"]), str(tmp_path / "decoded")
    regions = [(root, PixelReader(rois=(((0, 0), (9, 9)),)))]
    plain = [(root, PixelReader(target_size=(9, 9)))]
    for caches in (plain, regions, regions, plain):
        with FileChecker(caches=caches, memory=memory, workers=1) as checker:
            etags(checker, [path])
            assert checker.verify(path) is None
    assert asked == ["a.png", "a.png"]


def test_a_limit_holds_whatever_other_jobs_have_put_into_the_cache(put, memory, tmp_path):
    paths = [put("large.png", png(np.zeros((300, 300), np.uint8))), put("small.png", SOUND["rgb.png"])]

    def verdicts(limit, of_the_reader):
        reader = PixelReader(target_size=(8, 8), max_pixels=of_the_reader)
        with FileChecker(limit, [(str(tmp_path / "cache"), reader)], memory=memory) as checker:
            etags(checker, paths)
            return [checker.verify(path) for path in paths]

    refused = ["expected at most 0.01 megapixels, received 0.1 (300 x 300)", None]
    assert verdicts(10**6, 10_000) == refused
    assert verdicts(10**6, 10_000) == refused
    assert verdicts(10**6, 10**6) == [None, None]
    assert verdicts(10**6, 10_000) == refused
    assert verdicts(10_000, 10**6) == refused


def test_a_job_s_own_limit_holds_where_its_pipeline_would_take_more(put, memory, tmp_path):
    path = put("large.png", png(np.zeros((300, 300), np.uint8)))
    caches = [(str(tmp_path / "cache"), PixelReader(target_size=(8, 8)))]
    for _ in range(2):
        with FileChecker(10_000, caches, memory=memory) as checker:
            etags(checker, [path])
            assert "at most 0.01 megapixels" in str(checker.verify(path))


@pytest.mark.parametrize("cached", [True, False])
def test_what_is_unfit_is_so_with_and_without_a_cache_and_in_every_job(put, memory, tmp_path, cached):
    color = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encode(Image.fromarray(color), "PNG", exif=exif)  # 40 rows of 30 pixels once it is turned
    names = {"color.png": png(color), "grey.png": png(color[..., 0]), "lying.png": lying, "small.png": png(color[:9])}
    paths = [put(name, data) for name, data in names.items()]

    def unfit(**settings):
        place = str(tmp_path / "cache") if cached else False
        with FileChecker(caches=[(place, PixelReader(**settings))], memory=memory) as checker:
            etags(checker, paths)
            return {os.path.basename(path) for path in paths if checker.verify(path)}

    for _ in range(2):
        assert unfit(rois=(((0, 0), (40, 30)),)) == {"lying.png", "small.png"}
        assert unfit(rois=(((0, 0), (30, 40)),)) == {"color.png", "grey.png", "small.png"}
        assert unfit(color_mode="bayer") == {"color.png", "lying.png", "small.png"}
        assert unfit(max_pixels=1000) == {"color.png", "grey.png", "lying.png"}
        assert unfit() == set()


def test_without_a_cache_what_fits_by_its_size_is_not_read_again(put, memory, asked):
    path = put("1.png", SOUND["rgb.png"])
    for _ in range(3):
        with FileChecker(caches=[(False, PixelReader(rois=(((0, 0), (4, 4)),)))], memory=memory) as checker:
            etags(checker, [path])
            assert checker.verify(path) is None
    assert asked == ["1.png"]


def test_a_file_that_broke_since_it_was_judged_is_no_longer_sound(put, memory):
    with FileChecker(memory=memory) as checker:
        verdicts = []
        for data in (SOUND["rgb.png"], BROKEN["half.png"], SOUND["rgb.png"]):
            path = put("1.png", data)
            etags(checker, [path])
            verdicts.append(checker.verify(path))
    assert verdicts[0] is None
    assert "truncated" in str(verdicts[1])
    assert verdicts[2] is None


def test_files_that_are_not_there_have_a_reason(put, memory, tmp_path):
    with FileChecker(memory=memory, workers=1) as checker:
        assert checker.etags([str(tmp_path / "no")], [1], [1]) == [""]
        assert "none" in str(checker.verify(str(tmp_path / "no")))
        assert "No such file" in str(checker.verify(str(tmp_path / "neither")))


def test_a_pipe_among_the_files_is_judged_and_not_waited_for(memory, tmp_path):
    path = str(tmp_path / "pipe.png")
    os.mkfifo(path)
    with FileChecker(memory=memory) as checker:
        assert checker.etags([path], [0], [0]) == [""]
        assert checker.verify(path) == (
            "expected a readable image file: a pipe, a device or a socket stands where a file is needed"
        )


def test_no_files_start_no_process(memory, asked, put):
    with FileChecker(memory=memory) as checker:
        assert checker.etags([], [], []) == []
    assert asked == []


def test_odd_names_are_read(put, memory):
    for name in ("new\nline.png", "quote'\".png", "bad\udcff.png", "ünïcode.png"):
        path = put(name, SOUND["rgb.png"])
        with FileChecker(memory=memory, workers=1) as checker:
            assert etags(checker, [path]) == [hashlib.md5(SOUND["rgb.png"]).hexdigest()]
            assert checker.verify(path) is None


def test_it_works_again_after_it_was_closed(put, memory):
    checker = FileChecker(memory=memory, workers=1)
    for name in ("a.png", "b.png"):
        path = put(name, SOUND["rgb.png"])
        etags(checker, [path])
        assert checker.verify(path) is None
        checker.close()


def test_hundreds_of_files_are_remembered_to_the_last(put, memory, asked, monkeypatch):
    monkeypatch.setattr(checking, "_SAVE_EVERY", 7)
    paths = [put(f"{number}.png", SOUND["rgb.png"] + bytes([number])) for number in range(30)]
    for _ in range(2):
        with FileChecker(memory=memory, workers=2) as checker:
            assert len(set(etags(checker, paths))) == 30
    assert len(asked) == 30
    assert Path(memory).is_file()

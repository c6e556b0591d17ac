import gzip
import hashlib
import io
import json
import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.model_package.archive import MEMBERS, pack, read_manifest, unpack
from brevetti_keras.utils.errors import BrevettiError, IntegrityError, InvalidInputError, NotFoundError, StorageError

CONTENT = {
    "model.keras": b"weights" * 300,
    "classes.json": b'["bad","good"]',
    "image_pipeline.json": b"null",
    "metadata.json": b"{}",
}


def written(folder: Path, data: bytes) -> str:
    path = folder / "package.tar.gz"
    path.write_bytes(data)
    return str(path)


def plain() -> bytes:
    return pack(CONTENT, name="vials", version="3f2a9c81d04e")


def manifest_of(content: dict[str, bytes]) -> bytes:
    files = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in content.items()}
    return json.dumps(
        {
            "format": "brevetti-keras model package",
            "format_version": 1,
            "name": "vials",
            "version": "1",
            "files": files,
        }
    ).encode()


def tar_of(
    *extra: tarfile.TarInfo, content: dict[str, bytes] | None = None, tar_format: int = tarfile.USTAR_FORMAT
) -> bytes:
    """A correct package followed by members of `extra`, each as large as it says."""
    content = CONTENT if content is None else content
    buffer = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=buffer, format=tar_format) as tar:
        for name, data in {"manifest.json": manifest_of(content), **content}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in extra:
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def test_gives_back_what_was_packed(tmp_path: Path) -> None:
    members = unpack(written(tmp_path, plain()))
    manifest = read_manifest(members)
    assert {name: members[name] for name in CONTENT} == CONTENT
    assert set(members) == set(MEMBERS)
    assert (manifest["name"], manifest["version"]) == ("vials", "3f2a9c81d04e")
    assert manifest["files"]["classes.json"] == {
        "size": 14,
        "sha256": hashlib.sha256(CONTENT["classes.json"]).hexdigest(),
    }


def test_equal_content_gives_equal_bytes() -> None:
    assert plain() == plain()
    assert plain() != pack({**CONTENT, "classes.json": b"[]"}, name="vials", version="3f2a9c81d04e")


def test_any_tar_program_can_list_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(plain())) as tar:
        assert tar.getnames() == ["manifest.json", *CONTENT]
        assert all(info.isreg() for info in tar)


def test_accepts_a_package_written_by_another_tar_writer(tmp_path: Path) -> None:
    assert unpack(written(tmp_path, tar_of()))["model.keras"] == CONTENT["model.keras"]


@pytest.mark.parametrize(
    "info",
    [
        member("../x"),
        member("/etc/cron.d/x"),
        member("model.keras/../../x"),
        member("classes.json", tarfile.SYMTYPE, "/etc/passwd"),
        member("extra.json", tarfile.SYMTYPE, "/etc/passwd"),
        member("extra.json", tarfile.LNKTYPE, "model.keras"),
        member("device", tarfile.CHRTYPE),
        member("device", tarfile.BLKTYPE),
        member("pipe", tarfile.FIFOTYPE),
        member("folder", tarfile.DIRTYPE),
        member("metadata.json"),
        member("stranger.txt"),
        member("a" * 90 + "/" + "b" * 60),
        member(""),
    ],
    ids=lambda info: f"{info.name[:20]}-{info.type!r}",
)
def test_refuses_whatever_is_no_part_of_a_package(tmp_path: Path, info: tarfile.TarInfo) -> None:
    before = sorted(os.listdir(tmp_path))
    path = written(tmp_path, tar_of(info))
    with pytest.raises(InvalidInputError, match=r"expected a model package as package_model writes it, received"):
        unpack(path)
    assert sorted(os.listdir(tmp_path)) == [*before, "package.tar.gz"]


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_refuses_a_chain_of_long_names(tmp_path: Path, tar_format: int) -> None:
    with pytest.raises(InvalidInputError):
        unpack(written(tmp_path, tar_of(member("model.keras/" + "x/" * 400 + "y"), tar_format=tar_format)))


def test_refuses_a_bomb_before_it_unpacks(tmp_path: Path) -> None:
    bomb = {**CONTENT, "model.keras": bytes(200_000_000)}
    path = written(tmp_path, tar_of(content=bomb))
    assert os.path.getsize(path) < 1_000_000
    del bomb
    tracemalloc.start()
    with pytest.raises(InvalidInputError, match=r"model\.keras of 200000000 bytes, more than the"):
        unpack(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_refuses_a_size_that_the_file_does_not_have(tmp_path: Path) -> None:
    data = bytearray(gzip.decompress(plain()))
    at = data.index(b"model.keras\0")
    header = bytearray(data[at : at + 512])
    header[124:136] = b"%011o\0" % (900_000)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data[at : at + 512] = header
    with pytest.raises((IntegrityError, InvalidInputError)):
        unpack(written(tmp_path, gzip.compress(bytes(data))))


def test_refuses_a_million_members_at_the_first_stranger(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=buffer, format=tarfile.USTAR_FORMAT) as tar:
        for index in range(2000):
            tar.addfile(member(f"{index}.json"))
    with pytest.raises(InvalidInputError, match=r"'0\.json'"):
        unpack(written(tmp_path, buffer.getvalue()))


def test_refuses_what_follows_the_end(tmp_path: Path) -> None:
    data = gzip.decompress(plain())
    for tail in (b"x", bytes(20 * 512 + 1), tar_of()):
        with pytest.raises((InvalidInputError, IntegrityError)):
            unpack(written(tmp_path, gzip.compress(data + tail)))


def test_refuses_data_in_the_padding(tmp_path: Path) -> None:
    data = bytearray(gzip.decompress(plain()))
    end_of_manifest = data.index(b"model.keras\0") - 1
    data[end_of_manifest] = 7
    with pytest.raises(IntegrityError, match="data between its files"):
        unpack(written(tmp_path, gzip.compress(bytes(data))))


@pytest.mark.parametrize("left_out", sorted(CONTENT))
def test_refuses_a_package_without_one_of_its_files(tmp_path: Path, left_out: str) -> None:
    less = {name: data for name, data in CONTENT.items() if name != left_out}
    with pytest.raises(InvalidInputError, match=f"an archive without {left_out}"):
        unpack(written(tmp_path, tar_of(content=less)))


def test_notices_content_that_differs_from_its_checksum(tmp_path: Path) -> None:
    data = gzip.decompress(plain()).replace(b'["bad","good"]', b'["good","bad"]')
    with pytest.raises(IntegrityError, match=r"classes\.json differs from its checksum"):
        unpack(written(tmp_path, gzip.compress(data)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b'"format_version": 1', b'"format_version": 2'), "this release reads version 1"),
        ((b"brevetti-keras model package", b"brevetti-keras model packagf"), "format 'brevetti-keras model packagf'"),
        ((b'"format":', b'"farmat":'), "manifest.json of another form"),
        ((b'"files": {', b'"files": ['), "manifest.json of another form"),
        ((b'"classes.json": {', b'"strange.json": {'), "names other files"),
    ],
)
def test_refuses_a_manifest_of_another_form(tmp_path: Path, change: tuple[bytes, bytes], message: str) -> None:
    data = gzip.decompress(plain()).replace(*change, 1)
    with pytest.raises(InvalidInputError, match=message):
        unpack(written(tmp_path, gzip.compress(data)))


@settings(max_examples=40, deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_told_apart_from_a_foreign_one(tmp_path_factory: pytest.TempPathFactory, cut: float) -> None:
    data = plain()
    path = written(tmp_path_factory.mktemp("cut"), data[: int(len(data) * cut)])
    with pytest.raises(BrevettiError):
        unpack(path)


@settings(max_examples=80, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_changes_the_content_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, position: float, bit: int
) -> None:
    data = bytearray(plain())
    data[int(len(data) * position)] ^= 1 << bit
    path = written(tmp_path_factory.mktemp("flip"), bytes(data))
    try:
        members = unpack(path)
    except BrevettiError:
        return
    # The gzip header's own fields (time, system) carry nothing of ours.
    assert {name: members[name] for name in CONTENT} == CONTENT


def test_tells_a_missing_file_a_folder_and_a_foreign_file_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="expected a model package at"):
        unpack(str(tmp_path / "nothing.tar.gz"))
    with pytest.raises(StorageError, match="cannot be read"):
        unpack(str(tmp_path))
    with pytest.raises(InvalidInputError, match="not gzip"):
        unpack(written(tmp_path, b"PK\x03\x04 a zip, say"))
    with pytest.raises(InvalidInputError, match="archive of another kind"):
        unpack(written(tmp_path, gzip.compress(b"x" * 2000)))
    with pytest.raises(BrevettiError):
        unpack(written(tmp_path, b""))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE]
)
def test_refuses_a_known_name_that_is_no_regular_file(tmp_path: Path, kind: bytes) -> None:
    first = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=first, format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(member("manifest.json", kind, "/etc/passwd"))
    with pytest.raises(InvalidInputError, match=r"'manifest\.json/?', which is no regular file"):
        unpack(written(tmp_path, first.getvalue()))

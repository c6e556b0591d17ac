"""The package's container: a gzipped tar of a few known files, written reproducibly and read strictly.

    data = pack({"classes.json": b"[]", "model.keras": b"..."}, name="vials", version="3f2a9c81d04e")
    members = unpack("/tmp/vials.3f2a9c81d04e.tar.gz")      # {"manifest.json": b"...", "classes.json": b"[]", ...}

The reader does not trust the file: it takes regular files of known names only, each once, no larger than what both
their headers and the file's own size allow, and compares each with the manifest. Nothing is ever unpacked to a path
that stands in the archive.
"""

import gzip
import hashlib
import io
import os
import re
import tarfile
import zlib
from collections.abc import Mapping
from typing import IO, Any

from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError, NotFoundError, StorageError

FORMAT = "brevetti-keras model package"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MODEL = "model.keras"
CLASSES = "classes.json"
IMAGE_PIPELINE = "image_pipeline.json"
METADATA = "metadata.json"
MEMBERS = (MANIFEST, MODEL, CLASSES, IMAGE_PIPELINE, METADATA)

# Weights hardly compress, so what unpacks to far more than it weighs is no model.
MAX_RATIO = 100
SLACK = 1 << 20
MAX_TEXT = 16 << 20
MAX_TOTAL = 8 << 30

_BLOCK = 512
_RECORD = 20 * _BLOCK
_OCTAL = re.compile(rb"[0-7]+")


def pack(members: Mapping[str, bytes], *, name: str, version: str) -> bytes:
    """Returns the bytes of an archive; equal members give equal bytes.

    Args:
        members: names to content, the manifest left out.
        name: what the package is called.
        version: identifies what the model predicts.
    """
    files = {key: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for key, data in members.items()}
    manifest = {"format": FORMAT, "format_version": FORMAT_VERSION, "name": name, "version": version, "files": files}
    buffer = io.BytesIO()
    # A fixed time and no file name in the gzip header: the bytes depend on the content alone.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.USTAR_FORMAT) as tar,
    ):
        for key, data in {MANIFEST: to_json(manifest, indent=1).encode(), **members}.items():
            info = tarfile.TarInfo(key)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def unpack(path: str) -> dict[str, bytes]:
    """Reads an archive into memory and checks all of it.

    Args:
        path: a local file.

    Returns:
        Names to content, the manifest included.

    Raises:
        NotFoundError: if there is no such file.
        StorageError: if the system refuses to read it.
        InvalidInputError: if it is no model package, or holds anything a package may not hold.
        IntegrityError: if it is damaged.
    """
    try:
        with open(path, "rb") as file:
            if file.read(2) != b"\x1f\x8b":
                raise _foreign(path, "a file that is not gzip")
            file.seek(0)
            members = _read_members(file, path)
    except FileNotFoundError as error:
        raise NotFoundError(f"expected a model package at {path}, found no file there") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise IntegrityError(f"{path}: this model package is cut short or damaged ({error}); copy it anew") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    _compare_with_manifest(members, path)
    return members


def read_manifest(members: Mapping[str, bytes]) -> dict[str, Any]:
    """Returns the manifest among the members of an unpacked archive."""
    manifest = from_json(members[MANIFEST])
    return dict(manifest)


def _foreign(path: str, received: str) -> InvalidInputError:
    return InvalidInputError(f"{path}: expected a model package as package_model writes it, received {received}")


def _read_members(file: IO[bytes], path: str) -> dict[str, bytes]:
    # The compressed size bounds what the content may claim before any of it is read.
    allowance = min(os.fstat(file.fileno()).st_size * MAX_RATIO + SLACK, MAX_TOTAL)
    members: dict[str, bytes] = {}
    with gzip.GzipFile(fileobj=file, mode="rb") as stream:
        while True:
            header = _exactly(stream, _BLOCK, path)
            if not any(header):
                break
            name, size = _parse_header(header, path)
            if name in members:
                raise _foreign(path, f"{name} twice")
            limit = allowance if name == MODEL else min(MAX_TEXT, allowance)
            if size > limit:
                raise _foreign(path, f"{name} of {size} bytes, more than the {limit} that this file may hold")
            members[name] = _exactly(stream, size, path)
            _zeros(_exactly(stream, -size % _BLOCK, path), path)
            allowance -= size
        # A tar ends with zeros up to a full record.
        rest = stream.read(_RECORD + 1)
        _zeros(rest, path)
        if len(rest) > _RECORD or stream.read(1):
            raise _foreign(path, "more after the archive's end")
    return members


def _exactly(stream: gzip.GzipFile, count: int, path: str) -> bytes:
    data = stream.read(count) if count else b""
    if len(data) != count:
        raise IntegrityError(f"{path}: this model package is cut short; copy it anew")
    return data


def _zeros(data: bytes, path: str) -> None:
    if any(data):
        raise IntegrityError(f"{path}: this model package is damaged, there is data between its files; copy it anew")


def _parse_header(header: bytes, path: str) -> tuple[str, int]:
    """Reads a ustar header (POSIX.1-1988): name at 0, size at 124, checksum at 148, type at 156, prefix at 345."""
    if header[257:263] != b"ustar\0":
        raise _foreign(path, "an archive of another kind")
    blanked = header[:148] + b" " * 8 + header[156:]
    if _octal(header[148:156], path) != sum(blanked):
        raise IntegrityError(f"{path}: a header of this model package is damaged; copy it anew")
    name = header[:100].rstrip(b"\0").decode("utf-8", "replace")
    if header[345:500].strip(b"\0"):
        name = f"{header[345:500].rstrip(bytes(1)).decode('utf-8', 'replace')}/{name}"
    if header[156:157] not in (b"0", b"\0"):
        raise _foreign(path, f"{name[:80]!r}, which is no regular file")
    if name not in MEMBERS:
        raise _foreign(path, f"{name[:80]!r}, which is no part of one ({', '.join(MEMBERS)})")
    return name, _octal(header[124:136], path)


def _octal(field: bytes, path: str) -> int:
    digits = field.strip(b" \0")
    if not _OCTAL.fullmatch(digits):
        raise _foreign(path, "a number in a header that is not octal")
    return int(digits, 8)


def _compare_with_manifest(members: Mapping[str, bytes], path: str) -> None:
    missing = [name for name in MEMBERS if name not in members]
    if missing:
        raise _foreign(path, f"an archive without {', '.join(missing)}")
    try:
        manifest = from_json(members[MANIFEST])
        kind, number, files = manifest["format"], manifest["format_version"], dict(manifest["files"])
        expected = {name: (int(entry["size"]), str(entry["sha256"])) for name, entry in files.items()}
        str(manifest["name"]), str(manifest["version"])
    except (InvalidInputError, KeyError, TypeError, ValueError) as error:
        raise _foreign(path, f"a {MANIFEST} of another form ({error})") from error
    if kind != FORMAT or number != FORMAT_VERSION:
        raise _foreign(path, f"format {kind!r} version {number!r}; this release reads version {FORMAT_VERSION}")
    if set(expected) != set(MEMBERS) - {MANIFEST}:
        raise _foreign(path, f"a {MANIFEST} that names other files")
    for name, (size, digest) in expected.items():
        if len(members[name]) != size or hashlib.sha256(members[name]).hexdigest() != digest:
            raise IntegrityError(
                f"{path}: {name} differs from its checksum in {MANIFEST}: damaged or changed; copy it anew"
            )

"""`GoogleBucket`: the objects of one bucket by name, each request tried again, each byte checked.

    bucket = GoogleBucket("vials")
    facts = bucket.write("good/1.png", io.BytesIO(data), generation=0)    # 0: none may be there
    bucket.read("good/1.png", file)                                       # whole, and its crc32c compared

Content is only ever read whole: the client compares checksums of whole downloads, its readers of pieces do not. An
acknowledgement that was lost is told from another's write: a precondition (the generation that is replaced, 0 for none)
goes with every change, and where a second try fails by it, what lies there is compared with what was sent.
"""

import base64
import binascii
import datetime
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from brevetti_keras.io.google_attempts import Attempts, CorruptionError
from brevetti_keras.io.google_client import Patience, emulator_host, open_client
from brevetti_keras.utils.errors import ConflictError, NotFoundError, StorageError
from brevetti_keras.utils.lazy import lazy_import

api_errors = lazy_import("google.api_core.exceptions", install="google-api-core")
crc32c = lazy_import("google_crc32c", install="google-crc32c")
client_retry = lazy_import("google.cloud.storage.retry", install="google-cloud-storage")

_FIELDS = "items(name,size,updated,md5Hash,crc32c,generation),nextPageToken"
_CHUNK = 1 << 20
# Beyond it the client sends in pieces, which it can take up again; its own limit for one request is the same.
_ONE_REQUEST = 8 << 20
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class ObjectFacts(NamedTuple):
    """What a bucket knows of an object.

    Attributes:
        name: in the bucket.
        size: bytes.
        generation: of its content; another once it was written again.
        crc32c: of its content, base64 as Google writes it.
        md5: hex, `""` for an object that was composed of others.
        modified_ns: nanoseconds since 1970.
    """

    name: str
    size: int
    generation: int
    crc32c: str
    md5: str = ""
    modified_ns: int = 0


class GoogleBucket:
    """One bucket. Threads may share it; a process that was forked opens its own connections.

    Args:
        name: of the bucket.
        host: of an emulator; by default `$STORAGE_EMULATOR_HOST`, else Google's.
        attempts: how requests are repeated.
    """

    def __init__(self, name: str, host: str | None = None, attempts: Attempts | None = None) -> None:
        self.name = name
        self._host = emulator_host() if host is None else host
        self._attempts = attempts or Attempts(Patience.from_environment())
        self._lock = threading.Lock()
        self._opened: Any = None

    def url(self, name: str) -> str:
        """Returns the `gs://` URL of an object."""
        return f"gs://{self.name}/{name}" if name else f"gs://{self.name}"

    def find(self, name: str) -> ObjectFacts | None:
        """Returns an object's facts, None if there is none."""

        def request(_: bool) -> ObjectFacts | None:
            blob = self._bucket.get_blob(name, retry=None, timeout=self._timeout)
            return None if blob is None else _facts(blob)

        return self._attempts.run(self.url(name), request)

    def objects(self, prefix: str = "", limit: int | None = None) -> Iterator[ObjectFacts]:
        """Yields the objects whose name starts with `prefix`, by name, at most `limit`.

        Raises:
            NotFoundError: if there is no such bucket.
        """
        token: str | None = None
        while True:
            page, token = self._page(prefix, token, limit)
            yield from page
            if token is None or limit is not None:
                return

    def _page(self, prefix: str, token: str | None, limit: int | None) -> tuple[list[ObjectFacts], str | None]:
        def request(_: bool) -> tuple[list[ObjectFacts], str | None]:
            listing = self._bucket.list_blobs(
                prefix=prefix, page_token=token, max_results=limit, fields=_FIELDS, retry=None, timeout=self._timeout
            )
            found = [_facts(blob) for blob in next(listing.pages, ())]
            return found, listing.next_page_token

        try:
            return self._attempts.run(self.url(prefix), request)
        except NotFoundError as error:
            raise NotFoundError(f"no bucket gs://{self.name}: is its name right?") from error

    def read(self, name: str, file: BinaryIO, unless: int | None = None) -> ObjectFacts | None:
        """Writes an object's content to `file`, which is emptied first.

        Args:
            name: of the object.
            file: open for writing, and seekable.
            unless: a generation whose content is known already.

        Returns:
            Its facts but for the time, or None if it is still of the generation `unless`.

        Raises:
            NotFoundError: if there is none.
            IntegrityError: if it arrived damaged again and again.
        """

        def request(_: bool) -> ObjectFacts | None:
            file.seek(0)
            file.truncate()
            blob = self._bucket.blob(name)
            sink = _Sink(file)
            try:
                # Raw, so that the checksum is of what is written.
                blob.download_to_file(
                    sink,
                    raw_download=True,
                    checksum="crc32c",
                    if_generation_not_match=unless,
                    retry=None,
                    timeout=self._timeout,
                )
            except api_errors.NotModified:
                return None
            if blob.content_encoding:
                raise StorageError(
                    f"{self.url(name)}: expected an object that is stored as it is, received one stored with "
                    f"Content-Encoding {blob.content_encoding}: upload it without"
                )
            _same(blob.crc32c or _crc_of(self.find(name)), sink.crc32c)
            return ObjectFacts(name, sink.size, int(blob.generation or 0), sink.crc32c, _hex(blob.md5_hash))

        return self._attempts.run(self.url(name), request)

    def write(
        self, name: str, content: BinaryIO, generation: int, content_type: str = "application/octet-stream"
    ) -> ObjectFacts:
        """Makes or replaces an object in one step and returns its facts.

        Args:
            name: of the object.
            content: what is read from its beginning to its end, and again for a second try.
            generation: of the object that is replaced, 0 where none may be.
            content_type: media type.

        Raises:
            ConflictError: if another generation is there.
            NotFoundError: if there is no such bucket.
        """
        size, checksum = _measured(content)

        def request(again: bool) -> ObjectFacts:
            content.seek(0)
            blob = self._bucket.blob(name)
            try:
                blob.upload_from_file(
                    content,
                    size=size,
                    content_type=content_type,
                    checksum="crc32c",
                    if_generation_match=generation,
                    # A repeated piece of an upload is known by its place; only whole requests need our own care.
                    retry=self._piece_retry() if size > _ONE_REQUEST else None,
                    timeout=self._timeout,
                )
            except api_errors.PreconditionFailed:
                # The client tries pieces again by itself.
                found = self.find(name) if again or size > _ONE_REQUEST else None
                if found is None or (found.crc32c, found.size) != (checksum, size):
                    raise
                return found
            written = _facts(blob)
            if written.crc32c != checksum:
                # Google refuses such an upload by itself; where one was taken, nobody may read it.
                self._discard(written)
                _same(written.crc32c, checksum)
            return written

        try:
            return self._attempts.run(self.url(name), request)
        except NotFoundError as error:
            raise NotFoundError(f"no bucket gs://{self.name}: is its name right?") from error

    def delete(self, facts: ObjectFacts) -> None:
        """Removes an object, if it is still of that generation.

        Raises:
            NotFoundError: if somebody else removed it.
            ConflictError: if somebody wrote it again.
        """

        def request(again: bool) -> None:
            try:
                self._bucket.blob(facts.name).delete(
                    if_generation_match=facts.generation, retry=None, timeout=self._timeout
                )
            except api_errors.NotFound:
                if not again:
                    raise

        self._attempts.run(self.url(facts.name), request)

    def copy(self, source: ObjectFacts, target: str, generation: int) -> ObjectFacts:
        """Copies an object within the bucket, on Google's side, and returns the copy's facts.

        Args:
            source: of exactly this generation.
            target: name of the copy.
            generation: of the object that is replaced, 0 where none may be.

        Raises:
            ConflictError: if another generation is at either end.
        """

        def request(again: bool) -> ObjectFacts:
            blob, token = self._bucket.blob(target), None
            origin = self._bucket.blob(source.name)
            try:
                while True:
                    token, _, _ = blob.rewrite(
                        origin,
                        token=token,
                        if_generation_match=generation,
                        if_source_generation_match=source.generation,
                        retry=None,
                        timeout=self._timeout,
                    )
                    if token is None:
                        break
            except api_errors.PreconditionFailed:
                found = self.find(target) if again else None
                if found is None or (found.crc32c, found.size) != (source.crc32c, source.size):
                    raise
                return found
            copied = _facts(blob)
            _same(source.crc32c, copied.crc32c)
            return copied

        return self._attempts.run(self.url(target), request)

    def settled(self, name: str, change: Callable[[int], ObjectFacts], first: int | None = None) -> ObjectFacts:
        """Makes a change that replaces whatever is there: looks what that is, and looks again when it changed.

        Args:
            name: of the object.
            change: makes the change, given the generation that it replaces.
            first: the generation that is probably there.
        """
        generation = first
        while True:
            if generation is None:
                found = self.find(name)
                generation = 0 if found is None else found.generation
            try:
                return change(generation)
            except ConflictError:
                generation = None

    @property
    def _timeout(self) -> tuple[float, float]:
        return (self._attempts.patience.timeout, self._attempts.patience.timeout)

    def _piece_retry(self) -> Any:
        patience = self._attempts.patience
        return client_retry.DEFAULT_RETRY.with_delay(
            initial=patience.first_wait, maximum=patience.longest_wait, multiplier=2.0
        ).with_timeout(patience.deadline)

    @property
    def _bucket(self) -> Any:
        with self._lock:
            if self._opened is None:
                self._opened = open_client(self.name, self._host).bucket(self.name)
            return self._opened

    def _discard(self, facts: ObjectFacts) -> None:
        try:
            self.delete(facts)
        except (NotFoundError, ConflictError):
            return


class _Sink(io.RawIOBase):
    """Counts and checks what it passes on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._checksum = crc32c.Checksum()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(data)
        self._checksum.update(bytes(data))
        self.size += len(data)
        return len(data)

    @property
    def crc32c(self) -> str:
        return base64.b64encode(self._checksum.digest()).decode()


def crc32c_of(content: BinaryIO) -> str:
    """Returns the crc32c of a file from its beginning to its end, base64 as Google writes it."""
    return _measured(content)[1]


def _measured(content: BinaryIO) -> tuple[int, str]:
    content.seek(0)
    checksum, size = crc32c.Checksum(), 0
    while chunk := content.read(_CHUNK):
        checksum.update(chunk)
        size += len(chunk)
    return size, base64.b64encode(checksum.digest()).decode()


def _crc_of(facts: ObjectFacts | None) -> str:
    return "" if facts is None else facts.crc32c


def _same(expected: str, received: str) -> None:
    if expected != received:
        raise CorruptionError(f"expected crc32c {expected or 'of the object'}, received {received}")


def _facts(blob: Any) -> ObjectFacts:
    updated = blob.updated
    modified = 0 if updated is None else (updated - _EPOCH) // datetime.timedelta(microseconds=1) * 1000
    return ObjectFacts(
        blob.name, int(blob.size or 0), int(blob.generation or 0), blob.crc32c or "", _hex(blob.md5_hash), modified
    )


def _hex(md5: str | None) -> str:
    """The md5 in hex of Google's base64, `""` where there is none."""
    try:
        return base64.b64decode(md5 or "", validate=True).hex()
    except binascii.Error:
        return ""

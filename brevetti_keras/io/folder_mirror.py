"""`FolderMirror`: brings the files of a folder on this machine to a bucket, each state of each file once.

    mirror = FolderMirror("jobs/7f/artifacts", "gs://results/jobs/7f/artifacts", "jobs/7f/mirrored.json")
    mirror.push()           # [] once all is there, else the names of what is still only here

Programs write plain files, also those that know nothing of buckets, and never wait for a network. What arrived, its
checksum compared, is noted in a ledger beside the folder; what an outage kept back is what differs from it, and goes
with the next `push`, of this process or another.
"""

import concurrent.futures
import io
import logging
import os
import threading
from typing import BinaryIO

from brevetti_keras.io.google_cloud import GoogleStorage
from brevetti_keras.io.local import LocalStorage, atomic_write, folder_lock
from brevetti_keras.io.open import open_storage
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError, NotFoundError, StorageError

_log = logging.getLogger(__name__)

_WORKERS = 8
_IN_MEMORY = 16 << 20

_State = tuple[int, int]


class FolderMirror:
    """A folder and its place in a bucket. Processes may share it.

    Args:
        folder: on this machine; hidden files and links that lead out of it stay here.
        url: `gs://bucket/prefix`.
        ledger: path of the file that tells what arrived; its folder is locked while files are brought.

    Raises:
        InvalidInputError: if the URL is of another kind.
    """

    def __init__(self, folder: str, url: str, ledger: str) -> None:
        storage = open_storage(url)
        if not isinstance(storage, GoogleStorage):
            raise InvalidInputError(f"expected gs://bucket/prefix to bring files to, received {url!r}")
        self.storage = storage
        self._local = LocalStorage(folder)
        self._ledger = ledger

    def push(self) -> list[str]:
        """Brings what is new or changed; returns the names of what could not be brought, with a warning in the log.

        An outage takes one deadline, however many files there are.
        """
        with folder_lock(os.path.dirname(self._ledger)):
            known = self._known()
            waiting = self._waiting(known)
            if not waiting:
                return []
            down = threading.Event()
            self._look(down)
            with concurrent.futures.ThreadPoolExecutor(min(_WORKERS, len(waiting))) as pool:
                arrived = list(pool.map(lambda item: self._bring(item[0], down), waiting.items()))
            left = [name for name, there in zip(waiting, arrived, strict=True) if not there]
            known.update({name: state for name, state in waiting.items() if name not in left})
            atomic_write(self._ledger, to_json({"arrived": known}).encode())
        if left:
            _log.warning(
                "not yet in %s: %d of %s, kept in %s",
                self.storage.root, len(left), counted(len(waiting), "file"), self._local.root,
            )  # fmt: skip
        return left

    def pending(self) -> list[str]:
        """Returns the names of the files that differ from what arrived."""
        return list(self._waiting(self._known()))

    def is_whole(self) -> bool:
        """Tells whether all that ever arrived is still on this machine too, so that the bucket need not be asked."""
        known = self._known()
        return bool(known) and all(self._local.isfile(name) for name in known)

    def _waiting(self, known: dict[str, _State]) -> dict[str, _State]:
        found = {info.path: (info.size, info.modified_ns) for info in self._local.walk()}
        return {name: state for name, state in found.items() if known.get(name) != state}

    def _look(self, down: threading.Event) -> None:
        """Lists what is there already, so that nothing equal is written again."""
        try:
            for _ in self.storage.walk(hidden=True):
                continue
        except BrevettiError as error:
            down.set()
            _log.warning("%s", error)

    def _bring(self, name: str, down: threading.Event) -> bool:
        if down.is_set():
            return False
        try:
            with self._content(name) as content:
                self.storage.bring_file(name, content)
        except NotFoundError:
            return False  # removed meanwhile, or there is no such bucket
        except StorageError as error:
            if not down.is_set():
                down.set()
                _log.warning("%s", error)
            return False
        except BrevettiError as error:
            _log.warning("%s", error)
            return False
        return True

    def _content(self, name: str) -> BinaryIO:
        """What the file holds; of one that may grow while it is sent, as it is now."""
        file = self._local.open_read(name)
        if os.fstat(file.fileno()).st_size > _IN_MEMORY:
            return file
        with file:
            return io.BytesIO(file.read())

    def _known(self) -> dict[str, _State]:
        try:
            with open(self._ledger, "rb") as file:
                arrived = from_json(file.read())["arrived"]
            return {name: (int(size), int(modified)) for name, (size, modified) in arrived.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            # Each file is then compared with what lies in the bucket.
            _log.warning("%s cannot be read and starts anew: %s", self._ledger, error)
            return {}

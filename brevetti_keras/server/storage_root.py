"""Where a workspace's jobs lie, and the record of it, so that no two commands on a workspace disagree.

    root, bucket = storage_places("/work")          # the recorded one, else $BREVETTI_STORAGE_ROOT, else the workspace
    record_storage_root("/work", root, bucket)      # `storage.json` in the workspace: {"root": "gs://results/vials"}

Whoever names a storage root first decides for the workspace; another one is refused from then on.
"""

import os

from brevetti_keras.io.local import atomic_write
from brevetti_keras.io.open import file_url, local_path_of, open_storage
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError, StorageError

RECORD = "storage.json"
VARIABLE = "BREVETTI_STORAGE_ROOT"


def storage_places(home: str, storage_root: str | None = None) -> tuple[str, str]:
    """Returns the folder that holds `jobs/` on this machine, and the `gs://` URL that their artifacts are brought to,
    `""` for none; nothing is written.

    A bucket gets artifacts alone: what holds keys, is appended to or is locked (`info.json`, `events.log`,
    checkpoints) stays in the workspace.

    Args:
        home: the workspace's absolute path.
        storage_root: another folder or `gs://bucket/prefix`; by default what the workspace has recorded, else
            `$BREVETTI_STORAGE_ROOT`, else the workspace itself.

    Raises:
        InvalidInputError: for another kind of URL, or another place than is recorded.
        IntegrityError: if the record is damaged.
        StorageError: if it cannot be read.
    """
    given = storage_root or os.environ.get(VARIABLE, "")
    named = _places(home, given) if given else None
    recorded = _recorded(home)
    if recorded is None:
        return named or (home, "")
    there = _places(home, recorded)
    if named is not None and named != there:
        raise InvalidInputError(
            f"expected this workspace's storage root, {recorded}, received {given}"
            f"{'' if storage_root else f' by {VARIABLE}'}: leave it out, or choose another workspace"
        )
    return there


def record_storage_root(home: str, root: str, bucket: str) -> None:
    """Records the places of a workspace that is there, unless they are recorded or are the workspace itself.

    Args:
        home: the workspace's absolute path; no other process may open it meanwhile.
        root: the folder that holds `jobs/`.
        bucket: the `gs://` URL, `""` for none.

    Raises:
        InvalidInputError: if other places are recorded, or jobs lie where they would not be found any more.
        IntegrityError, StorageError: if the record cannot be read or written.
    """
    place = bucket or (file_url(root) if root != home else "")
    if not place:
        return
    storage_places(home, place)  # another process may have recorded its own meanwhile
    if _recorded(home) is not None:
        return
    if root != home and os.path.isdir(os.path.join(home, "jobs")) and os.listdir(os.path.join(home, "jobs")):
        raise InvalidInputError(
            f"expected a workspace without jobs for another storage root, received {home}: move its jobs to "
            f"{os.path.join(root, 'jobs')} first, or choose another workspace"
        )
    atomic_write(os.path.join(home, RECORD), f"{to_json({'root': place})}\n".encode(), mode=0o600)


def _places(home: str, given: str) -> tuple[str, str]:
    if given.lower().startswith("gs://"):
        return home, open_storage(given).root
    path = local_path_of(os.path.expanduser(given))
    if path is None:
        raise InvalidInputError(f"expected the storage root as a folder, file:// or gs:// URL, received {given!r}")
    return path, ""


def _recorded(home: str) -> str | None:
    path = os.path.join(home, RECORD)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"expected the workspace's record {path}, which cannot be read: {error.strerror}") from error
    try:
        recorded = from_json(content)
    except InvalidInputError:
        recorded = None
    place = recorded.get("root") if isinstance(recorded, dict) else None
    if not isinstance(place, str) or not place:
        raise IntegrityError(f'expected {{"root": "gs://… or file://…"}} in {path}, which is damaged: write it anew')
    return place

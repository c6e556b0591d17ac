"""Uploads: images that come to the platform file by file and become a dataset of its own.

    upload = service.uploads.begin()
    with service.uploads.receive(upload.id, "crack/1.png") as (file, stored):
        file.write(data)
    vials = service.uploads.finish(upload.id, name="vials")

Until it is finished, nobody sees an upload; one that is interrupted leaves nothing.
"""

import contextlib
from collections.abc import Sequence
from typing import BinaryIO

from brevetti_keras.server.capabilities.datasets import Datasets
from brevetti_keras.server.capabilities.upload_folders import UploadFolders
from brevetti_keras.wire.records import Dataset, Upload


class Uploads:
    """The platform's uploads.

    Args:
        datasets: what uploads become.
        folders: where their files lie.
    """

    def __init__(self, datasets: Datasets, folders: UploadFolders) -> None:
        self._datasets = datasets
        self._folders = folders

    def begin(self, name: str | None = None) -> Upload:
        """Begins an upload.

        Args:
            name: what the dataset will be called, so that one that is taken is refused before anything is sent.

        Raises:
            ConflictError: if another dataset has the name.
            StorageError: if the disk refuses it.
        """
        if name is not None:
            self._datasets.check_free(name)
        return Upload(id=self._folders.begin())

    def receive(self, upload_id: str, path: str) -> contextlib.AbstractContextManager[tuple[BinaryIO, str]]:
        """Stores a file that arrives piece by piece, see `UploadFolders.receive`."""
        return self._folders.receive(upload_id, path)

    def finish(
        self,
        upload_id: str,
        name: str | None = None,
        tags: Sequence[str] = (),
        reference: str = "",
        notes: str = "",
        folder: str = "",
    ) -> Dataset:
        """Makes the dataset; its id is the upload's.

        Args:
            upload_id: whose files.
            name, tags, reference, notes: as for `datasets.add`.
            folder: what the folder was called; a dataset without a name is called after it.

        Raises:
            NotFoundError: if there is no such upload.
            ConflictError: if another dataset has the name, or files are still arriving; the upload stays.
            InvalidInputError: if it holds no file.
        """
        return self._datasets.add_upload(upload_id, name, tags, reference, notes, folder)

    def cancel(self, upload_id: str) -> None:
        """Removes an upload that is not finished.

        Raises:
            NotFoundError: if there is no such upload.
        """
        self._folders.forget(upload_id)

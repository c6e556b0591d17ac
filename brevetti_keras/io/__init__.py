"""Where files lie: local folders, memory, and buckets, behind one protocol."""

from brevetti_keras.io.files import Files
from brevetti_keras.io.google_cloud import GoogleStorage
from brevetti_keras.io.local import LocalStorage, atomic_write
from brevetti_keras.io.local_copies import fetch_copies, local_copy
from brevetti_keras.io.memory import MemoryStorage
from brevetti_keras.io.open import open_storage
from brevetti_keras.io.storage import FileInfo, Storage

__all__ = [
    "FileInfo",
    "Files",
    "GoogleStorage",
    "LocalStorage",
    "MemoryStorage",
    "Storage",
    "atomic_write",
    "fetch_copies",
    "local_copy",
    "open_storage",
]

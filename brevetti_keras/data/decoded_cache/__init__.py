"""Decoded, resized pixels, kept by content so that no file is decoded twice: by later epochs, later jobs, predictions.

    cache = DecodedCache(None, PixelReader(target_size=(224, 224)))
    images = cache.load(["/data/1.jpg", "/data/2.jpg"])         # (2, 224, 224, 3) uint8

path → its content's hash (keys.py) → a row of a shard (store.py, shard.py) → pixels, checked against their checksum;
what is not there is decoded and appended to this process' own shard (writer.py), as long as there is room (space.py).

    <root>/<digest of the settings>/<shard>.pixels      images one behind the other
    <root>/<digest of the settings>/<shard>.index       rows of 64 bytes: whose, where, form, checksum (index.py)

Nothing here can fail a job: without room, permission or a whole entry, the file is decoded as if there were no cache.
Shards are read by `preadv` from the pages that all processes share. That costs what a memory map costs, but a shard
that is cut short under its reader is then a short read, where a map ends the process by SIGBUS.
"""

from brevetti_keras.data.decoded_cache.cache import DecodedCache
from brevetti_keras.data.decoded_cache.space import CacheSpace

__all__ = ["CacheSpace", "DecodedCache"]

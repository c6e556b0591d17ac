"""Where a dataset may lie: a folder or a CSV on this machine, or a prefix of a bucket.

    check_address("gs://vials/line-3")          # fine
    check_address("https://example.org/x")      # InvalidInputError

A user names the place, never a job. What stands behind an address of another kind is not asked for: a server that
fetches what it is told to can be made to ask its own network's machines.
"""

import re

from brevetti_keras.utils.errors import InvalidInputError

# Names of buckets as Google Cloud Storage allows them: no port, no user, nothing quoted.
_BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?P<prefix>/.*)?", re.DOTALL)


def check_address(place: str) -> None:
    """Refuses an address that no dataset can have.

    Args:
        place: with a scheme, such as `gs://bucket/prefix`.

    Raises:
        InvalidInputError: if it is of another kind, or leads out of its prefix.
    """
    scheme, _, rest = place.partition("://")
    if scheme.lower() != "gs":
        raise InvalidInputError(
            f"expected a folder, a CSV of samples or gs://bucket/prefix, received an address of {scheme[:20]!r}: "
            "download it, and add the folder"
        )
    found = _BUCKET.fullmatch(f"gs://{rest}")
    parts = (found["prefix"] or "").split("/") if found is not None else [".."]
    if ".." in parts or "." in parts or not place.isprintable():
        raise InvalidInputError("expected gs://bucket/prefix, received an address that names no bucket, or leads out")

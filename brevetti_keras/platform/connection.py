"""`connect`: from a URL, a workspace's path or nothing to a Platform.

connect()                                          # the workspace: $BREVETTI_HOME, else ./brevetti-workspace
connect("/data/vials")                             # another workspace
connect("https://platform.example", api_key="…")   # a server
"""

import os

from pydantic import SecretStr

from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.platform.http_platform import HttpPlatform
from brevetti_keras.platform.platform import Platform


def connect(url: str | os.PathLike[str] | None = None, api_key: str | SecretStr | None = None) -> Platform:
    """Returns the platform at a URL.

    Args:
        url: `http://…` or `https://…` of a server; a path or `file://` URL of a workspace; None for the usual one.
        api_key: of the user, for a server.

    Raises:
        InvalidInputError: for a URL of another kind.
        StorageError: if a workspace cannot be made or written.
    """
    text = None if url is None else os.fspath(url)
    if text is not None and text.lower().startswith(("http://", "https://")):
        return HttpPlatform(text, SecretStr(api_key) if isinstance(api_key, str) else api_key)
    return EmbeddedPlatform(text)

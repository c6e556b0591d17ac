"""Answers that are files: an image or a table is shown, HTML runs in a sandbox, anything else is saved, never run."""

import os
from urllib.parse import quote

from starlette.responses import FileResponse

from brevetti_keras.server.capabilities.artifacts import media_type
from brevetti_keras.server.headers import FILE_POLICY
from brevetti_keras.server.page_responses import REPORT_POLICY

_SHOWN = frozenset(
    {
        *("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"),
        *("application/json", "text/plain", "text/csv", "text/html"),
    }
)


def file_answer(path: str) -> FileResponse:
    """Returns a file with the headers that its type calls for.

    Args:
        path: absolute; whether the caller may have it is settled already.
    """
    kind = media_type(path)
    shown = kind in _SHOWN
    name = quote(os.path.basename(path).encode("utf-8", "surrogateescape"))
    headers = {
        "Content-Security-Policy": REPORT_POLICY if kind == "text/html" else FILE_POLICY,
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
        "Cache-Control": "private, no-cache",
    }
    return FileResponse(path, media_type=kind if shown else "application/octet-stream", headers=headers)

"""Bodies that stream into files, piece by piece, so that memory stays flat however large they are."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, TypeVar

from anyio import CancelScope, to_thread
from fastapi import Request

_Entered = TypeVar("_Entered")


async def stream_into(
    receiving: AbstractContextManager[_Entered], request: Request, file_of: Callable[[_Entered], BinaryIO]
) -> tuple[int, _Entered]:
    """Writes a request's body to a file that a block gives.

    Args:
        receiving: the block; it learns of a body that ended early, or was too large, by an exception.
        request: whose body.
        file_of: the file in what the block gives.

    Returns:
        The bytes that were written, and what the block gave.
    """
    entered = await to_thread.run_sync(receiving.__enter__)
    file = file_of(entered)
    size = 0
    try:
        async for chunk in request.stream():
            await to_thread.run_sync(file.write, chunk)
            size += len(chunk)
    except BaseException as error:
        # Also when the server ends in the middle of it: else what has arrived would lie there for good.
        with CancelScope(shield=True):
            await to_thread.run_sync(receiving.__exit__, type(error), error, error.__traceback__)
        raise
    await to_thread.run_sync(receiving.__exit__, None, None, None)
    return size, entered

"""Bodies that stream into files, piece by piece, so that memory stays flat however large they are."""

from contextlib import AbstractContextManager
from typing import BinaryIO, TypeVar

from anyio import to_thread
from fastapi import Request

_Entered = TypeVar("_Entered")


async def stream_into(receiving: AbstractContextManager[_Entered], request: Request) -> tuple[int, _Entered]:
    """Writes a request's body to the file that a block gives, alone or as the first of several things.

    Args:
        receiving: the block; it learns of a body that ended early, or was too large, by an exception.
        request: whose body.

    Returns:
        The bytes that were written, and what the block gave.
    """
    entered = await to_thread.run_sync(receiving.__enter__)
    file: BinaryIO = entered[0] if isinstance(entered, tuple) else entered  # type: ignore[assignment]
    size = 0
    try:
        async for chunk in request.stream():
            await to_thread.run_sync(file.write, chunk)
            size += len(chunk)
    except BaseException as error:
        await to_thread.run_sync(receiving.__exit__, type(error), error, error.__traceback__)
        raise
    await to_thread.run_sync(receiving.__exit__, None, None, None)
    return size, entered

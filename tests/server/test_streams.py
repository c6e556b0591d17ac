"""Bodies that stream into a block: it learns how they ended, whatever ended them."""

import asyncio
import contextlib
import io

import anyio
import pytest

from brevetti_keras.server.api.streams import stream_into


class Body:
    """A request whose body arrives in pieces; an exception among them is raised in its turn."""

    def __init__(self, *pieces, waits=None):
        self.pieces, self.waits = pieces, waits

    async def stream(self):
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece
        if self.waits is not None:
            self.waits.set()
            await anyio.sleep(60)


@contextlib.contextmanager
def noting(told):
    try:
        yield io.BytesIO(), "name"
    except BaseException as error:
        told.append(type(error))
        raise
    told.append(None)


def streamed(body, told):
    return stream_into(noting(told), body, lambda entered: entered[0])


def test_the_block_gets_the_pieces_and_its_end():
    told = []
    size, (file, name) = asyncio.run(streamed(Body(b"ab", b"", b"cde"), told))
    assert (size, file.getvalue(), name, told) == (5, b"abcde", "name", [None])


def test_the_block_learns_of_a_body_that_ends_early():
    told = []
    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(streamed(Body(b"ab", ConnectionError("gone")), told))
    assert told == [ConnectionError]


def test_the_block_learns_of_a_server_that_ends_in_the_middle():
    told = []

    async def ended_in_the_middle():
        waits = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(streamed, Body(b"ab", waits=waits), told)
            await waits.wait()
            group.cancel_scope.cancel()

    anyio.run(ended_in_the_middle)
    assert told == [asyncio.CancelledError]

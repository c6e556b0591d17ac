"""Ports on which nobody listens."""

import random
import socket

# Below those that systems hand out by themselves, so that no connection made meanwhile takes it.
_FIRST, _LAST = 15_000, 32_000


def free_port() -> int:
    """Returns a port of the loopback interface that is free, and that nobody gets without asking for it by number."""
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port

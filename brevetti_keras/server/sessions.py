"""One-time links and the browser sessions that they open; kept in memory, so a restart ends them all.

sessions = Sessions(cookie="brevetti_8765")
token = sessions.new_link()                 # goes into /login?token=…
session = sessions.redeem(token)            # once; the cookie's value
sessions.is_open(session)
"""

import threading
import time
from collections.abc import Callable

from brevetti_keras.server.capabilities.keys import key_hash, new_key

LINK_SECONDS = 24 * 3600
SESSION_SECONDS = 30 * 24 * 3600
_MOST = 1000


class Sessions:
    """Tokens and sessions, stored as hashes.

    Args:
        cookie: the cookie's name; it holds the port, since browsers share cookies between the ports of a host.
        clock: seconds that only go forward.
    """

    def __init__(self, cookie: str = "brevetti_session", clock: Callable[[], float] = time.monotonic) -> None:
        self.cookie = cookie
        self._clock = clock
        self._lock = threading.Lock()
        self._links: dict[str, float] = {}
        self._sessions: dict[str, float] = {}

    def new_link(self) -> str:
        """Returns a token that opens one session, within a day."""
        return self._new(self._links, LINK_SECONDS)

    def redeem(self, token: str) -> str | None:
        """Returns a new session for a token that was not used before, else None."""
        with self._lock:
            ends = self._links.pop(key_hash(token), None)
        if ends is None or ends < self._clock():
            return None
        return self._new(self._sessions, SESSION_SECONDS)

    def is_open(self, session: str) -> bool:
        """Tells whether a cookie's value is a session that is open."""
        # A look-up by hash gives nothing away by its time: the hash cannot be steered towards a stored one.
        with self._lock:
            ends = self._sessions.get(key_hash(session))
        return ends is not None and ends >= self._clock()

    def _new(self, among: dict[str, float], seconds: float) -> str:
        secret, now = new_key(), self._clock()
        with self._lock:
            for known in [known for known, ends in among.items() if ends < now]:
                del among[known]
            while len(among) >= _MOST:
                del among[next(iter(among))]
            among[key_hash(secret)] = now + seconds
        return secret

"""Secret keys: made at random, stored as hashes only, compared in constant time.

    key = new_key()
    stored = key_hash(key)
    matches(stored, key)

A key has 256 random bits, so a plain SHA-256 hides it: there is nothing to guess from, as there is with a password.
"""

import hashlib
import hmac
import secrets


def new_key() -> str:
    """Returns a fresh key: 43 characters that are safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """Returns what is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def matches(stored: str, key: str) -> bool:
    """Tells whether `key` is the one whose hash was stored; an empty one never is."""
    return bool(stored and key) and hmac.compare_digest(stored, key_hash(key))

"""The connection to Google Cloud Storage: whose credentials, which host, how many requests at once.

    client = open_client()          # the credentials of this machine; at STORAGE_EMULATOR_HOST none are needed

Nothing of Google's is imported before a client is opened.
"""

import os
from dataclasses import dataclass
from typing import Any

from brevetti_keras.utils.errors import AccessError, InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

storage = lazy_import("google.cloud.storage", install="google-cloud-storage")
auth = lazy_import("google.auth", install="google-auth")
auth_errors = lazy_import("google.auth.exceptions", install="google-auth")
credentials_of = lazy_import("google.auth.credentials", install="google-auth")
transport = lazy_import("google.auth.transport.requests", install="google-auth")
adapters = lazy_import("requests.adapters", install="requests")

EMULATOR = "STORAGE_EMULATOR_HOST"
DEADLINE = "BREVETTI_STORAGE_DEADLINE"
CONNECTIONS = 32
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)


@dataclass(frozen=True)
class Patience:
    """How long a request to a bucket may take.

    Attributes:
        deadline: seconds for one operation, all its tries and waits together.
        timeout: seconds to connect, and between two bytes of an answer.
        first_wait: seconds before the second try; each later wait is twice as long, up to `longest_wait`.
        longest_wait: seconds.
    """

    deadline: float = 120.0
    timeout: float = 30.0
    first_wait: float = 0.25
    longest_wait: float = 16.0

    @classmethod
    def from_environment(cls) -> "Patience":
        """Returns the usual patience, its deadline from `$BREVETTI_STORAGE_DEADLINE` (seconds) where that is set.

        Raises:
            InvalidInputError: if it is no positive number.
        """
        given = os.environ.get(DEADLINE)
        if not given:
            return cls()
        try:
            deadline = float(given)
        except ValueError:
            deadline = 0.0
        if not 0 < deadline < float("inf"):
            raise InvalidInputError(f"expected {DEADLINE} as a number of seconds above 0, received {given!r}")
        return cls(deadline=deadline, timeout=min(cls.timeout, deadline))


def emulator_host() -> str:
    """Returns the URL that `$STORAGE_EMULATOR_HOST` names, `""` if it is not set."""
    host = os.environ.get(EMULATOR, "").rstrip("/")
    return host if not host or "://" in host else f"http://{host}"


def open_client(bucket: str, host: str = "") -> Any:
    """Returns a `google.cloud.storage.Client`.

    Args:
        bucket: named in the error.
        host: of an emulator, to which nobody's credentials are sent; `""` is Google's own.

    Raises:
        AccessError: if this machine has no credentials.
        MissingDependencyError: if google-cloud-storage is not installed.
    """
    if host:
        credentials, project = credentials_of.AnonymousCredentials(), "emulator"
    else:
        try:
            credentials, project = auth.default(scopes=_SCOPES)
        except auth_errors.GoogleAuthError as error:
            raise AccessError(
                f"expected credentials to reach gs://{bucket}, found none: run 'gcloud auth application-default login'"
                ", or let GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account"
            ) from error
    session = transport.AuthorizedSession(credentials)
    for scheme in ("http://", "https://"):
        # By default ten connections are kept, and threads beyond them would open a new one for each request.
        session.mount(scheme, adapters.HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS))
    options = {"api_endpoint": host} if host else None
    return storage.Client(project=project, credentials=credentials, client_options=options, _http=session)

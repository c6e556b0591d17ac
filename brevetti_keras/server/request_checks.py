"""What is asked of every request before anyone looks who makes it: its host, where it comes from, what it carries.

`localhost` is no boundary: any page that a browser shows can send requests there, and by rebinding a name even read
the answers. So the host must be one of ours, and a browser's request must come from our own pages.
"""

import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.types import Scope

from brevetti_keras.server.answers import Refused

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
LOGIN = "/login"
COMPATIBLE = re.compile(r"/api/models/(?P<id>[^/]+)/(remotemonitor|charts|complete)|/api/resources/roottags")
OF_A_JOB = re.compile(r"/api/jobs/(?P<id>[^/]+)(/.*)?", re.DOTALL)
UPLOAD = re.compile(r"/api/jobs/[^/]+/artifacts/.+|/api/uploads/[^/]+/files", re.DOTALL)
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
_SECRETS = frozenset({"key", "api_key", "apikey", "token", "access_token", "password", "secret"})
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def check_host(headers: Headers, allowed: Collection[str]) -> None:
    """Refuses a request that names a host which is not ours, or none, or several (421).

    Args:
        headers: of the request.
        allowed: host names in lower case, without ports.
    """
    hosts = headers.getlist("host")
    match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if match is None or match["name"].lower() not in allowed:
        raise Refused(421, "this host name is not served here: use the address that the server printed")


def check_origin(scope: Scope, headers: Headers) -> None:
    """Refuses what a browser sends on behalf of another site (403)."""
    own = f"{scope['scheme']}://{headers.get('host', '')}".lower()
    if any(origin.lower() != own for origin in headers.getlist("origin")):
        raise Refused(403, "requests from other sites are refused")
    if any(site not in {"same-origin", "none"} for site in headers.getlist("sec-fetch-site")):
        raise Refused(403, "requests from other sites are refused")


def check_cookie_use(scope: Scope, headers: Headers) -> None:
    """Refuses a change that is asked for with a cookie alone, without the browser's word that it comes from our own
    pages (403)."""
    proven = headers.get("sec-fetch-site") == "same-origin" or "origin" in headers
    if scope["method"] in _UNSAFE and not proven:
        raise Refused(403, "changes by a browser need an Origin header")


def check_content_type(scope: Scope, headers: Headers) -> str:
    """Returns the media type of a request's body, "" without one.

    Refuses (415) anything but JSON under `/api`, except a file's content, and a form on the routes of existing clients
    when no browser sent it.
    """
    if scope["method"] not in _UNSAFE:
        return ""
    given = headers.get("content-type")
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    if given is None and empty:
        return ""
    media, _, parameters = (given or "").partition(";")
    media = media.strip().lower()
    if scope["method"] == "PUT" and UPLOAD.fullmatch(scope["path"]):
        return "application/octet-stream"
    if media == "application/json" and _charset(parameters) in {"", "utf-8"}:
        return media
    browser = "origin" in headers or any(name.startswith("sec-fetch-") for name in headers)
    is_api = scope["path"].startswith("/api/")
    if media in _FORMS and (not is_api or (COMPATIBLE.fullmatch(scope["path"]) and not browser)):
        return media
    raise Refused(415, "expected a body of type application/json in UTF-8")


def _charset(parameters: str) -> str:
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def take_key(scope: Scope) -> str:
    """Returns the job's key that an existing client put into the query, and takes it out, so that no log can show it.

    Refuses a secret in the query of any other route (400).
    """
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    secret = [name for name, _ in pairs if name.lower() in _SECRETS]
    if scope["path"] == LOGIN and secret == ["token"]:
        return ""
    if not secret:
        return ""
    if secret != ["key"] or not COMPATIBLE.fullmatch(scope["path"]):
        raise Refused(400, "keys in the URL are refused: send the header 'Authorization: Bearer KEY'")
    key = str(next(value for name, value in pairs if name == "key"))
    scope["query_string"] = urlencode([pair for pair in pairs if pair[0] != "key"]).encode("latin-1")
    return key

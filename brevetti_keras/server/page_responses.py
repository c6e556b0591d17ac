"""HTML answers and the headers that shut them off: pages, messages (errors, the way in) and documents in frames.

A page may load only what this server serves: no inline script or style, no other host, no frame of it elsewhere. A
job's own HTML gets a sandbox instead: scripts run in an origin of their own and reach neither this server nor another.
"""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brevetti_keras import __version__
from brevetti_keras.server.page_filters import filters

ASSETS = Path(__file__).parent / "assets"

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATIC_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data: blob:; frame-ancestors 'self'"
)


def page_environment(workspace: str) -> Environment:
    """Returns the templates' environment: everything is escaped, a name that is not given is an error."""
    environment = Environment(
        loader=PackageLoader("brevetti_keras.server"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters())
    environment.globals.update(workspace=workspace, version=__version__)
    return environment


def page(environment: Environment, template: str, **values: object) -> HTMLResponse:
    """Renders a page."""
    html = environment.get_template(template).render(**{"here": "", **values})
    return HTMLResponse(html, headers={**_COMMON, "Content-Security-Policy": PAGE_POLICY})


def report(data: bytes) -> HTMLResponse:
    """Returns a job's own HTML, shut off."""
    return HTMLResponse(data, headers={**_COMMON, "Content-Security-Policy": REPORT_POLICY})


def frame(html: str, script_hashes: list[str]) -> HTMLResponse:
    """Returns a document of ours that runs big third-party scripts: they may draw what is handed to them, and no more.

    Args:
        html: the document.
        script_hashes: of its inline scripts, see `script_hash`.
    """
    policy = (
        f"sandbox allow-scripts; default-src 'none'; script-src {' '.join(script_hashes)}; style-src 'unsafe-inline'; "
        "img-src blob: data:; connect-src blob: data:; font-src data:; frame-ancestors 'self'"
    )
    headers = {**_COMMON, "Cache-Control": "private, max-age=3600", "Content-Security-Policy": policy}
    return HTMLResponse(html, headers=headers)


def message_page(
    title: str, lines: list[str], status_code: int, *, command: str = "", home: bool = False
) -> HTMLResponse:
    """Returns a short page that stands alone: it loads nothing, so it also reaches a browser that may load nothing.

    Args:
        title: what happened.
        lines: paragraphs: why, and what to do.
        status_code: of the answer.
        command: a command line to show.
        home: whether to offer the way to the home page.
    """
    style = _message_style()
    template = _message_environment().get_template("message.html")
    html = template.render(title=title, lines=lines, command=command, home=home, style=Markup(style))
    policy = (
        f"default-src 'none'; style-src {script_hash(style)}; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(html, status_code, headers={**_COMMON, "Content-Security-Policy": policy})


def login_page(reason: str = "") -> HTMLResponse:
    """Returns the answer for a browser without a session: what the one-time link is, and how to get one.

    Args:
        reason: why the link that was opened did not work, where there was one.
    """
    lines = [
        *([reason] if reason else []),
        "This server opens only to whoever started it. When it starts, it prints a link that works once; open that "
        "link in this browser, and the browser stays signed in until the server stops.",
        "The link was used already, or is lost? Stop the server with Ctrl-C and start it again:",
    ]
    return message_page("Open the link that the server printed", lines, 401, command="brevetti-keras serve")


def error_page(status_code: int, detail: str = "") -> HTMLResponse:
    """Returns the page for an error that a browser ran into.

    Args:
        status_code: the HTTP status.
        detail: one line for the reader, of ours: never what the request held.
    """
    title, advice = _ERRORS.get(status_code, _ERRORS[400 if status_code < 500 else 500])
    return message_page(title, [*([detail] if detail else []), advice], status_code, home=True)


_ERRORS = {
    400: ("The request could not be used", "Go back and try again; if a link here led to it, please report it."),
    403: ("This is not allowed", "The request did not come from these pages. Open the address in a tab of its own."),
    404: ("There is nothing here", "What stood here may have been removed, or the address is mistyped."),
    405: ("The request could not be used", "This address takes another kind of request. Go on from the home page."),
    409: ("It was changed meanwhile", "Load the page again and look at the present state."),
    421: ("This server goes by another name", "Open it under the address that it printed when it started."),
    500: ("The server ran into an error", "Its log has the details. Try again; if it happens again, please report it."),
    501: ("A part is not installed", "The server's log names the missing package; install it and load the page again."),
    503: ("The server is busy", "Wait a moment and load the page again."),
    507: ("The disk is full", "Free some space in the workspace's file system; nothing that was stored is lost."),
}


def script_hash(text: str) -> str:
    """Returns the source expression that lets one inline script or style through a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


@lru_cache(maxsize=1)
def _message_style() -> str:
    # Inside <style> text is raw: the file holds no "</", which a test checks.
    return (ASSETS / "message.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _message_environment() -> Environment:
    return Environment(loader=PackageLoader("brevetti_keras.server"), autoescape=True, undefined=StrictUndefined)

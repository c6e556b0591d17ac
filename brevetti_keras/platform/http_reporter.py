"""Reports to a host behind HTTP: the job's log first, the network as its mirror.

Events go from the log in the background, in order, each once; charts, artifacts and the completion wait for the
host's answer. What an outage kept back stays in the log.
"""

import logging
import weakref
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from brevetti_keras.interfaces.event_delivery import EventDelivery
from brevetti_keras.interfaces.event_sender import EventSender
from brevetti_keras.io.event_log import EventLog
from brevetti_keras.io.http import HttpClient
from brevetti_keras.utils.errors import BrevettiError, NotFoundError, PlatformError
from brevetti_keras.wire.artifacts import ARTIFACTS_FOLDER, chart_path
from brevetti_keras.wire.events import EventKind
from brevetti_keras.wire.records import JobConfig, Tag
from brevetti_keras.wire.routes import JOB_ARTIFACTS, ROOT_TAGS

_LOGGER = logging.getLogger(__name__)
_PATIENCE = 30.0


class HttpReporter:
    """A Reporter that sends to the job's host.

    Args:
        config: the job, with its host and key.
        log: path of its `events.log`.
        uploads: whether artifacts are sent; not where the job's folder is the host's own.
        transport: httpx transport in the network's place.
    """

    def __init__(
        self, config: JobConfig, log: str, *, uploads: bool, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._config = config
        self._uploads = uploads
        self._log = EventLog(log)
        self._delivery = EventDelivery(config.host_name, config.remote_url, transport=transport)
        self._sender = EventSender(self._log, self._delivery)
        self._client = HttpClient(config.host_name, transport=transport)
        # A job is usable as long as somebody holds it, so its connections last as long.
        weakref.finalize(self, _end, self._sender, self._client)

    def report(self, kind: EventKind, body: Mapping[str, Any]) -> None:
        """Appends one event and has it sent in the background."""
        self._log.append(kind, body)
        self._sender.notify()

    def chart(self, name: str, spec: str) -> None:
        """Posts a chart and returns after the answer.

        Raises:
            PlatformError, AccessError, NotFoundError: if the host does not take it.
        """
        path = f"{self._config.charts_url}&name={quote(name, safe='')}"
        headers = {"Content-Type": "application/json"}
        # The name makes it the same chart however often it arrives.
        self._client.request("POST", path, content=spec.encode("utf-8"), headers=headers, retry=True)
        self._log.append("chart", {"name": name, "path": chart_path(name)})
        self._sender.notify()

    def artifact(self, name: str, path: str) -> None:
        """Sends an artifact; a host without a route for it gets none."""
        if not self._uploads:
            return
        try:
            with open(path, "rb") as file:
                self._put(name, file.read())
        except NotFoundError:
            self._uploads = False
            _LOGGER.warning("%s takes no artifacts; they stay in the job's folder", self._config.host_name)
        except (BrevettiError, OSError) as error:
            _LOGGER.warning("artifact %s was not sent and stays in the job's folder: %s", name, error)

    def complete(self, artifact: str | None) -> None:
        """Sends the last entry after all others; a host that takes no batches is told by its own route.

        An outage does not make the job fail: the log ends with the completion, to be sent later.
        """
        self._log.append("complete", {"model_path": artifact})
        self._sender.notify()
        try:
            if not self._sender.flush(_PATIENCE):
                raise PlatformError(self._sender.reason or f"no answer in {_PATIENCE:g} s")
            if not self._delivery.takes_batches:
                target = quote(f"{ARTIFACTS_FOLDER}/{artifact}", safe="") if artifact else ""
                self._client.request("POST", f"{self._config.complete_url}{target}", retry=True)
        except BrevettiError as error:
            _LOGGER.warning(
                "the host does not know yet that the job is complete; %s says so: %s", self._log.path, error
            )

    def root_tags(self) -> list[Tag]:
        """Asks the host."""
        query = {"key": self._config.api_key.get_secret_value(), "id": self._config.id}
        try:
            answer = self._client.request("GET", ROOT_TAGS, params=query).json()
            return [Tag.model_validate(tag) for tag in answer]
        except (BrevettiError, ValueError, TypeError) as error:
            _LOGGER.warning("no tags: %s", error)
            return []

    def ended(self) -> None:
        """Does nothing: the job's key ended with its last entry."""

    def flush(self, timeout: float) -> bool:
        """Waits until the host has everything, or one more try has failed."""
        return self._sender.settle(timeout)

    def _put(self, name: str, content: bytes) -> None:
        path = f"{JOB_ARTIFACTS.format(id=quote(self._config.id, safe=''))}/{quote(name)}"
        headers = {"Authorization": f"Bearer {self._config.api_key.get_secret_value()}"}
        self._client.request("PUT", path, content=content, headers=headers)


def _end(sender: EventSender, client: HttpClient) -> None:
    sender.close()
    client.close()

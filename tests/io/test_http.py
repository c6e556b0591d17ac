import json
import logging
import socket

import httpx
import pytest
from pydantic import SecretStr

from brevetti_keras.io.http import HttpClient
from brevetti_keras.utils.errors import (
    AccessError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PlatformError,
    StorageError,
)

TOKEN = "canary-token-123"


class Answers:
    """Gives one answer after the other (a status, an exception, or a response) and keeps the requests."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.waits = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(answer)

    def client(self, **arguments):
        return HttpClient(
            "http://host:1", transport=httpx.MockTransport(self), sleep=self.waits.append, **{"retries": 3, **arguments}
        )


def test_sends_the_token_and_returns_the_answer():
    answers = Answers(httpx.Response(200, json={"a": 1}))
    with answers.client(token=SecretStr(TOKEN)) as client:
        assert client.request("GET", "/x", params={"b": 2}).json() == {"a": 1}
    assert answers.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert str(answers.requests[0].url) == "http://host:1/x?b=2"


@pytest.mark.parametrize(
    "passing", [408, 425, 429, 500, 502, 503, 504, httpx.ConnectError("no"), httpx.ReadTimeout("")]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_repeats_what_may_pass(method, passing):
    answers = Answers(passing, passing, 204)
    assert answers.client().request(method, "/x").status_code == 204
    assert len(answers.requests) == 3
    assert len(answers.waits) == 2
    assert 0 < answers.waits[0] <= 0.5 < answers.waits[1] * 2 <= 2


@pytest.mark.parametrize("final", [400, 401, 403, 404, 409, 413, 422, 501, 507])
def test_never_repeats_what_stays(final):
    answers = Answers(final)
    with pytest.raises(Exception, match=str(final)):
        answers.client().request("GET", "/x")
    assert len(answers.requests) == 1


def test_a_post_is_repeated_only_when_that_is_harmless():
    for headers, retry, expected in (({}, None, 1), ({"Idempotency-Key": "1"}, None, 4), ({}, True, 4)):
        answers = Answers(503)
        with pytest.raises(PlatformError):
            answers.client().request("POST", "/x", headers=headers, retry=retry)
        assert len(answers.requests) == expected


def test_waits_as_long_as_the_host_asks_but_not_for_ever():
    answers = Answers(
        httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(503, headers={"Retry-After": "9999"}), 200
    )
    answers.client().request("GET", "/x")
    assert answers.waits == [7.0, 30.0]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInputError), (401, AccessError), (403, AccessError), (404, NotFoundError), (409, ConflictError),
        (413, InvalidInputError), (422, InvalidInputError), (507, StorageError), (500, PlatformError),
        (302, PlatformError),
    ],
)  # fmt: skip
def test_answers_become_errors_of_ours_with_the_host_s_line(status, kind):
    answers = Answers(httpx.Response(status, json={"error": "expected this, received that"}))
    with pytest.raises(kind, match="expected this, received that") as caught:
        answers.client(retries=0).request("GET", "/x/y?key=abc")
    assert type(caught.value) is kind
    assert "key=" not in str(caught.value)
    assert "http://host:1/x/y" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"error": 3}', json.dumps({"detail": "x" * 9999}).encode()])
def test_any_failing_body_is_one_bounded_line(body):
    with pytest.raises(NotFoundError) as caught:
        Answers(httpx.Response(404, content=body)).client().request("GET", "/x")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_an_unchecked_answer_is_the_caller_s():
    assert Answers(404).client().request("GET", "/x", check=False).status_code == 404


def test_redirects_are_not_followed():
    answers = Answers(httpx.Response(302, headers={"Location": "http://elsewhere/"}))
    with pytest.raises(PlatformError):
        answers.client(token=SecretStr(TOKEN)).request("GET", "/x")
    assert len(answers.requests) == 1


def test_a_dead_host_is_one_line_that_says_what_to_do():
    with pytest.raises(PlatformError, match=r"GET http://host:1/x: no answer .* is the platform running"):
        Answers(httpx.ConnectError("refused")).client(retries=1).request("GET", "/x?key=secret")


@pytest.mark.parametrize(
    "answer", [httpx.ConnectError(f"{TOKEN} refused"), httpx.Response(404, json={"error": f"no {TOKEN}"})]
)
def test_no_error_tells_a_secret(answer):
    with pytest.raises((PlatformError, NotFoundError)) as caught:
        Answers(answer).client(token=SecretStr(TOKEN), retries=0).request("GET", "/x?key=query-secret")
    assert TOKEN not in repr(caught.value)
    assert "query-secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_no_log_tells_a_secret(caplog):
    caplog.set_level(logging.DEBUG)
    Answers(200).client(token=SecretStr(TOKEN)).request("GET", "/x?key=query-secret")
    assert "HTTP Request" in caplog.text
    assert TOKEN not in caplog.text
    assert "query-secret" not in caplog.text


def test_a_hanging_host_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.1, retries=0)
        with pytest.raises(PlatformError, match="no answer"):
            client.request("GET", "/x")
        client.close()

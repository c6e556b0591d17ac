import pytest

from brevetti_keras.server.sessions import LINK_SECONDS, SESSION_SECONDS, Sessions


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sessions(clock):
    return Sessions(clock=clock)


def test_a_link_works_once(sessions):
    token = sessions.new_link()
    session = sessions.redeem(token)
    assert session
    assert sessions.is_open(session)
    assert sessions.redeem(token) is None
    assert not sessions.is_open(token)


@pytest.mark.parametrize("wrong", ["", "x", "\ud800"])
def test_other_texts_open_nothing(sessions, wrong):
    sessions.new_link()
    assert sessions.redeem(wrong) is None
    assert not sessions.is_open(wrong)


def test_links_and_sessions_end(sessions, clock):
    early, late = sessions.new_link(), sessions.new_link()
    session = sessions.redeem(early)
    clock.now += LINK_SECONDS + 1
    assert sessions.redeem(late) is None
    assert sessions.is_open(session)
    clock.now += SESSION_SECONDS
    assert not sessions.is_open(session)


def test_they_do_not_pile_up(sessions):
    first = sessions.new_link()
    last = [sessions.new_link() for _ in range(1000)][-1]
    assert sessions.redeem(first) is None
    assert sessions.redeem(last)


def test_signing_in(served):
    client = served.client()
    assert client.get("/api/jobs").status_code == 401
    answer = client.get("/login", params={"token": served.sessions.new_link(), "next": "/jobs?state=failed"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?state=failed")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert client.get("/api/jobs").status_code == 200


def test_over_https_the_cookie_stays_there(served):
    client = served.client()
    answer = client.get("https://127.0.0.1/login", params={"token": served.sessions.new_link()})
    assert "Secure" in answer.headers["set-cookie"]


def test_a_link_opened_again_leads_in_where_it_did_before_and_nowhere_else(served):
    token = served.sessions.new_link()
    first, second = served.client(), served.client()
    assert first.get("/login", params={"token": token}).status_code == 303
    again = first.get("/login", params={"token": token})
    assert (again.status_code, "set-cookie" in again.headers) == (303, False)
    refused = second.get("/login", params={"token": token})
    assert refused.status_code == 401
    assert "used before" in refused.text
    assert "set-cookie" not in refused.headers
    assert token not in refused.text


def test_without_a_token_the_page_says_where_to_find_one(served):
    answer = served.client().get("/login")
    assert answer.status_code == 401
    assert "brevetti-keras serve" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x",
        "/\r\nSet-Cookie: x",
        "/\t/evil.example",
        "evil",
        "",
        "/é",
    ],
)
def test_it_leads_to_no_other_place(served, target):
    answer = served.client().get("/login", params={"token": served.sessions.new_link(), "next": target})
    location = answer.headers["location"]
    assert location == "/" or (location == target and target.startswith("/%"))


def test_a_head_request_uses_no_link_up(served):
    token = served.sessions.new_link()
    assert served.client().head("/login", params={"token": token}).status_code == 401
    assert served.client().get("/login", params={"token": token}).status_code == 303


def test_another_site_cannot_sign_a_browser_in(served):
    answer = served.client(**{"Sec-Fetch-Site": "cross-site"}).get(
        "/login", params={"token": served.sessions.new_link()}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers

import json
import sys

import pytest

from brevetti_keras.server.child_answer import give_answer, given_words
from brevetti_keras.utils.errors import NotFoundError, SettingsError


def said(capsys):
    lines = capsys.readouterr().out.splitlines()
    return json.loads(lines[-1])


def test_an_answer_is_the_last_line_whatever_was_printed_before(capsys):
    def ask():
        sys.stdout.write('{"error": "a module prints what it likes"}')
        return {"wrong": {"epochs": "æ\nb"}}

    assert give_answer("a:B", ask) == 0
    assert said(capsys) == {"wrong": {"epochs": "æ\nb"}}


@pytest.mark.parametrize("error", [NotFoundError("no module"), SettingsError("epochs: wrong")])
def test_an_error_of_ours_keeps_its_text_and_kind(capsys, error):
    def ask():
        raise error

    assert give_answer("a:B", ask) == 0
    assert said(capsys) == {"error": str(error), "kind": type(error).__name__}


@pytest.mark.parametrize("text", ["broken", "x" * 5000])
def test_whatever_else_a_module_raises_is_named_and_cut(capsys, text):
    def ask():
        raise ZeroDivisionError(text)

    give_answer("a:B", ask, "cannot be previewed")
    answer = said(capsys)
    assert answer["error"] == f"a:B cannot be previewed: ZeroDivisionError: {text}"[:500]
    assert answer["kind"] == ""


def test_the_words_behind_the_dashes_are_the_question(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["probe", "--", "a:B", "--", "name"])
    assert given_words() == ("a:B", "--", "name")

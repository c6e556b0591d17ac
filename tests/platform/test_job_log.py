import contextlib
import logging
import sys
import warnings

import pytest

from brevetti_keras.platform.job_log import captured_log
from brevetti_keras.utils.redact import Redactor


@contextlib.contextmanager
def bare_root():
    """The root logger as a program has it that never configured logging."""
    root = logging.getLogger()
    kept = list(root.handlers)
    root.handlers.clear()
    try:
        yield root
    finally:
        root.handlers[:] = kept


def test_lines_have_time_level_and_place(tmp_path):
    path = tmp_path / "log.txt"
    with captured_log(str(path), Redactor()):
        logging.getLogger("a.b").warning("one %d", 1)
    assert path.read_text().endswith("Z WARNING a.b: one 1\n")
    assert path.read_text()[10] == "T"


def test_a_later_run_appends(tmp_path):
    path = tmp_path / "log.txt"
    for number in range(2):
        with captured_log(str(path), Redactor()):
            logging.getLogger("x").error("run %d", number)
    assert [line[-5:] for line in path.read_text().splitlines()] == ["run 0", "run 1"]


def test_without_any_handler_warnings_still_reach_the_screen(tmp_path, capsys):
    with bare_root() as root:
        with captured_log(str(tmp_path / "log.txt"), Redactor(["canary-secret"])):
            logging.getLogger("x").warning("beware canary-secret")
            logging.getLogger("brevetti_keras.x").info("only in the file")
        assert root.handlers == []
    shown = capsys.readouterr().err
    assert "beware ***" in shown
    assert "only in the file" not in shown
    assert "only in the file" in (tmp_path / "log.txt").read_text()


def test_with_handlers_nothing_is_shown_twice(tmp_path, capsys):
    with bare_root() as root:
        root.addHandler(logging.StreamHandler(sys.stderr))
        with captured_log(str(tmp_path / "log.txt"), Redactor()):
            logging.getLogger("x").warning("once")
    assert capsys.readouterr().err.count("once") == 1


def test_other_handlers_show_no_secret_meanwhile(tmp_path, caplog):
    with captured_log(str(tmp_path / "log.txt"), Redactor(["canary-secret"])):
        logging.getLogger("x").warning("with %s", "canary-secret")
    assert "canary-secret" not in caplog.text
    assert "with ***" in caplog.text
    assert "canary-secret" not in (tmp_path / "log.txt").read_text()


def test_a_traceback_is_kept_without_secrets(tmp_path):
    path = tmp_path / "log.txt"
    with captured_log(str(path), Redactor(["canary-secret"])):
        try:
            raise ValueError("canary-secret")
        except ValueError:
            logging.getLogger("x").exception("it failed")
    text = path.read_text()
    assert "Traceback" in text
    assert "ValueError: ***" in text
    assert "canary-secret" not in text


def test_warnings_are_noted_and_still_shown(tmp_path):
    path = tmp_path / "log.txt"
    with captured_log(str(path), Redactor(["canary-secret"])), pytest.warns(UserWarning, match="careful"):
        # pytest's own catcher stands inside ours here; Python's `showwarning` is what a program has.
        warnings.warn("careful", UserWarning, stacklevel=1)
    shown = []
    before = warnings.showwarning
    warnings.showwarning = lambda *arguments: shown.append(arguments)
    try:
        with captured_log(str(path), Redactor(["canary-secret"])):
            warnings.showwarning("beware canary-secret", UserWarning, "file.py", 7)
    finally:
        warnings.showwarning = before
    assert "UserWarning: beware *** (file.py:7)" in path.read_text()
    assert len(shown) == 1


def test_a_file_that_cannot_be_written_costs_nothing(tmp_path, capsys, caplog):
    (tmp_path / "file").write_text("")
    with captured_log(str(tmp_path / "file" / "log.txt"), Redactor()):
        logging.getLogger("x").warning("still goes on")
    assert "still goes on" in caplog.text
    assert "Logging error" not in capsys.readouterr().err


def test_all_is_as_before_after_an_error(tmp_path):
    root, own = logging.getLogger(), logging.getLogger("brevetti_keras")
    before = (list(root.handlers), [list(one.filters) for one in root.handlers], own.level, warnings.showwarning)
    with pytest.raises(ZeroDivisionError), captured_log(str(tmp_path / "log.txt"), Redactor()):
        raise ZeroDivisionError
    assert before == (
        list(root.handlers), [list(one.filters) for one in root.handlers], own.level, warnings.showwarning,
    )  # fmt: skip

import pytest

from brevetti_keras.server.last_words import gone, last_lines


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output.txt"


def test_the_last_lines_that_hold_something(output):
    output.write_text("zero\none\n\n  two \t words\n\nthree\n\n")
    assert last_lines(str(output)) == "one / two words / three"


def test_very_long_output_is_cut_at_its_beginning(output):
    output.write_bytes(b"x" * 1_000_000 + b"the end")
    found = last_lines(str(output))
    assert len(found) == 401
    assert found.startswith("…x")
    assert found.endswith("the end")


def test_bytes_that_are_no_text_and_control_characters_do_no_harm(output):
    output.write_bytes(b"\xff\x1b[31mred\x1b[0m\x00 end")
    assert last_lines(str(output)) == "\ufffd[31mred[0m end"


def test_no_secret_stands_in_it(output):
    output.write_text("the key is a-long-secret, see http://h/?key=other-secret")
    assert last_lines(str(output), ["a-long-secret"]) == "the key is ***, see http://h/?key=***"


def test_no_file_and_an_empty_one(output):
    assert last_lines(str(output)) == ""
    output.write_text("\n \n")
    assert gone(str(output), 7) == "its process (7) is gone and left no report"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (None, "is gone"),
        (0, "ended with exit status 0"),
        (3, "ended with exit status 3"),
        (-9, "was ended by SIGKILL, as when memory runs out,"),
        (-11, "was ended by SIGSEGV"),
        (-99, "was ended by signal 99"),
    ],
)
def test_how_it_ended(output, status, text):
    assert gone(str(output), 0, status) == f"its process {text} and left no report"
    output.write_text("boom")
    assert gone(str(output), 8, status) == f"its process (8) {text} and left no report; its output ends: boom"

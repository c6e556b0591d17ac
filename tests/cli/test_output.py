import time

import numpy as np

from brevetti_keras.cli.output import local_time, print_json, print_table, print_values, program


def test_columns_are_aligned_and_numbers_stand_right(capsys):
    print_table(["name", "images"], [["good", 12], ["cracked", 7]])
    assert capsys.readouterr().out == "name     images\ngood         12\ncracked       7\n"


def test_a_table_without_rows_is_its_headings(capsys):
    print_table(["a", "b"], [])
    assert capsys.readouterr().out == "a  b\n"


def test_values_are_named_and_rounded_for_people(capsys):
    print_values({"loss": 0.123456, "none": None, "list": [1, 2]})
    assert capsys.readouterr().out == "loss  0.1235\nnone  -\nlist  [1,2]\n"


def test_a_hostile_name_cannot_steer_the_terminal(capsys):
    print_table(["name"], [["a\x1b[2Jb\nc"]])
    assert capsys.readouterr().out == "name\na\\x1b[2Jb\\nc\n"


def test_json_takes_numpy(capsys):
    print_json({"a": np.float32(0.5)})
    assert capsys.readouterr().out == '{\n  "a": 0.5\n}\n'


def test_times_are_in_this_machines_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Copenhagen")
    time.tzset()
    try:
        assert local_time("2026-07-01T12:00:00.000000Z") == "2026-07-01 14:00:00"
        assert local_time("") == ""
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_program_is_named_as_it_can_be_called_again(tmp_path, monkeypatch):
    command = tmp_path / ".venv" / "bin" / "brevetti-keras"
    command.parent.mkdir(parents=True)
    command.write_text("")
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(command)])
    assert program() == ".venv/bin/brevetti-keras"
    monkeypatch.setenv("PATH", str(command.parent))
    assert program() == "brevetti-keras"
    monkeypatch.chdir("/")
    monkeypatch.setenv("PATH", "")
    assert program() == str(command).lstrip("/")
    monkeypatch.setattr("sys.argv", ["/somewhere/pytest"])
    assert program() == "brevetti-keras"

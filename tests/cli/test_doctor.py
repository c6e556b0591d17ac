import sqlite3

from brevetti_keras.cli import doctor


def test_a_sound_installation_is_in_order(command):
    result = command("doctor")
    assert result.status == 0, result.out
    assert all(line.startswith("ok  ") for line in result.out.strip().splitlines())
    for name in ("Python", "packages", "TensorFlow and Keras", "model types", "pages", "disk", "workspace"):
        assert f"  {name}: " in result.out


def test_json_lists_the_checks(command, monkeypatch):
    monkeypatch.setattr(doctor, "_tensorflow", lambda: doctor.Check("TensorFlow and Keras", True, "there"))
    checks = command("doctor", "--json").json()
    assert [check["ok"] for check in checks] == [True] * 7


def test_what_is_not_in_order_says_what_to_do(command, monkeypatch, workspace):
    monkeypatch.setattr(doctor, "_tensorflow", lambda: doctor.Check("TensorFlow and Keras", True, "there"))
    workspace.parent.mkdir(exist_ok=True)
    workspace.write_text("a file where the workspace should be")
    result = command("doctor")
    assert result.status == 1
    assert "FAIL  workspace: " in result.out


def test_a_broken_tensorflow_is_told_without_ending_us(monkeypatch):
    monkeypatch.setattr(doctor, "_TENSORFLOW", "import os; os.abort()")
    check = doctor._tensorflow()
    assert not check.ok
    assert "status -6" in check.seen


def test_verify_finds_what_was_changed_by_other_hands(command, workspace, vials):
    command("dataset", "add", str(vials))
    assert command("verify").out == "every record is as it was written\n"
    with sqlite3.connect(workspace / "platform.sqlite3") as database:
        assert database.execute("UPDATE datasets SET notes = 'tampered'").rowcount == 1
    result = command("verify")
    assert result.status == 1
    assert "dataset" in result.err
    assert command("verify", "--json").json()["problems"]


def test_verify_makes_no_workspace_where_there_is_none(command, workspace):
    line = command.fails("verify", status=1)
    assert str(workspace) in line
    assert not workspace.exists()

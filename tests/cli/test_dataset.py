import json
import os

from tests.support.images import write_image, write_image_folder


def test_a_folder_is_added_listed_and_shown(command, vials):
    added = command("dataset", "add", str(vials), "--tag", "site=Aarhus", "--notes", "first lot")
    assert added.status == 0, added.err
    assert added.out.startswith("added 'vials' with 10 images in 2 folders\n")
    assert "brevetti-keras train image-classification --dataset vials" in added.out
    listed = command("dataset", "list")
    assert "vials" in listed.out
    assert str(vials) in listed.out
    assert "Aarhus" in listed.out
    shown = command("dataset", "show", "vials")
    assert "first lot" in shown.out
    assert [line.split()[:2] for line in shown.out.splitlines()[-2:]] == [["cracked", "4"], ["good", "6"]]


def test_json_is_one_value_with_the_same_figures(command, vials):
    added = command("dataset", "add", str(vials), "--name", "v", "--json").json()
    assert (added["name"], added["samples"], added["bucket"]) == ("v", 10, str(vials))
    assert [entry["id"] for entry in command("dataset", "list", "--json").json()] == [added["id"]]
    shown = command("dataset", "show", added["id"], "--json").json()
    assert shown["samples"] == 10
    assert [(entry["folder"], entry["images"]) for entry in shown["folders"]] == [("cracked", 4), ("good", 6)]
    assert sum(entry["bytes"] for entry in shown["folders"]) == sum(
        os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(vials) for name in names
    )


def test_an_empty_list_says_what_to_do(command):
    assert "brevetti-keras dataset add PATH" in command("dataset", "list").out
    assert command("dataset", "list", "--json").json() == []


def test_a_folder_without_images_says_what_was_expected(command, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "expected jpg, png" in command("dataset", "add", str(tmp_path / "empty")).out


def test_a_folder_that_is_not_there_is_one_clear_line(command, tmp_path):
    line = command.fails("dataset", "add", str(tmp_path / "nowhere"), status=1)
    assert str(tmp_path / "nowhere") in line


def test_a_given_name_is_taken_once(command, vials, tmp_path):
    command("dataset", "add", str(vials), "--name", "lot")
    other = write_image_folder(tmp_path / "other" / "vials", {"a": 1})
    assert "lot" in command.fails("dataset", "add", str(other), "--name", "lot", status=1)
    assert len(command("dataset", "list", "--json").json()) == 1


def test_folders_of_one_name_become_datasets_of_two(command, vials, tmp_path):
    command("dataset", "add", str(vials))
    other = write_image_folder(tmp_path / "other" / "vials", {"a": 1})
    assert "added 'vials-2' with 1 image in 1 folder\n" in command("dataset", "add", str(other)).out


def test_an_unknown_dataset_is_one_clear_line(command):
    assert command.fails("dataset", "show", "vails", status=1) == "error: no dataset 'vails': see the list of datasets"


def test_hostile_names_are_listed_not_obeyed(command, tmp_path):
    write_image(tmp_path / "odd" / "a\x1b[2Jb" / "x.png")
    command("dataset", "add", str(tmp_path / "odd"))
    shown = command("dataset", "show", "odd").out
    assert "\x1b" not in shown
    assert "a\\x1b[2Jb" in shown


def test_a_workspace_that_cannot_be_made_is_one_clear_line(command, tmp_path):
    (tmp_path / "file").write_text("")
    line = command.fails("dataset", "list", "--workspace", str(tmp_path / "file" / "inside"), status=2)
    assert str(tmp_path / "file") in line


def test_the_workspace_option_overrides_the_environment(command, tmp_path, vials):
    command("dataset", "add", str(vials), "--workspace", str(tmp_path / "second"))
    assert json.loads(command("dataset", "list", "--json").out) == []
    assert len(command("dataset", "list", "--json", "--workspace", str(tmp_path / "second")).json()) == 1


def test_a_dataset_whose_listing_is_stopped_is_not_added(command, vials, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("brevetti_keras.cli.dataset.get_image_samples", stop)
        assert command("dataset", "add", str(vials)).status == 130
    assert json.loads(command("dataset", "list", "--json").out) == []
    assert command("dataset", "add", str(vials)).status == 0

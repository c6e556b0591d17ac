import re
import shutil

from PIL import Image

from tests.support.images import write_image


def test_changes_are_named_on_the_terminal_and_in_json(command, vials, tmp_path):
    command("dataset", "add", str(vials))
    copy = shutil.copytree(vials, tmp_path / "corrected")
    same = command("dataset", "diff", "vials", str(copy))
    assert same.status == 0, same.err
    assert re.search(r"^No difference: the same \d+ samples\.$", same.out, re.MULTILINE)
    shutil.move(copy / "good" / "good_0000.png", copy / "cracked" / "odd\x1b[2J.png")
    write_image(copy / "good" / "new.png", seed=77)
    told = command("dataset", "diff", "vials", str(copy))
    assert "1 added, 1 moved, 1 relabelled" in told.out
    assert "\x1b" not in told.out
    found = command("dataset", "diff", "vials", str(copy), "--json").json()
    assert not found["equal"]
    assert [(row["change"], row["sample"]) for row in found["changes"]] == [
        ("added", "good/new.png"), ("moved", "good/good_0000.png"), ("relabelled", "good/good_0000.png"),
    ]  # fmt: skip
    assert command("dataset", "diff", "vials", "vials", "--json").json()["equal"]


def test_the_same_samples_in_another_form_are_no_difference_and_their_places_are_told(command, vials, tmp_path):
    count = len(list(vials.rglob("*.png")))
    command("dataset", "add", str(vials), "--name", "ours")
    assert command("dataset", "export", "ours", str(tmp_path / "out"), "--format", "coco").status == 0
    assert command("dataset", "import", "coco", str(tmp_path / "out"), "--name", "theirs").status == 0
    told = command("dataset", "diff", "ours", "theirs")
    assert told.status == 0, told.err
    lines = told.out.splitlines()
    assert lines[2] == f"No difference: the same {count} samples, of which {count} lie at other paths."
    assert lines[3] == f"{count} moved"
    found = command("dataset", "diff", "ours", "theirs", "--json").json()
    assert found["equal"]
    assert found["first"] == found["second"]
    assert found["samples"] == {"first": count, "second": count, "same": count}
    assert found["counts"] == {"moved": count}
    assert {row["change"] for row in found["changes"]} == {"moved"}


def test_what_is_encoded_otherwise_is_the_same_and_said_so(command, vials, tmp_path):
    copy = shutil.copytree(vials, tmp_path / "copy")
    image = Image.open(copy / "good" / "good_0000.png")
    image.save(copy / "good" / "good_0000.png", compress_level=0)
    (copy / "good" / "good_0001.png").rename(copy / "good" / "other.png")
    told = command("dataset", "diff", str(vials), str(copy))
    assert "samples, of which 1 lies at another path and 1 is encoded otherwise.\n1 moved, 1 re-encoded\n" in told.out
    (copy / "good" / "good_0000.png").unlink()
    found = command("dataset", "diff", str(vials), str(copy), "--json").json()
    assert not found["equal"]
    assert found["samples"]["same"] == found["samples"]["second"] == found["samples"]["first"] - 1
    assert "No difference" not in command("dataset", "diff", str(vials), str(copy)).out


def test_a_name_that_is_nothing_is_one_clear_line(command, vials):
    line = command.fails("dataset", "diff", str(vials), "nothing", status=1)
    assert "expected a dataset's name or id, a path, or a job, received 'nothing'" in line


def test_a_job_is_compared_by_what_it_was_trained_on(command, vials, workspace):
    from brevetti_keras.platform import Job, get_image_samples

    class Listing(Job):
        def run(self):
            get_image_samples(self.datasets)

    job = Listing.init(datasets=[str(vials)], platform=str(workspace), argv=[])
    job.start()
    assert command("dataset", "diff", job.id, str(vials), "--json").json()["equal"]
    (vials / "good" / "good_0000.png").unlink()
    found = command("dataset", "diff", job.id, str(vials), "--json").json()
    assert [(row["change"], row["sample"]) for row in found["changes"]] == [("removed", "good/good_0000.png")]
    root = job.io.read_file(job.artifact_path("output.json")).decode()
    assert found["first"] in root

import shutil

from tests.support.images import write_image


def test_changes_are_named_on_the_terminal_and_in_json(command, vials, tmp_path):
    command("dataset", "add", str(vials))
    copy = shutil.copytree(vials, tmp_path / "corrected")
    same = command("dataset", "diff", "vials", str(copy))
    assert same.status == 0, same.err
    assert "No difference." in same.out
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

import os
import sys
import time

import pytest

from brevetti_keras.registry import FoundModelType
from brevetti_keras.server.capabilities import model_type_source as source
from brevetti_keras.server.capabilities import model_types as module
from brevetti_keras.server.capabilities.model_type_source import fingerprint, probe
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError, PlatformError, SettingsError
from brevetti_keras.wire.previews import Preview
from tests.support.images import write_image_folder

SOURCE = '''
"""A package of model types."""
import sys
from brevetti_keras.registry import ModelType
from brevetti_keras.schema.settings import Settings

print("loaded", file=sys.stderr)
print("noise")


class VialSettings(Settings):
    epochs: int = 5


class Vials(ModelType):
    name = "vials"
    version = "1.0"
    description = "Tells good vials from bad."
    Settings = VialSettings
    job = "some_vials.train:TrainingJob"


class Job:
    """Trains something."""

    class Settings(Settings):
        depth: int = 3

    def run(self):
        return None


class Odd:
    pass


broken = 3
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "some_vials"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "types.py").write_text(SOURCE)
    (folder / "failing.py").write_text("raise RuntimeError('this module fails')\n")
    (folder / "ending.py").write_text("import os\nos._exit(3)\n")
    (folder / "needy.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_a_model_type_is_added_without_being_imported_here(service, package):
    added = service.model_types.add("some_vials.types:Vials")
    assert (added.name, added.version, added.kind, added.source) == ("vials", "1.0", "model", "added")
    assert added.description == "Tells good vials from bad."
    assert added.job == "some_vials.train:TrainingJob"
    assert added.settings_schema["properties"]["epochs"]["default"] == 5
    assert service.model_types.get("vials") == added
    assert added in service.model_types.list()
    assert "some_vials.types" not in sys.modules


def test_a_bare_job_is_added_under_its_reference(service, package):
    added = service.model_types.add("some_vials.types:Job")
    assert (added.name, added.job) == ("some_vials.types:Job", "some_vials.types:Job")
    assert added.description == "Trains something."
    assert added.settings_schema["properties"]["depth"]["default"] == 3
    assert service.model_types.get("some_vials.types:Job") == added


def test_adding_twice_is_harmless_but_a_version_has_one_schema(service, package):
    first = service.model_types.add("some_vials.types:Vials")
    assert service.model_types.add("some_vials.types:Vials") == first
    (package / "types.py").write_text(SOURCE.replace("epochs: int = 5", "epochs: int = 50"))
    with pytest.raises(ConflictError, match="raise its version"):
        service.model_types.add("some_vials.types:Vials")
    (package / "types.py").write_text(
        SOURCE.replace("epochs: int = 5", "epochs: int = 50").replace('version = "1.0"', 'version = "1.1"')
    )
    assert service.model_types.add("some_vials.types:Vials").version == "1.1"
    assert service.model_types.get("vials").version == "1.1"


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("nonsense", InvalidInputError, "module:Class"),
        ("no_such_package_here:X", NotFoundError, "no_such_package_here"),
        ("some_vials.types:Missing", NotFoundError, "Missing"),
        ("some_vials.types:Odd", InvalidInputError, "a ModelType or a Job"),
        ("some_vials.types:broken", InvalidInputError, "a ModelType or a Job"),
        ("some_vials.failing:X", InvalidInputError, "this module fails"),
        ("some_vials.ending:X", InvalidInputError, "to be imported"),
        ("some_vials.needy:X", InvalidInputError, "a_package_that_nobody_has"),
        ("-c:x", InvalidInputError, "module:Class"),
        ("os:system('x')", InvalidInputError, "module:Class"),
    ],
)
def test_what_cannot_be_added_is_one_line(service, package, reference, error, text):
    with pytest.raises(error, match=text.replace("(", "\\(")) as caught:
        service.model_types.add(reference)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_not_found_with_the_nearest(service):
    with pytest.raises(NotFoundError, match="image-classification"):
        service.model_types.get("image-clasification")


def test_installed_ones_are_read_once_until_their_files_change(service, package, monkeypatch):
    found = {"vials": FoundModelType("vials", "some_vials.types:Vials", "some-vials")}
    monkeypatch.setattr(module, "find_model_types", lambda: found)
    calls = []

    def counted(reference, name=""):
        calls.append(reference)
        return probe(reference, name)

    monkeypatch.setattr(module, "probe", counted)
    first = service.model_types.get("vials")
    assert (first.source, first.settings_schema["properties"]["epochs"]["default"]) == ("entry point", 5)
    assert service.model_types.list() == [first]
    assert len(calls) == 1
    (package / "types.py").write_text(SOURCE.replace("epochs: int = 5", "epochs: int = 50"))
    assert service.model_types.get("vials").settings_schema["properties"]["epochs"]["default"] == 50
    assert len(calls) == 2
    assert service.verify() == []
    with pytest.raises(ConflictError, match="an installed package has it"):
        service.model_types.add("some_vials.types:Vials")


def test_an_installed_one_that_is_broken_does_not_hide_the_others(service, package, monkeypatch):
    found = {
        "bad": FoundModelType("bad", "some_vials.failing:X", "some-vials"),
        "other": FoundModelType("other", "some_vials.types:Vials", "some-vials"),
        "vials": FoundModelType("vials", "some_vials.types:Vials", "some-vials"),
    }
    monkeypatch.setattr(module, "find_model_types", lambda: found)
    bad, misnamed, good = service.model_types.list()
    assert "this module fails" in bad.description
    assert "received 'vials'" in misnamed.description
    assert good.name == "vials"
    assert good.settings_schema


def test_a_fingerprint_follows_the_files_beside_the_module(package):
    before = fingerprint("some_vials.types:Vials")
    assert fingerprint("some_vials.types:Vials") == before
    os.utime(package / "__init__.py", ns=(1, 1))
    assert fingerprint("some_vials.types:Vials") != before
    assert fingerprint("nowhere_at_all:X") != before


def test_a_fingerprint_follows_a_module_that_is_one_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "one_file_of_ours.py").write_text("x = 1")
    before = fingerprint("one_file_of_ours:X")
    (tmp_path / "one_file_of_ours.py").write_text("x = 10")
    assert fingerprint("one_file_of_ours:X") != before


def test_a_module_that_hangs_is_given_up(package, monkeypatch):
    (package / "slow.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr("brevetti_keras.server.capabilities.model_type_source.PROBE_SECONDS", 0.5)
    with pytest.raises(InvalidInputError, match=r"within 0\.5 s"):
        probe("some_vials.slow:X")


def test_settings_are_checked_without_the_module_being_imported_here(service, package):
    service.model_types.add("some_vials.types:Job")
    check = service.model_types.validate_settings
    assert check("some_vials.types:Job", {"depth": "4"}) == {}
    wrong = check("some_vials.types:Job", {"depth": "deep", "dept": 3})
    assert set(wrong) == {"depth", "dept"}
    assert "expected a valid integer" in wrong["depth"]
    assert "some_vials.types" not in sys.modules


def test_a_job_of_a_model_type_is_made_with_settings_that_it_takes(service, package):
    service.model_types.add("some_vials.types:Job")
    config = service.jobs.create("a", model_type="some_vials.types:Job", settings={"depth": 4})
    assert (config.model_type_version, config.settings) == ("1.0", {"depth": 4})
    with pytest.raises(SettingsError, match=r"^depth: expected a valid integer.*received 'x'$") as caught:
        service.jobs.create("b", model_type="some_vials.types:Job", settings={"depth": "x"})
    assert set(caught.value.errors) == {"depth"}
    with pytest.raises(NotFoundError, match="no model type 'nobody'"):
        service.jobs.create("c", model_type="nobody")
    assert [job.name for job in service.jobs.list()] == ["a"]


def test_settings_of_a_class_that_is_gone_cannot_be_checked(service, package):
    service.model_types.add("some_vials.types:Job")
    (package / "types.py").write_text("raise RuntimeError('gone')")
    with pytest.raises(InvalidInputError, match="gone"):
        service.model_types.validate_settings("some_vials.types:Job", {})


PREVIEWED = """
import os
import sys
import time

from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.platform import Job


class Reader(ImagePipeline):
    def load_image(self, path):
        if "hang" in path:
            time.sleep(600)
        if "crash" in path:
            print("it ends here", file=sys.stderr, flush=True)
            os._exit(3)
        if "large" in path:
            bytearray(8 << 30)
        return super().load_image(path)


class Settings(Job.Settings):
    pictures: Reader = Reader(target_size=(4, 4))


class Shown(Job):
    settings: Settings

    def run(self):
        return None
"""


@pytest.fixture
def shown(service, package, tmp_path):
    """Previews the images of a folder of some name by a job of a test's own."""
    (package / "pictures.py").write_text(PREVIEWED)
    name = service.model_types.add("some_vials.pictures:Shown").name

    def show(label, **more):
        folder = write_image_folder(tmp_path / f"of-{label}", {label: 1}, size=(4, 4))
        return service.model_types.preview(name, {}, [service.datasets.add(str(folder)).id], **more)

    return show


def test_a_preview_is_made_in_a_process_of_its_own_that_is_bounded(shown, monkeypatch):
    assert shown("small").samples[0].views[0].shape == (4, 4, 3)
    assert "more memory" in shown("large").samples[0].views[0].problem
    with pytest.raises(InvalidInputError, match="to be previewed, received: it ends here"):
        shown("crash")
    monkeypatch.setattr(source, "PREVIEW_SECONDS", 3)
    begin = time.monotonic()
    with pytest.raises(InvalidInputError, match="to be previewed within 3 s"):
        shown("hang")
    assert time.monotonic() - begin < 240
    assert "some_vials.pictures" not in sys.modules


def test_too_many_previews_at_once_wait_and_are_refused(service, shown, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)
    nested = []

    def slow(reference, request):
        if len(nested) < 3:
            nested.append(len(nested))
            shown(f"small-{len(nested)}")
        return Preview()

    monkeypatch.setattr(module, "preview", slow)
    with pytest.raises(PlatformError, match="try again"):
        shown("small")
    assert nested == [0, 1]
    nested[:] = [0, 1, 2]
    assert shown("again") == Preview()


def test_a_preview_has_some_samples(service):
    for count in (0, 65):
        with pytest.raises(InvalidInputError, match="1 to 64"):
            service.model_types.preview("image-classification", {}, [], count)

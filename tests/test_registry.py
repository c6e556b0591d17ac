import importlib.metadata
import subprocess
import sys

import pytest

from brevetti_keras.registry import ModelType, check_reference, find_model_types, load_model_type, load_reference
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError


@pytest.mark.parametrize("reference", ["json:JSONDecoder", "importlib.metadata:version", "model_zoo.none.at_all:X"])
def test_a_module_that_may_be_imported_passes_the_check(reference):
    check_reference(reference)


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        *((text, InvalidInputError) for text in ("", "json", ":X", "json:", "a b:C", "../x:C", "json:1x", "json:X\n")),
        *((text, NotFoundError) for text in ("no_such_module_here:X", "no_such.inner:X")),
    ],
)
def test_what_cannot_be_imported_is_told_without_importing(reference, error):
    with pytest.raises(error) as checked:
        check_reference(reference)
    with pytest.raises(error) as loaded:
        load_reference(reference)
    assert str(checked.value) == str(loaded.value)


def test_a_module_that_was_installed_meanwhile_is_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NotFoundError):
        check_reference("made_meanwhile_1:X")
    (tmp_path / "made_meanwhile_1.py").write_text("raise SystemExit(1)")
    check_reference("made_meanwhile_1:X")


def entry(name, value):
    return importlib.metadata.EntryPoint(name, value, "brevetti_keras.model_types")


def offer(monkeypatch, *entries):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: list(entries))


def test_the_bundled_model_type_comes_through_the_entry_point():
    found = find_model_types()["image-classification"]
    assert found.reference == "model_zoo.image_classification.model_type:ImageClassification"
    assert found.package == "brevetti-keras"


def test_finding_imports_nothing():
    code = (
        "import sys; from brevetti_keras.registry import find_model_types;"
        "assert find_model_types(); sys.exit('model_zoo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_name_registered_twice_is_an_error(monkeypatch):
    offer(monkeypatch, entry("vials", "a.b:C"), entry("vials", "a.b:D"))
    with pytest.raises(ConflictError, match=r"one model type named 'vials', received two: a\.b:C .* a\.b:D"):
        find_model_types()


def test_the_same_entry_seen_twice_is_one(monkeypatch):
    offer(monkeypatch, entry("vials", "a.b:C"), entry("vials", "a.b:C"))
    assert list(find_model_types()) == ["vials"]


def test_an_unknown_name_offers_the_nearest(monkeypatch):
    offer(monkeypatch, entry("vials", "a.b:C"))
    with pytest.raises(NotFoundError, match=r"no model type 'vails' is installed, did you mean 'vials'\?"):
        load_model_type("vails")


def test_what_is_not_a_model_type_is_refused(monkeypatch):
    offer(monkeypatch, entry("vials", "collections:OrderedDict"))
    with pytest.raises(InvalidInputError, match="to be a ModelType"):
        load_model_type("vials")


def test_an_entry_and_its_class_must_agree_on_the_name(monkeypatch, tmp_path):
    (tmp_path / "named_otherwise.py").write_text(
        "from brevetti_keras.registry import ModelType\n"
        "class Vials(ModelType):\n    name = 'ampoules'\n    job = 'x:Y'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    offer(monkeypatch, entry("vials", "named_otherwise:Vials"))
    with pytest.raises(InvalidInputError, match="received 'ampoules'"):
        load_model_type("vials")


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("no-colon", InvalidInputError, "expected 'module:Class', received 'no-colon'"),
        ("os:system('x')", InvalidInputError, "expected 'module:Class'"),
        ("no_such_package.inner:Thing", NotFoundError, "no module 'no_such_package'"),
        ("collections:NoSuchThing", NotFoundError, "has no 'NoSuchThing'"),
    ],
)
def test_a_bad_reference_is_one_clear_line(reference, error, message):
    with pytest.raises(error, match=message):
        load_reference(reference)


def test_a_reference_is_resolved():
    assert load_reference("brevetti_keras.registry:ModelType") is ModelType

import sys

import pytest

from brevetti_keras.utils.errors import MissingDependencyError
from brevetti_keras.utils.lazy import lazy_import


def test_nothing_is_loaded_before_first_use(tmp_path, monkeypatch):
    (tmp_path / "loaded_late.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = lazy_import("loaded_late")
    assert "loaded_late" not in sys.modules
    assert module.answer == 42
    assert "loaded_late" in sys.modules
    assert "answer" in dir(module)


def test_a_missing_module_says_what_to_install():
    with pytest.raises(MissingDependencyError, match=r"pip install 'brevetti-keras\[clouds\]'"):
        _ = lazy_import("no_such_module_at_all", install="brevetti-keras[clouds]").anything


def test_a_missing_module_is_an_import_error():
    with pytest.raises(ImportError, match="pip install 'no_such_module_at_all'"):
        _ = lazy_import("no_such_module_at_all.inner").anything


def test_an_installed_module_that_lacks_another_names_the_other(tmp_path, monkeypatch):
    (tmp_path / "lacks_another.py").write_text("import some_absent_dependency\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="some_absent_dependency") as caught:
        _ = lazy_import("lacks_another").anything
    assert not isinstance(caught.value, MissingDependencyError)

"""What loads what: TensorFlow only where a tensor is touched, and every layer only what stands below it."""

import importlib.util
import pkgutil
import subprocess
import sys

import pytest

import brevetti_keras
import model_zoo

HEAVY = ("tensorflow", "keras", "cv2", "sklearn", "tensorflow_datasets", "google.cloud.storage", "vl_convert")


def modules_of(package):
    # Migrations are scripts that Alembic runs, not modules that anyone imports.
    return [package.__name__] + [
        found.name
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if ".migrations." not in found.name
    ]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=240)


def loaded_after(code, names=HEAVY):
    done = run(f"{code}\nimport sys\nprint([name for name in {names!r} if name in sys.modules])")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import brevetti_keras",
        "from brevetti_keras.platform import Job, Dataset, get_image_samples, connect",
        "from brevetti_keras.data.image import ImagePipeline as P, ImageAugmenter as A; P(target_size=(8, 8)); A()",
        "from brevetti_keras.data.sample_integrity import SampleSplit; SampleSplit()",
        "from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder; OneHotEncoder(['a'])",
        "from brevetti_keras.interfaces.callbacks import RemoteMonitor, FacetsReport, PivotReport, TensorBoard",
        "from brevetti_keras.server.app import build_app",
        "from brevetti_keras.registry import load_model_type; load_model_type('image-classification').get_schema()",
        "from brevetti_keras.cli.main import cli\ntry: cli(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_nothing_heavy_is_loaded_before_a_tensor_is_touched(code):
    assert loaded_after(code) == "[]"


def test_the_package_itself_loads_next_to_nothing():
    assert loaded_after("import brevetti_keras", ("numpy", "pandas", "pydantic", "click")) == "[]"


def test_help_loads_no_command():
    code = "from brevetti_keras.cli.main import cli\ntry: cli(['--help'])\nexcept SystemExit: pass"
    assert loaded_after(code, ("pandas", "sqlalchemy", "fastapi", "pydantic", "numpy")) == "[]"


def test_every_module_can_be_imported_first_and_loads_nothing_heavy():
    names = [name for name in modules_of(brevetti_keras) + modules_of(model_zoo) if not name.endswith("__main__")]
    assert len(names) > 40
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = [h for h in {HEAVY!r} if h in sys.modules]\n"
        "    assert not heavy, (name, heavy)\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_every_module_says_what_it_is_for():
    for name in modules_of(brevetti_keras) + modules_of(model_zoo):
        source = importlib.util.find_spec(name).loader.get_source(name)
        assert source.lstrip().startswith(('"""', 'r"""')), f"{name} has no docstring"

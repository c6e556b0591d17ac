"""The package's public names, and what importing them loads."""

import subprocess
import sys

import pytest

import brevetti_keras.platform as platform


def test_the_public_names():
    assert dir(platform) == ["Dataset", "Job", "connect", "get_image_samples"]
    assert callable(platform.connect)
    assert platform.Job.__module__ == "brevetti_keras.platform.job"
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        platform.nope  # noqa: B018


def loaded_by(code):
    program = f"import sys; {code}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_naming_the_package_loads_none_of_its_parts():
    assert not {"pandas", "sqlalchemy", "pydantic", "tensorflow"} & loaded_by("import brevetti_keras.platform")


def test_nothing_loads_tensorflow_before_a_tensor_is_touched():
    code = (
        "from brevetti_keras.platform import Job, Dataset, connect, get_image_samples; Job.Settings.get_schema(); "
        "Dataset('.'); Job.init(argv=[]).upload_job_output()"
    )
    assert not {"tensorflow", "keras", "tensorflow_datasets", "torch", "jax", "cv2"} & loaded_by(code)

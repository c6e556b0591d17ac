import pytest

from brevetti_keras.server.workspace import open_service
from tests.support.gcs import bucket_url, emulator, fake_bucket
from tests.support.together import TogetherScheduling
from tests.support.trainings import trained_by_command, trained_by_script, vials_with_one_torn

__all__ = [
    "bucket_url",
    "emulator",
    "fake_bucket",
    "trained_by_command",
    "trained_by_script",
    "vials_with_one_torn",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Hands out tests to the workers, if there are some."""
    return TogetherScheduling(config, log)


@pytest.fixture(autouse=True, scope="session")
def _caches_of_their_own(tmp_path_factory):
    """Keeps the tests from the caches of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREVETTI_CACHE", str(tmp_path_factory.mktemp("caches")))
        yield


@pytest.fixture(scope="session")
def known_workspace(tmp_path_factory):
    """A new workspace that knows the installed model types, to be copied: reading them takes longer than most tests."""
    folder = tmp_path_factory.mktemp("known") / "workspace"
    with open_service(str(folder)) as service:
        assert [found.name for found in service.model_types.list()] == ["image-classification"]
    return folder

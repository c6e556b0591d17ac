import pytest

from tests.support.gcs import bucket_url, emulator, fake_bucket

__all__ = ["bucket_url", "emulator", "fake_bucket"]


@pytest.fixture(autouse=True, scope="session")
def _caches_of_their_own(tmp_path_factory):
    """Keeps the tests from the caches of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREVETTI_CACHE", str(tmp_path_factory.mktemp("caches")))
        yield

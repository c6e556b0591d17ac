import pytest

from brevetti_keras.platform import connect
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.platform.http_platform import HttpPlatform
from brevetti_keras.utils.errors import InvalidInputError
from tests.contracts.platform import PlatformContract


class TestEmbeddedPlatform(PlatformContract):
    @pytest.fixture
    def platform(self, workspace):
        with EmbeddedPlatform(str(workspace)) as platform:
            yield platform


class TestConnect:
    def test_nothing_is_the_usual_workspace(self, workspace):
        with connect() as platform:
            assert isinstance(platform, EmbeddedPlatform)
            assert (platform.home, platform.host_name) == (str(workspace), f"file://{workspace}")
        assert (workspace / "platform.sqlite3").is_file()

    def test_a_path_or_file_url_is_a_workspace(self, tmp_path):
        for given in (tmp_path / "w", str(tmp_path / "w"), f"file://{tmp_path / 'w'}"):
            with connect(given) as platform:
                assert platform.home == str(tmp_path / "w")

    def test_what_one_writes_the_other_reads(self, tmp_path, vials):
        with connect(tmp_path / "w") as one, connect(tmp_path / "w") as other:
            added = one.datasets.add(str(vials))
            assert other.datasets.list() == [added]

    def test_http_is_a_server(self):
        platform = connect("http://127.0.0.1:1", "key")
        assert isinstance(platform, HttpPlatform)
        assert platform.host_name == "http://127.0.0.1:1"
        platform.close()

    def test_another_kind_of_url_is_refused(self):
        with pytest.raises(InvalidInputError):
            connect("ftp://host")

from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.wire.routes import DOWNLOAD, download_url, download_urls

PATHS = st.text(st.sampled_from("ab/ .%æ&?#"), max_size=12)


@settings(max_examples=50, deadline=None)
@given(st.lists(PATHS, max_size=6))
def test_the_links_of_many_paths_are_those_of_each(paths):
    assert download_urls(paths) == [download_url(path) for path in paths]


@settings(max_examples=50, deadline=None)
@given(PATHS)
def test_a_link_tells_its_path_again(path):
    parts = urlsplit(download_url(path))
    assert parts.path == DOWNLOAD
    assert parse_qs(parts.query, keep_blank_values=True) == {"path": [path]}
    assert parts.fragment == ""

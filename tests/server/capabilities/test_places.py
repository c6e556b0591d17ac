import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevetti_keras.server.capabilities.places import check_address
from brevetti_keras.utils.errors import InvalidInputError


@pytest.mark.parametrize(
    "place",
    ["gs://vials", "gs://vials/", "gs://vials/line 3/æ", "GS://vials/x", "gs://a.b-c_9/deep/er", "gs://vials/..x"],
)
def test_a_prefix_of_a_bucket_is_taken(place):
    check_address(place)


@pytest.mark.parametrize(
    "place",
    ["gs://", "gs:///x", "gs://a:b@c/x", "gs://a:80/x", "gs://ab/..", "gs://ab/x/../y", "gs://abc/./x", "gs://ab\n"],
)
def test_what_names_no_bucket_or_leads_out_of_it_is_refused_on_one_line(place):
    with pytest.raises(InvalidInputError, match=r"expected gs://bucket/prefix, received") as caught:
        check_address(place)
    assert "\n" not in str(caught.value)


@given(scheme=st.from_regex(r"[A-Za-z][A-Za-z0-9+.-]{0,12}", fullmatch=True), rest=st.text(max_size=20))
def test_no_other_scheme_is_taken(scheme, rest):
    if scheme.lower() != "gs":
        with pytest.raises(InvalidInputError, match="expected a folder, a CSV of samples or gs://bucket/prefix"):
            check_address(f"{scheme}://{rest}")

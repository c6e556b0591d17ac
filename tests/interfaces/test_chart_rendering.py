"""Charts as pictures: drawn in a child, cut off in time, and nothing fetched."""

import io
import json
import subprocess
import sys
import threading

import pytest
from PIL import Image

from brevetti_keras.interfaces.chart_rendering import Drawing, render_charts, render_png, render_svg
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.http_host import http_host


def bars(**more):
    return {
        "data": {"values": [{"a": "</script><b>x", "b": 3}]},
        "mark": "bar",
        "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}},
        **more,
    }


def test_a_chart_is_drawn_from_text_or_a_dict_alike_with_its_text_escaped():
    svg = render_svg(bars())
    assert svg.startswith("<svg")
    assert "<b>" not in svg
    assert "</script>" not in svg
    assert "x" in svg
    assert svg == render_svg(json.dumps(bars()))


def test_dark_charts_have_light_text():
    assert "#e8e6e3" in render_svg(bars(), dark=True)
    assert "#e8e6e3" not in render_svg(bars())


def test_a_png_has_two_pixels_to_a_point():
    small = Image.open(io.BytesIO(render_png(bars(width=50, height=50))))
    large = Image.open(io.BytesIO(render_png(bars(width=150, height=50))))
    assert large.width - small.width == 200


def test_a_broken_chart_harms_no_other():
    good, bad, none, text = render_charts([Drawing(bars()), Drawing({}), Drawing("[]"), Drawing("{")])
    assert isinstance(good, str)
    assert "Invalid specification" in str(bad)
    assert "a JSON object, received list" in str(none)
    assert "expected JSON" in str(text)
    assert render_charts([]) == []
    with pytest.raises(InvalidInputError, match="Invalid specification"):
        render_svg({})


def test_no_address_is_fetched(tmp_path):
    (tmp_path / "secret.json").write_text('[{"a": "found-me", "b": 1}]')
    with http_host() as host:
        with pytest.raises(InvalidInputError, match="not allowed"):
            render_svg(bars(data={"url": f"{host.address}/data.json"}))
        assert host.requests == []
    for address in (f"file://{tmp_path}/secret.json", f"{tmp_path}/secret.json"):
        picture = render_charts([Drawing(bars(data={"url": address}))])[0]
        assert "found-me" not in str(picture)


def test_a_chart_that_takes_too_long_is_ended():
    endless = bars(data={"sequence": {"start": 0, "stop": 50_000_000, "as": "b"}}, mark="point")
    threads = set(threading.enumerate())
    with pytest.raises(InvalidInputError, match=r"longer than 0\.5 s"):
        render_svg(endless, timeout=0.5)
    assert set(threading.enumerate()) <= threads


def test_a_child_that_dies_is_told(monkeypatch):
    died = subprocess.CompletedProcess([], -9, b"", b"something\nKilled\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: died)
    first, second = render_charts([Drawing(bars()), Drawing(bars())])
    assert "ended with -9: Killed" in str(first)
    assert "ended with -9: Killed" in str(second)


def test_the_renderer_is_loaded_in_the_child_alone():
    code = (
        "import sys; from brevetti_keras.interfaces.chart_rendering import render_svg; "
        f"render_svg({bars()!r}); assert 'vl_convert' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

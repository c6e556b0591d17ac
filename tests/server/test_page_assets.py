from pathlib import Path

from brevetti_keras.server import page_assets


def test_a_complete_installation_lacks_nothing():
    assert page_assets.missing_assets() == []


def test_a_file_that_a_page_loads_and_that_is_not_there_is_named(tmp_path, monkeypatch):
    for name in ("templates", "assets/vendor"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "templates" / "job.html").write_text('<script src="/assets/vendor/there.js"></script>')
    (tmp_path / "assets" / "charts.js").write_text('load("/assets/vendor/absent.js"); load("/assets/vendor/style.css")')
    (tmp_path / "assets" / "vendor" / "there.js").write_text("")
    monkeypatch.setattr(page_assets, "_FOLDER", Path(tmp_path))
    assert page_assets.missing_assets() == ["absent.js", "style.css"]

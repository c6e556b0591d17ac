import pytest

from brevetti_keras.platform.settings_files import MAX_BYTES, read_settings_file
from brevetti_keras.utils.errors import SettingsError


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_reads_yaml_and_json(tmp_path):
    expected = {"epochs": 12, "image_pipeline": {"target_size": [64, 64], "rescale": None}}
    yaml = write(tmp_path / "a.yaml", "epochs: 12\nimage_pipeline:\n  target_size: [64, 64]\n  rescale: null\n")
    json = write(tmp_path / "a.json", '{"epochs": 12, "image_pipeline": {"target_size": [64, 64], "rescale": null}}')
    assert read_settings_file(yaml) == expected
    assert read_settings_file(str(json)) == expected


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n", "---\n", "{}", "\ufeff", "null"])
@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_an_empty_file_is_no_settings(tmp_path, content, ending):
    if ending == "json" and content.startswith(("#", "-")):
        with pytest.raises(SettingsError, match="expected JSON"):
            read_settings_file(write(tmp_path / f"a.{ending}", content))
        return
    assert read_settings_file(write(tmp_path / f"a.{ending}", content)) == {}


def test_anchors_and_merges_work(tmp_path):
    path = write(tmp_path / "a.yaml", "base: &b {x: 1, y: 2}\nother:\n  <<: *b\n  y: 3\n")
    assert read_settings_file(path)["other"] == {"x": 1, "y": 3}


_BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "expected a mapping of settings"),
        ("just text", "expected a mapping of settings"),
        ("a: [1, 2", "expected YAML"),
        ("a: 1\na: 2", "'a' twice"),
        ("a: {b: 1, b: 2}", "'b' twice"),
        ("1: x", "expected names as keys, received 1: put it in quotes"),
        ("yes: x", "expected names as keys, received True"),
        ("? [a]\n: x", "a.yaml: "),
        ("a: !!python/object/apply:os.system ['true']", "expected YAML"),
        ("a: &x [*x]", "nested at most 64 deep"),
        ("a: " + "[" * 100 + "]" * 100, "nested at most 64 deep"),
        ("a: " + "[" * 30_000 + "]" * 30_000, "nested at most 64 deep"),
        ("a: 9999-99-99", "a.yaml: "),
        (_BOMB, "expected at most 100000 values"),
        (b"a: \xff\xfe", "expected text in UTF-8"),
        (b"a: \x00", "expected YAML"),
        ("a: 1\n---\nb: 2", "expected YAML"),
        ("#" * (MAX_BYTES + 1), "received a larger file"),
    ],
)
def test_hostile_yaml_is_one_line(tmp_path, content, message):
    path = write(tmp_path / "a.yaml", content)
    with pytest.raises(SettingsError, match=message) as caught:
        read_settings_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1e999}', '{"a"', "[1]", "1"])
def test_hostile_json_is_one_line(tmp_path, content):
    with pytest.raises(SettingsError) as caught:
        read_settings_file(write(tmp_path / "a.json", content))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(SettingsError, match=r"expected a settings file .*no\.yaml: No such file"):
        read_settings_file(tmp_path / "no.yaml")
    with pytest.raises(SettingsError, match="Is a directory"):
        read_settings_file(tmp_path)

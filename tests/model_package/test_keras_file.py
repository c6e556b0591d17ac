import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import psutil
import pytest

from brevetti_keras.model_package.keras_file import keras_bytes, load_keras, read_config
from brevetti_keras.utils.errors import BrevettiError, IntegrityError, InvalidInputError


def rewritten(data: bytes, change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The same `.keras` file after `change` of its members."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def with_config(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    def rewrite(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()

    return rewritten(data, rewrite)


def with_layer(data: bytes, layer: dict[str, Any]) -> bytes:
    return with_config(data, lambda config: config["config"]["layers"].insert(1, layer))


@pytest.fixture(scope="module")
def saved(model: Any) -> bytes:
    return keras_bytes(model)


def test_gives_back_the_same_model(model: Any, saved: bytes) -> None:
    loaded = load_keras(saved, "here")
    images = np.random.default_rng(0).random((3, 6, 5, 3), np.float32)
    np.testing.assert_array_equal(loaded(images), model(images))
    assert not loaded.compiled


def test_a_trained_functional_model_comes_back_without_its_training() -> None:
    entry = keras.Input((4, 4, 1), name="image")
    branch = keras.layers.Conv2D(2, 1, name="branch")(entry)
    joined = keras.ops.concatenate([entry, branch + 1.0], axis=-1)
    trained = keras.Model(entry, keras.layers.Dense(2, name="scores")(keras.layers.Flatten(name="flat")(joined)))
    trained.compile("adam", "mse")
    trained.fit(np.ones((4, 4, 4, 1)), np.ones((4, 2)), verbose=0)
    loaded = load_keras(keras_bytes(trained), "here")
    np.testing.assert_allclose(loaded(np.ones((1, 4, 4, 1))), trained(np.ones((1, 4, 4, 1))), rtol=1e-6)


LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {
        "name": "l",
        "function": {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None, "closure": None}},
    },
    "registered_name": None,
}


def call_of(module: str, name: str, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


@pytest.mark.parametrize(
    "layer",
    [
        LAMBDA,
        call_of("os", "system", command="touch {marker}"),
        call_of("subprocess", "run", args="touch {marker}"),
        call_of("builtins", "exec", config="open('{marker}', 'w')"),
        call_of("builtins", "eval", config="open('{marker}', 'w')"),
        call_of("keras.utils", "get_file", fname="{marker}", origin="file:///etc/hostname"),
        call_of("keras.config", "enable_unsafe_deserialization"),
        call_of("keras.saving", "load_model", filepath="{marker}"),
        call_of("keras.layers", "TFSMLayer", filepath="{marker}"),
        call_of("keras.src.utils.file_utils", "get_file", fname="{marker}"),
        {**call_of("keras.layers", "Dense", units=3), "class_name": "Lambda"},
    ],
    ids=lambda layer: f"{layer['module']}.{layer['class_name']}",
)
@pytest.mark.parametrize("switch", [False, True], ids=["", "unsafe switched on"])
def test_refuses_code(saved: bytes, marker: Path, layer: dict[str, Any], switch: bool) -> None:
    text = json.dumps(layer).replace("{marker}", str(marker))
    if switch:
        keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(InvalidInputError, match="here: "):
            load_keras(with_layer(saved, json.loads(text)), "here")
    finally:
        keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)
    assert not marker.exists()


def test_refuses_code_in_the_compile_config(saved: bytes) -> None:
    def change(config: dict[str, Any]) -> None:
        config["compile_config"] = {"loss": call_of("os", "system", command="true")}

    with pytest.raises(InvalidInputError, match=r"os\.system"):
        load_keras(with_config(saved, change), "here")


@pytest.mark.parametrize("layer_class", ["StringLookup", "TextVectorization"])
def test_reads_no_file_that_a_config_names(saved: bytes, tmp_path: Path, layer_class: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary\nother\n")
    layer = call_of("keras.layers", layer_class, vocabulary=str(secret))
    with pytest.raises(InvalidInputError) as refused:
        load_keras(with_layer(saved, layer), "here")
    assert "canary" not in str(refused.value)


def test_refuses_weights_that_lie_elsewhere(saved: bytes, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.full(108, 42.0, np.float32).tobytes())

    def change(members: dict[str, bytes]) -> None:
        path = tmp_path / "weights.h5"
        path.write_bytes(members["model.weights.h5"])
        with h5py.File(path, "r+") as file:
            variables = file["layers/conv2d/vars"]
            del variables["0"]
            variables.create_dataset("0", (3, 3, 3, 4), "f4", external=[(str(secret).encode(), 0, 432)])
        members["model.weights.h5"] = path.read_bytes()

    with pytest.raises(InvalidInputError, match="here: "):
        load_keras(rewritten(saved, change), "here")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "assets/../../x", "a.py", "assets/.hidden", "assets\\x"])
def test_refuses_other_names_in_the_zip(saved: bytes, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="as Keras writes it"):
        load_keras(rewritten(saved, lambda members: members.update({name: b"x"})), "here")
    assert os.listdir(tmp_path) == []


def test_refuses_a_link_in_the_zip(saved: bytes) -> None:
    buffer = io.BytesIO(saved)
    with zipfile.ZipFile(buffer, "a") as file:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    with pytest.raises(InvalidInputError, match="assets/link"):
        load_keras(buffer.getvalue(), "here")


def test_refuses_a_config_that_asks_for_more_than_its_weights(saved: bytes) -> None:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][-1]["config"]["units"] = 400_000_000

    process = psutil.Process()
    before = process.memory_info().rss
    with pytest.raises(InvalidInputError, match=r"asks for \d{10} bytes of weights"):
        load_keras(with_config(saved, change), "here")
    # Keras fills variables it was kept from filling when the next model is made.
    keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(2.0)])
    assert process.memory_info().rss - before < 200_000_000


def test_refuses_a_zip_bomb(saved: bytes) -> None:
    bomb = rewritten(saved, lambda members: members.update({"assets/x": bytes(100_000_000)}), zipfile.ZIP_DEFLATED)
    with pytest.raises(InvalidInputError, match="unpack to about that"):
        load_keras(bomb, "here")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_cut_file_is_damaged(saved: bytes, share: float) -> None:
    with pytest.raises(IntegrityError, match="is damaged"):
        load_keras(saved[: int(len(saved) * share)], "here")


@pytest.mark.parametrize("content", [b"[]", b"{", b"{}", b'{"a": 1, "a": 2}', b"[" * 1000 + b"]" * 1000])
def test_refuses_a_config_that_describes_no_model(saved: bytes, content: bytes) -> None:
    with pytest.raises(BrevettiError):
        load_keras(rewritten(saved, lambda members: members.update({"config.json": content})), "here")


def test_refuses_other_formats() -> None:
    with pytest.raises(BrevettiError):
        load_keras(b"\x89HDF\r\n\x1a\n" + bytes(500), "here")
    with pytest.raises(BrevettiError):
        load_keras(b"\x80\x04\x95pickle", "here")


def test_registered_layers_are_loaded() -> None:
    @keras.saving.register_keras_serializable(package="ours", name="Twice")
    class Twice(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    doubled = keras.Sequential([keras.Input((2,)), Twice()])
    assert np.asarray(load_keras(keras_bytes(doubled), "here")(np.ones((1, 2)))).tolist() == [[2, 2]]
    data = keras_bytes(doubled)
    keras.saving.get_custom_objects().pop("ours>Twice")
    with pytest.raises(InvalidInputError, match="register_keras_serializable"):
        load_keras(data, "here")


def test_read_config_needs_no_keras_layers(saved: bytes) -> None:
    assert read_config(saved, "here")["class_name"] == "Sequential"

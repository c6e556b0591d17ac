import os
import subprocess
import sys

import pytest

from brevetti_keras.cli.tensorflow_start import worth_telling

USUAL = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n",
    "I0000 00:00:1795468559.689233   32462 port.cc:153] oneDNN custom operations are on.\n",
    "2026-11-23 20:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This binary is optimized\n",
    "E0000 00:00:1795468562.755131   32462 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error\n",
]


def test_the_usual_messages_are_held_back_and_others_are_not():
    news = "W0000 00:00:1.2 3 gpu_device.cc:1] Something else is wrong\n"
    assert worth_telling([*USUAL, news], gpu=False) == [news]


def test_where_there_is_a_gpu_its_failure_is_news():
    assert worth_telling(USUAL, gpu=True) == [USUAL[-1]]


@pytest.mark.parametrize("level", ["2", "0"])
def test_tensorflow_starts_in_silence_and_errors_after_it_are_seen(level):
    code = (
        "import sys; from brevetti_keras.cli.tensorflow_start import load_quietly; load_quietly();"
        "assert 'tensorflow' in sys.modules; print('told', file=sys.stderr)"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": level}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == "told\n"


def test_a_failure_while_loading_is_not_hidden():
    code = (
        "import sys; sys.modules['tensorflow'] = None; import os\n"
        "from brevetti_keras.cli.tensorflow_start import load_quietly; load_quietly()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'tensorflow'" in done.stderr

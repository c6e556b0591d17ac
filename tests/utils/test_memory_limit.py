"""A process that is limited gets what was allowed beyond what it has, and no more."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def printed(*lines):
    code = "\n".join(["from brevetti_keras.utils.memory_limit import limit_memory", *lines])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout


def test_memory_is_bounded_beyond_what_is_mapped():
    shown = printed(
        "held = bytearray(400 << 20)",
        "limit_memory(256 << 20)",
        "bytearray(64 << 20)",
        "try: bytearray(512 << 20)",
        "except MemoryError: print('refused')",
    )
    assert shown == "refused\n"


def test_a_lower_limit_of_the_system_stays():
    shown = printed(
        "import resource",
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))",
        "limit_memory(64 << 30)",
        "print(resource.getrlimit(resource.RLIMIT_AS) == (1 << 30, 1 << 30))",
    )
    assert shown == "True\n"

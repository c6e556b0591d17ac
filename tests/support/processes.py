"""The real server in a process of its own, on a socket."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

import psutil

PROGRAM = """
import sys
from brevetti_keras.server.serve import serve
serve(sys.argv[1], port=int(sys.argv[2]), workers=0, on_ready=lambda link: print(link, flush=True))
"""


class Server:
    """A server that ends with its block; `prefix` is a command that becomes the one behind it."""

    def __init__(
        self, home: str, port: int = 0, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
    ) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", PROGRAM, home, str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip()
        self.url = self.link.partition("/login")[0]
        self.port = int(self.url.rpartition(":")[2])

    def end(self, number: int = signal.SIGINT) -> tuple[str, str]:
        """Asks it to end; returns what it printed."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=240)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def file_checkers() -> list[psutil.Process]:
    """Returns the children of this process that check files; what else a test runner has started is left out."""
    children = psutil.Process().children()
    return [child for child in children if "brevetti_keras.data.file_check.worker" in _words(child)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []

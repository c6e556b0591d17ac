"""`Launcher`: starts queued jobs, the oldest first, each as a process of its own.

    with Launcher(service, workers=1):
        …                                       # service.jobs.start(job_id) is all that a caller does

The processes are in sessions of their own: they outlive the server, and a server that starts later goes on with the
queue and adopts them. What they write to their standard output and error stands in `temp/output.txt` of the job's
folder. Several servers may work on one workspace, see `launches` for why no job starts twice.
"""

import contextlib
import logging
import os
import subprocess
import threading
from typing import Self

from brevetti_keras.server.child_processes import child_environment, module_command
from brevetti_keras.server.launches import Launch
from brevetti_keras.server.processes import is_alive, machine, started
from brevetti_keras.server.service import Service
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError

_LOG = logging.getLogger(__name__)
_JOB_PROCESS = "brevetti_keras.server.job_process"
_POLL_SECONDS = 0.25
_PATIENCE_SECONDS = 5.0
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


class Launcher:
    """A thread that starts what is queued and notes what has ended; `with` starts and ends it.

    Args:
        service: the platform.
        workers: how many of its jobs may run on this machine at once; 0 starts none.
        database_url: the platform's database, if it is another than the workspace's own.
        poll_seconds: pause between two looks at the queue.
    """

    def __init__(
        self,
        service: Service,
        workers: int = 1,
        *,
        database_url: str | None = None,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        if workers < 0:
            raise InvalidInputError(f"expected 0 or more workers, received {workers}")
        self._service = service
        self._workers = workers
        self._database_url = database_url
        self._poll_seconds = poll_seconds
        self._ended = threading.Event()
        self._wake = threading.Event()
        # The processes that were started here, by their launch's token.
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._thread = threading.Thread(target=self._run, name="launcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the thread; the jobs go on."""
        self._ended.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            pause = self._poll_seconds
            try:
                self._turn()
            except BrevettiError as error:
                _LOG.warning("the queue waits: %s", error)
                pause = _PATIENCE_SECONDS
            except Exception:
                # The edge of this thread: whatever fails now may work later, and the server must go on.
                logging.getLogger(__name__).exception("the queue waits after a failure")
                pause = _PATIENCE_SECONDS
            self._wake.wait(pause)
            self._wake.clear()

    def _turn(self) -> None:
        self._note_ends()
        while not self._ended.is_set() and self._start_next():
            pass

    def _note_ends(self) -> None:
        rows = self._service.launches.active()
        for row in rows:
            process = self._processes.get(row["token"])
            if process is not None and process.poll() is None:
                continue
            # None: it runs on another machine, whose own server watches it.
            if is_alive(row) is False:
                self._service.launches.settle(row, process.returncode if process is not None else None)
        active = {row["token"] for row in rows}
        self._processes = {token: process for token, process in self._processes.items() if token in active}

    def _start_next(self) -> bool:
        waiting = self._service.launches.waiting() if self._workers else []
        if not waiting:
            return False
        # Takes in what it has reported, in case somebody runs it from code of their own.
        self._service.jobs.get(waiting[0])
        launch = self._service.launches.claim(self._workers)
        if launch is None:
            return False
        try:
            self._start(launch)
        except OSError as error:
            reason = f"its process could not be started: {error.strerror or error}"
            self._service.launches.fail(launch.job_id, launch.token, reason)
        return True

    def _start(self, launch: Launch) -> None:
        process = _start_process(self._service, launch, self._database_url)
        self._processes[launch.token] = process
        # Collects the process when it ends, so that the next one need not wait for the next look at the queue.
        threading.Thread(target=self._await, args=(process,), daemon=True).start()
        identity = {"pid": process.pid, "pid_started": started(process.pid) or 0, "machine": machine()}
        if self._service.launches.record(launch, identity):
            _LOG.info("job %s runs as process %d", launch.job_id, process.pid)
        else:
            process.terminate()

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._wake.set()


def _start_process(service: Service, launch: Launch, database_url: str | None) -> subprocess.Popen[bytes]:
    # Written at once, and with the place of a crash in C code: what is last in the file explains a failure.
    environment = child_environment(BREVETTI_HOME=service.home, PYTHONUNBUFFERED="1", PYTHONFAULTHANDLER="1")
    output = os.open(service.process_output(launch.job_id), _NEW_FILE, 0o600)
    try:
        process = subprocess.Popen(
            module_command(_JOB_PROCESS, service.home, launch.job_id, launch.token),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        os.close(output)
    # The database's URL may hold a password, which a command line or an environment would show.
    with contextlib.suppress(BrokenPipeError), process.stdin or contextlib.nullcontext() as stdin:
        if stdin is not None and database_url:
            stdin.write(database_url.encode("utf-8"))
    return process

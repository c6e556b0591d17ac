"""Which process runs a job, and whether it still lives; a number alone can have passed on to another process.

    status_body("running", **process_identity())       # what a job reports when it starts
    is_alive(identity)                                  # True, False, or None where this machine cannot know

A process is known by its number, its start time (clock ticks since boot) and its machine: host name, boot and
process namespace, from Linux's /proc.
"""

import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

_BOOT = "/proc/sys/kernel/random/boot_id"
_START_FIELD = 19


def process_identity() -> dict[str, Any]:
    """Returns this process' `pid`, `pid_started` and `machine`."""
    return {"pid": os.getpid(), "pid_started": started(os.getpid()) or 0, "machine": machine()}


def machine() -> str:
    """Returns what tells this machine, boot and process namespace from others."""
    try:
        with open(_BOOT, encoding="ascii") as file:
            boot = file.read().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot = namespace = ""
    return "|".join((socket.gethostname(), boot, namespace))


def started(pid: int) -> int | None:
    """Returns when a process started, in clock ticks since boot; None if it is gone (or has ended and only waits to
    be collected)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field is the program's name in brackets, which may itself hold spaces and brackets.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else int(fields[_START_FIELD])


def is_alive(identity: Mapping[str, Any]) -> bool | None:
    """Tells whether a process lives.

    Args:
        identity: `pid`, `pid_started` and `machine` as `process_identity` gave them.

    Returns:
        None if the process belongs to another machine, or was not told.
    """
    pid, then, where = identity.get("pid"), identity.get("pid_started"), str(identity.get("machine") or "")
    if not pid or not where:
        return None
    here = machine()
    if where != here:
        # The same host after a restart: whatever ran before it has ended.
        same_host = where.split("|")[0] == here.split("|")[0]
        other_boot = where.split("|")[1:2] != here.split("|")[1:2]
        return False if same_host and other_boot else None
    now = started(int(pid))
    return now is not None and (not then or now == int(then))


def terminate(identity: Mapping[str, Any]) -> bool:
    """Sends SIGTERM to a process of this machine; returns whether it was there to get it.

    Raises:
        PermissionError: if it belongs to another user.
    """
    try:
        # The descriptor holds on to one process, so that none which takes its number later is hit.
        descriptor = os.pidfd_open(int(identity["pid"]))
    except ProcessLookupError:
        return False
    try:
        if not is_alive(identity):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True

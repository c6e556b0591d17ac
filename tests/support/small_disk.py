"""A server whose workspace lies on a disk of its own, of some 1 MB, so that the disk really gets full.

The disk is a tmpfs in a mount namespace that ends with the server; where the kernel lets users have namespaces, no
rights are needed for it.
"""

import subprocess
from pathlib import Path

from tests.support.processes import Server

_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
_MOUNTED = """
set -e
mount -t tmpfs -o size=$4 tmpfs "$1"
cp -a "$2" "$1/workspace"
head -c "$3" /dev/zero > "$1/filler"
shift 4
exec "$@"
"""


def may_mount() -> bool:
    """Tells whether this machine lets us have a disk of our own."""
    return subprocess.run([*_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0


class SmallDiskServer(Server):
    """Serves a copy of a workspace from a small disk.

    Args:
        workspace: what is copied there.
        folder: where the disk is mounted, for the server alone.
        size: of the disk in bytes.
        filler: bytes that are taken from the beginning, and freed by `free`.
    """

    def __init__(self, workspace: str, folder: Path, size: int = 1_000_000, filler: int = 200_000) -> None:
        self._folder = folder
        shell = ["sh", "-c", _MOUNTED, "sh", str(folder), workspace, str(filler), str(size)]
        super().__init__(f"{folder}/workspace", prefix=[*_NAMESPACE, *shell])

    def free(self) -> None:
        """Removes the filler; the process' own root is the way into its namespace."""
        Path(f"/proc/{self.process.pid}/root{self._folder}/filler").unlink()

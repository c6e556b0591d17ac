"""Serves TensorBoard in a process of its own, with TensorBoard's own plugins.

Run by `tensorboard` as a plain script. Plugins of other packages are left out: one that cannot be imported, as the
What-If Tool's where setuptools is newer than 81, would keep TensorBoard from starting at all.
"""

import os
import sys
import threading
from collections.abc import Sequence


def serve(arguments: Sequence[str]) -> int:
    """Serves until it is ended, and returns the exit status."""
    # Here, so that importing this module loads nothing heavy; the package's lazy imports are not at hand in a script.
    from tensorboard import default, program

    server = program.TensorBoard(default.get_static_plugins())
    server.configure(argv=["tensorboard", *arguments])
    return int(server.main())


def _end_with_the_parent() -> None:
    """Ends this process once the other end of its standard input is gone, however its parent ended."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    sys.exit(serve(sys.argv[1:]))

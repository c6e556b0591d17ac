"""Serves TensorBoard in a process of its own, with TensorBoard's own plugins.

Run by `tensorboard` as a plain script. Plugins of other packages are left out: one that cannot be imported, as the
What-If Tool's where setuptools is newer than 81, would keep TensorBoard from starting at all.
"""

import sys
from collections.abc import Sequence


def serve(arguments: Sequence[str]) -> int:
    """Serves until it is ended, and returns the exit status."""
    # Here, so that importing this module loads nothing heavy; the package's lazy imports are not at hand in a script.
    from tensorboard import default, program

    server = program.TensorBoard(default.get_static_plugins())
    server.configure(argv=["tensorboard", *arguments])
    return int(server.main())


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))

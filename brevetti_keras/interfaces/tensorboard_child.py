"""Serves TensorBoard in a process of its own, with TensorBoard's own plugins.

Run by `tensorboard` as a plain script. Plugins of other packages are left out: one that cannot be imported, as the
What-If Tool's where setuptools is newer than 81, would keep TensorBoard from starting at all.
"""

import sys

from tensorboard import default, program

if __name__ == "__main__":
    server = program.TensorBoard(default.get_static_plugins())
    server.configure(argv=["tensorboard", *sys.argv[1:]])
    sys.exit(server.main())

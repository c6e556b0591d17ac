"""The child's side of `capabilities/model_type_source.py`: prints what a user's module was asked for, or why it failed.

    sys.exit(give_answer(reference, lambda: describe(reference)))

The answer is the last line of standard output: JSON, or `{"error": …, "kind": …}` with the error's class if it is ours.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import BrevettiError

_LONGEST = 500


def given_words() -> tuple[str, ...]:
    """Returns what this process was asked with: all that stands behind `--`, the reference first."""
    return tuple(sys.argv[sys.argv.index("--") + 1 :])


def give_answer(reference: str, ask: Callable[[], Any], failed: str = "cannot be imported") -> int:
    """Prints an answer and returns the exit status.

    Args:
        reference: what was asked for, `"module:Class"`.
        ask: returns the answer, anything that JSON can hold; a user's module runs in it.
        failed: what is said of the reference if that raises anything.
    """
    try:
        answer = ask()
    except BrevettiError as error:
        answer = {"error": str(error), "kind": type(error).__name__}
    except Exception as error:
        # The edge of this process: any module may fail in any way.
        logging.getLogger(__name__).debug("%s %s", reference, failed, exc_info=True)
        answer = {"error": f"{reference} {failed}: {type(error).__name__}: {error}"[:_LONGEST], "kind": ""}
    sys.stdout.write("\n" + to_json(answer) + "\n")
    sys.stdout.flush()
    return 0

"""Run as a child process: a model type writes its demonstration's images, and what its job is made of is printed.

    python -m brevetti_keras.server.demo_process -- my_package.model_type:Vials /work/datasets

The answer is one line of JSON: `{"name": …, "dataset": …, "settings": …}`, or `{"error": …, "kind": …}`.
"""

import logging
import sys
from typing import Any

from brevetti_keras.registry import load_reference
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import BrevettiError, NotFoundError


def prepare(reference: str, datasets: str) -> dict[str, Any]:
    """Returns what a model type's `demo_job` answers.

    Raises:
        NotFoundError: if it has none.
    """
    wanted = getattr(load_reference(reference), "demo_job", None)
    if not isinstance(wanted, str):
        raise NotFoundError(f"{reference} has no demo that a platform can run")
    answer = load_reference(wanted)(datasets)
    return {name: answer[name] for name in ("name", "dataset", "settings")}


def main() -> int:
    """Prints the answer; returns the exit status."""
    reference, datasets = sys.argv[sys.argv.index("--") + 1 :]
    try:
        answer: Any = prepare(reference, datasets)
    except BrevettiError as error:
        answer = {"error": str(error), "kind": type(error).__name__}
    except Exception as error:
        # The edge of this process: any module may fail in any way.
        logging.getLogger(__name__).debug("the demo failed", exc_info=True)
        answer = {"error": f"no demo of {reference}: {type(error).__name__}: {error}"[:500], "kind": ""}
    sys.stdout.write("\n" + to_json(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

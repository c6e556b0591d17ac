"""Run as a child process: a model type writes its demonstration's images, and what its job is made of is printed.

    python -m brevetti_keras.server.demo_process -- my_package.model_type:Vials /data/platform/datasets

The answer is one line of JSON: `{"name": …, "dataset": …, "settings": …}`, or `{"error": …, "kind": …}`.
"""

import sys
from typing import Any

from brevetti_keras.registry import load_reference
from brevetti_keras.server.child_answer import give_answer, given_words
from brevetti_keras.utils.errors import NotFoundError


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
    reference, datasets = given_words()
    return give_answer(reference, lambda: prepare(reference, datasets), "has a demo that fails")


if __name__ == "__main__":
    sys.exit(main())

import ast
import random
from pathlib import Path

import brevetti_keras
from brevetti_keras.utils.scatter import scattered


def test_waits_lie_between_half_and_all_and_differ():
    waits = [scattered(4.0) for _ in range(200)]
    assert all(2.0 <= wait <= 4.0 for wait in waits)
    assert len(set(waits)) > 190
    assert scattered(0.0) == 0.0


def test_a_wait_takes_no_number_from_the_seed_of_a_training():
    random.seed(3)
    expected = [random.random() for _ in range(3)]
    random.seed(3)
    drawn = []
    for _ in range(3):
        scattered(1.0)
        drawn.append(random.random())
    assert drawn == expected


def _draws_from_the_seed(tree: ast.AST) -> list[int]:
    """Lines that use a function of the module `random` itself: its classes have a state of their own."""
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "random"]
    named = [node.lineno for node in used if node.value.id == "random" and node.attr not in ("Random", "SystemRandom")]
    return named + [node.lineno for node in imported]


def test_nothing_in_the_library_takes_numbers_from_the_seed_of_a_training():
    root = Path(brevetti_keras.__file__).parent
    found = {str(path): _draws_from_the_seed(ast.parse(path.read_text())) for path in root.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert _draws_from_the_seed(ast.parse("import random\nrandom.uniform(0, 1)")) == [2]

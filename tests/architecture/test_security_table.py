"""The table of docs/security.md is whole, and each test that it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [line for line in (ROOT / "docs" / "security.md").read_text().splitlines() if re.match(r"\| [SB]\d", line)]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
CASES = [
    *(f"S{number:02d}" for number in [*range(1, 11), *range(17, 25), 27, *range(28, 36), *range(37, 41)]),
    *("B01", "B02", "B03", "B04", "B08", "B18", "B19", "B20", "B24"),
]


def test_every_case_has_its_row():
    assert [row.split()[1] for row in ROWS] == CASES


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split()[1])
def test_the_tests_that_hold_a_case_are_there(row):
    required, held = row.split("|")[2:4]
    assert required.strip()
    named = NAMED.findall(held)
    assert named
    assert len(named) == held.count("::")
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text())
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file}::{name}"
        asserts = [node for node in ast.walk(functions[name]) if isinstance(node, ast.Assert | ast.With | ast.Call)]
        assert asserts, f"{file}::{name} asserts nothing"

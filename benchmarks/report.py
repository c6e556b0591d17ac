"""What the benchmarks share: figures with their goals, in one table, and what else the machine had to do meanwhile.

    figures = [Figure("1,000 points, ours", 0.06, "s", at_most=0.1), Figure("1,000 points, MLflow", 0.4, "s")]
    show("Ingestion", figures)

A benchmark prints; it fails for nothing but an error. Times are medians of several rounds, peers in turn with us.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        what: was measured.
        value: the figure.
        unit: its unit.
        at_most, at_least: the goal, if there is one.
    """

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def goal(self) -> str:
        """The goal as text, empty without one."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g} {self.unit}"
        return "" if self.at_least is None else f"≥ {self.at_least:g} {self.unit}"

    @property
    def verdict(self) -> str:
        """Whether the goal is met, empty without one."""
        if not self.goal:
            return ""
        high = self.at_most is None or self.value <= self.at_most
        return "met" if high and (self.at_least is None or self.value >= self.at_least) else "MISSED"


def show(title: str, figures: Sequence[Figure]) -> None:
    """Prints a table: what, figure, goal, whether it is met; below it the machine's load, since others may use it."""
    width = max(len(figure.what) for figure in figures)
    print(f"\n{title}")
    print(f"  {'':{width}}  {'figure':>14}  {'goal':>12}")
    for figure in figures:
        value = (
            f"{figure.value:,.3g} {figure.unit}" if abs(figure.value) < 1000 else f"{figure.value:,.0f} {figure.unit}"
        )
        print(f"  {figure.what:{width}}  {value:>14}  {figure.goal:>12}  {figure.verdict}".rstrip())
    print(f"  {os.cpu_count()} cores, load {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


def in_turn(rounds: int, calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Returns each call's median seconds; every round runs them all, and a first one that is not counted warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(taken) for name, taken in seconds.items()}

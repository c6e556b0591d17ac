"""Spreads waits, so that clients that failed together do not come again together.

time.sleep(scattered(2.0))      # between 1 and 2 seconds
"""

import random


def scattered(seconds: float) -> float:
    """Returns a wait between half of `seconds` and all of it.

    It is drawn by the system: a draw from Python's own generator, in a thread that sends beside a training, would take
    numbers from the seed that the training set, and a host that did not answer would give other weights.
    """
    return seconds * random.SystemRandom().uniform(0.5, 1.0)

"""Charts of a classifier's scores: how sure it is, whether rightly, and what a demand on its sureness costs.

    score_histogram(predictions, classes)
    calibration(predictions, classes)
    security_level(predictions, classes)

The score of a sample is here the highest of its classes' scores: that of the class which is predicted.
"""

from collections.abc import Sequence

import numpy as np

from brevetti_keras.interfaces.chart_text import WIDTH, altair, chart_text, thinned, values
from brevetti_keras.interfaces.predictions import Predictions, Scored, read_predictions

_HEIGHT = 260


def score_histogram(predictions: Predictions, classes: Sequence[str], label: str = "category", bins: int = 20) -> str:
    """Returns how many samples have which score, those predicted right and wrong apart.

    Args:
        predictions: see `read_predictions`.
        classes: the classes, in the order of the scores.
        label: the column of the labels.
        bins: bars between the lowest and the highest score of all (0 and 1 if they lie within).

    Returns:
        Vega-Lite JSON text.

    Raises:
        InvalidInputError: see `read_predictions`.
    """
    scored = read_predictions(predictions, classes, label)
    edges = np.linspace(*_ends(scored), bins + 1)
    rows = []
    for outcome, chosen in (("right", scored.correct), ("wrong", ~scored.correct)):
        counts = np.histogram(scored.confidence[chosen], edges)[0]
        rows += [
            {"from": float(low), "to": float(high), "samples": int(count), "outcome": outcome}
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
            if count
        ]
    chart = (
        altair.Chart(values(rows), width=WIDTH, height=_HEIGHT)
        .mark_bar()
        .encode(
            x=altair.X("from:Q", title="Score of the predicted class", bin="binned"),
            x2="to:Q",
            y=altair.Y("samples:Q", title="Samples", stack="zero", axis=altair.Axis(format=",d", tickMinStep=1)),
            color=altair.Color(
                "outcome:N",
                title="Predicted",
                scale=altair.Scale(domain=["right", "wrong"], range=["#4c78a8", "#e45756"]),
            ),
            tooltip=["outcome:N", "from:Q", "to:Q", "samples:Q"],
        )
        .properties(title=altair.Title("Scores", subtitle=scored.told()))
    )
    return chart_text(chart, "score_histogram")


def calibration(predictions: Predictions, classes: Sequence[str], label: str = "category", bins: int = 10) -> str:
    """Returns the share predicted right over the score: on the diagonal a score is a probability.

    Args:
        predictions: see `read_predictions`; the scores lie in [0, 1].
        classes: the classes, in the order of the scores.
        label: the column of the labels.
        bins: equal parts of [0, 1] over which scores are averaged.

    Returns:
        Vega-Lite JSON text; the subtitle has the expected calibration error (Guo et al. 2017, arXiv:1706.04599).

    Raises:
        InvalidInputError: see `read_predictions`.
    """
    scored = read_predictions(predictions, classes, label)
    place = np.clip((scored.confidence * bins).astype(np.int64), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    used = np.flatnonzero(counts)
    score = np.bincount(place, scored.confidence, bins)[used] / counts[used]
    right = np.bincount(place, scored.correct, bins)[used] / counts[used]
    error = float((counts[used] * np.abs(score - right)).sum() / max(counts.sum(), 1))
    rows = [
        {"score": float(s), "right": float(r), "samples": int(n)}
        for s, r, n in zip(score, right, counts[used], strict=True)
    ]
    share = altair.Scale(domain=[0, 1])
    ideal = altair.Chart(values([{"score": 0, "right": 0}, {"score": 1, "right": 1}])).mark_line(
        strokeDash=[4, 4], color="#8c959f"
    )
    base = altair.Chart(values(rows), width=320, height=320).encode(
        x=altair.X("score:Q", title="Mean score of the predicted class", scale=share),
        y=altair.Y("right:Q", title="Share predicted right", scale=share),
        tooltip=[*(altair.Tooltip(f"{name}:Q", format=".3f") for name in ("score", "right")), "samples:Q"],
    )
    points = base.mark_point(filled=True, opacity=0.9).encode(
        size=altair.Size("samples:Q", title="Samples", scale=altair.Scale(range=[40, 500]))
    )
    chart = ideal.encode(x="score:Q", y="right:Q") + base.mark_line() + points
    title = altair.Title("Calibration", subtitle=f"Expected calibration error {error:.3f}, {scored.told()}")
    return chart_text(chart.properties(title=title), "calibration")


def security_level(predictions: Predictions, classes: Sequence[str], label: str = "category") -> str:
    """Returns what it brings, and costs, to trust only scores from a level on: the share right among those samples,
    and the share of samples that these are.

    Args:
        predictions: see `read_predictions`.
        classes: the classes, in the order of the scores.
        label: the column of the labels.

    Returns:
        Vega-Lite JSON text.

    Raises:
        InvalidInputError: see `read_predictions`.
    """
    scored = read_predictions(predictions, classes, label)
    order = np.argsort(-scored.confidence, kind="stable")
    levels = scored.confidence[order]
    number = np.arange(1, len(levels) + 1)
    right = np.cumsum(scored.correct[order]) / number
    # Of equal scores the last place counts: a level lets all of them pass.
    last = np.flatnonzero(np.append(levels[1:] != levels[:-1], True)) if len(levels) else np.zeros(0, np.int64)
    rows = []
    for place in (last[index] for index in thinned(len(last))):
        level = float(levels[place])
        rows.append({"level": level, "share": float(right[place]), "of": "right among the trusted"})
        rows.append({"level": level, "share": float(number[place] / len(levels)), "of": "trusted among all"})
    names = ["right among the trusted", "trusted among all"]
    chart = (
        altair.Chart(values(rows), width=WIDTH, height=_HEIGHT)
        # At a level the figures of the next score that occurs hold.
        .mark_line(interpolate="step-before")
        .encode(
            x=altair.X("level:Q", title="Security level: lowest score that is trusted", scale=altair.Scale(zero=False)),
            y=altair.Y("share:Q", title="Share", axis=altair.Axis(format="%"), scale=altair.Scale(domain=[0, 1])),
            color=altair.Color("of:N", title=None, scale=altair.Scale(domain=names, range=["#4c78a8", "#f58518"])),
            tooltip=["of:N", altair.Tooltip("level:Q", format=".4f"), altair.Tooltip("share:Q", format=".2%")],
        )
        .properties(title=altair.Title("Security level", subtitle=scored.told()))
    )
    return chart_text(chart, "security_level")


def _ends(scored: Scored) -> tuple[float, float]:
    scores = scored.confidence
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 1.0)
    return (0.0, 1.0) if low >= 0.0 and high <= 1.0 else (low, high if high > low else low + 1.0)

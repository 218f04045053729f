"""Figures for tasks with several labels an example: counts, F1, thresholds, intervals.

Shape suffixes: s examples, w labels, g groups.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ectrain.task import Estimate, Targets

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@attrs.frozen(eq=False)
class Decisions:
    """What was decided for each label of each example, against the truth.

    Attributes:
        said_sw: Whether the label was given, `[s, w]`.
        true_sw: Whether it holds, `[s, w]`.
        known_sw: Whether that is known, `[s, w]`; unknown labels count nowhere.
    """

    said_sw: Bools
    true_sw: Bools
    known_sw: Bools

    @classmethod
    def at(cls, score_sw: Floats, values_sw: Floats, threshold_w: Floats) -> Decisions:
        """Decide by thresholds; a value above 0 is a positive, NaN is unknown."""
        return cls(score_sw > threshold_w, values_sw > 0, ~np.isnan(values_sw))

    def merged(self, columns: Sequence[Sequence[int]]) -> Decisions:
        """Return decisions over groups of labels: any label of the group counts once."""

        def any_of(x_sw: Bools) -> Bools:
            return np.stack([x_sw[:, list(group)].any(1) for group in columns], 1)

        said_sw, true_sw = self.said_sw & self.known_sw, self.true_sw & self.known_sw
        return Decisions(any_of(said_sw), any_of(true_sw), any_of(self.known_sw))

    def counts(self) -> Floats:
        """Return true positives, false positives and false negatives of each label, `[3, w]`."""
        said, true, known = self.said_sw, self.true_sw, self.known_sw
        parts = (said & true & known, said & ~true & known, ~said & true & known)
        return np.stack([part.sum(0) for part in parts]).astype(float)


def f1_w(counts_3w: Floats) -> Floats:
    """Return F1 of each label, `[w]`, NaN where there is no positive to find.

    Source: van Rijsbergen, Information retrieval (1979), as 2 tp / (2 tp + fp + fn).
    """
    hits, false, missed = counts_3w
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(hits + missed > 0, 2 * hits / (2 * hits + false + missed), np.nan)
    return found


def macro_f1(counts_3w: Floats) -> float | None:
    """Return the mean F1 of labels that have positives, None where none has."""
    found = f1_w(counts_3w)
    return float(np.nanmean(found)) if not np.isnan(found).all() else None


def micro_f1(counts_3w: Floats) -> float | None:
    """Return F1 over all labels' decisions together, None where nothing is to be found."""
    found = float(f1_w(counts_3w.sum(1, keepdims=True))[0])
    return None if np.isnan(found) else found


def best_thresholds(score_sw: Floats, values_sw: Floats, least: int = 10) -> Floats:
    """Return each label's threshold with the highest F1, `[w]`.

    Args:
        score_sw: Scores of validation examples, never of test examples.
        values_sw: Their labels, NaN where unknown.
        least: Positives that a label needs for a threshold of its own; others share one.
    """
    shared = _threshold(score_sw.ravel(), values_sw.ravel(), default=0.5)
    return np.array(
        [
            _threshold(score_sw[:, w], values_sw[:, w], shared)
            if np.nansum(values_sw[:, w] > 0) >= least
            else shared
            for w in range(score_sw.shape[1])
        ]
    )


def _threshold(score_s: Floats, values_s: Floats, default: float) -> float:
    """Return the middle of the gap in sorted scores below which the F1 is highest."""
    known = ~np.isnan(values_s)
    order = np.argsort(-score_s[known], kind="stable")
    score, true = score_s[known][order], values_s[known][order] > 0
    if not true.any():
        return default
    hits = true.cumsum()
    f1 = 2 * hits / (np.arange(1, len(true) + 1) + true.sum())
    ends = np.append(score[1:] < score[:-1], True)  # equal scores stand or fall together
    best = int(np.where(ends, f1, -1.0).argmax())
    below = score[best + 1] if best + 1 < len(score) else score[best] - 1e-6
    return float((score[best] + below) / 2)


def bootstrapped(
    decisions: Decisions,
    groups: Sequence[str],
    figure: Callable[[Floats], float | None] = macro_f1,
    rounds: int = 1000,
    why: str = "",
) -> Estimate:
    """Return a figure of label counts with its 95 % interval, groups drawn as a whole.

    Args:
        decisions: On held-out data.
        groups: What each example belongs to; a group's examples are not independent.
        figure: From counts `[3, w]` to a figure.
        rounds: Resamples.
        why: How it was measured.

    Source: Efron & Tibshirani, An introduction to the bootstrap (1993), chapter 13 (percentile).
    """
    value = figure(decisions.counts())
    if value is None:
        return Estimate.missing(why or "no label has a positive example")
    names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    index_s = np.array([names[group] for group in groups])
    per_group = np.zeros((len(names), 3, decisions.said_sw.shape[1]))
    said, true, known = decisions.said_sw, decisions.true_sw, decisions.known_sw
    for place, part in enumerate((said & true & known, said & ~true & known, ~said & true & known)):
        np.add.at(per_group[:, place], index_s, part.astype(float))
    rng = np.random.Generator(np.random.PCG64(random.Random("bootstrap").getrandbits(63)))
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
    found = [figure(counts) for counts in np.einsum("rg,gcw->rcw", drawn, per_group)]
    figures = [f for f in found if f is not None]
    low, high = (float(x) for x in np.quantile(figures, (0.025, 0.975)))
    return Estimate(value, len(groups), low, high, why)


class LabelMetric:
    """F1 of decisions at probability one half, streamed as counts.

    Args:
        labels: Names of the labels, w.
        merged: Further figures over groups of labels: columns by name of the figure.
    """

    def __init__(
        self, labels: Sequence[str], merged: Mapping[str, Sequence[Sequence[int]]] | None = None
    ) -> None:
        self._merged = dict(merged or {})
        self._counts = {"": np.zeros((3, len(labels)))}
        for name, columns in self._merged.items():
            self._counts[name] = np.zeros((3, len(columns)))

    def update(self, output: Tensor, targets: Targets) -> None:
        """Count the decisions of logits `[s, w]`."""
        if targets.values_sw is None:
            return
        logits = output.detach().float().cpu().numpy().astype(float)
        values = targets.values_sw.detach().cpu().numpy().astype(float)
        decisions = Decisions.at(logits, values, np.zeros(logits.shape[1]))
        self._counts[""] += decisions.counts()
        for name, columns in self._merged.items():
            self._counts[name] += decisions.merged(columns).counts()

    def merge(self, other: Any) -> None:
        """Add another shard's counts."""
        for name, counts in other._counts.items():
            self._counts[name] += counts

    def compute(self) -> Mapping[str, float | None]:
        """Return macro and micro F1, and the macro F1 of each grouping."""
        counts = self._counts[""]
        found = {"macro_f1@0.5": macro_f1(counts), "micro_f1@0.5": micro_f1(counts)}
        for name in self._merged:
            found[f"{name}_macro_f1@0.5"] = macro_f1(self._counts[name])
        return found

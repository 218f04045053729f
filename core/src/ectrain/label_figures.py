"""Figures of scores, not of decisions: precision over recall, and how far probabilities hold.

Shape suffixes: s examples, w labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import attrs
import numpy as np

from ectrain.labels import Decisions, Floats
from ectrain.task import Estimate

BINS = 15  # of the calibration error


@attrs.frozen
class LabelRow:
    """What a model does with one label.

    Attributes:
        label: Its name.
        support: Examples that have it.
        precision: Share of its decisions that are right; None without any.
        recall: Share of its examples that are found; None without any.
        f1: Their harmonic mean; None without support.
        pr_auc: Average precision; None without support.
        threshold: Score above which it is given.
    """

    label: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None
    pr_auc: float | None
    threshold: float


def label_rows(
    labels: Sequence[str], score_sw: Floats, values_sw: Floats, threshold_w: Floats
) -> list[LabelRow]:
    """Return what a model does with each label."""
    counts_3w = Decisions.at(score_sw, values_sw, threshold_w).counts()
    rows = []
    for w, label in enumerate(labels):
        hits, false, missed = (float(count) for count in counts_3w[:, w])
        support = int(hits + missed)
        rows.append(
            LabelRow(
                label,
                support,
                hits / (hits + false) if hits + false else None,
                hits / support if support else None,
                2 * hits / (2 * hits + false + missed) if support else None,
                average_precision(score_sw[:, w], values_sw[:, w]),
                float(threshold_w[w]),
            )
        )
    return rows


def _curve(score_s: Floats, values_s: Floats) -> tuple[Floats, Floats]:
    """Return precision and recall at each distinct score, from the highest; equal ones together."""
    known = ~np.isnan(values_s)
    order = np.argsort(-score_s[known], kind="stable")
    score, true = score_s[known][order], values_s[known][order] > 0
    ends = np.append(score[1:] < score[:-1], True)
    hits = true.cumsum()
    precision, recall = hits / np.arange(1, len(true) + 1), hits / max(1, true.sum())
    return precision[ends], recall[ends]


def average_precision(score_s: Floats, values_s: Floats) -> float | None:
    """Return the area under precision over recall, as steps; None without a positive.

    Source: Manning, Raghavan & Schuetze, Introduction to information retrieval (2008), 8.4.
    """
    if not np.nansum(values_s > 0):
        return None
    precision, recall = _curve(score_s, values_s)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def recall_at_precision(score_s: Floats, values_s: Floats, least: float = 0.8) -> float | None:
    """Return the highest recall at which precision is at least so much; None without a positive."""
    if not np.nansum(values_s > 0):
        return None
    precision, recall = _curve(score_s, values_s)
    return float(recall[precision >= least].max(initial=0.0))


def mean_over_labels(
    figure: Callable[[Floats, Floats], float | None],
    score_sw: Floats,
    values_sw: Floats,
    why: str,
) -> Estimate:
    """Return the mean of a figure over the labels that have it; their number is named."""
    found = [figure(score_sw[:, w], values_sw[:, w]) for w in range(score_sw.shape[1])]
    kept = [value for value in found if value is not None]
    if not kept:
        return Estimate.missing("no label has a positive example")
    why = f"{why}, {len(kept)} of {len(found)} labels with support"
    return Estimate(float(np.mean(kept)), len(score_sw), why=why)


def temperature(logit_sw: Floats, values_sw: Floats) -> float:
    """Return what logits are divided by for the least cross-entropy, from 0.05 to 20.

    Args:
        logit_sw: Of validation examples, never of test examples.
        values_sw: Their labels, NaN where unknown.

    Source: Guo et al., On calibration of modern neural networks (2017), section 4.2.
    """
    known = ~np.isnan(values_sw)
    logits, truth = logit_sw[known], values_sw[known] > 0

    def nats(log_t: float) -> float:
        signed = np.where(truth, logits, -logits) / np.exp(log_t)
        return float(np.logaddexp(0.0, -signed).mean())

    low, high = np.log(0.05), np.log(20.0)
    golden = (np.sqrt(5.0) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if nats(left) <= nats(right) else (left, high)
    return float(np.exp((low + high) / 2))


def calibration_error(logit_sw: Floats, values_sw: Floats, divisor: float) -> Estimate:
    """Return how far probabilities are from frequencies, the mean over bins of equal width.

    Args:
        logit_sw: Of held-out examples.
        values_sw: Their labels, NaN where unknown.
        divisor: The temperature.

    Source: Guo et al. (2017), equation 3.
    """
    known = ~np.isnan(values_sw)
    if not known.any():
        return Estimate.missing("no label is known")
    probability = 1 / (1 + np.exp(-np.clip(logit_sw[known] / divisor, -60, 60)))
    truth = values_sw[known] > 0
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    count, said, true = (
        np.bincount(place, weights, BINS) for weights in (np.ones(len(place)), probability, truth)
    )
    error = float(np.abs(said - true).sum() / count.sum())
    return Estimate(error, len(logit_sw), why=f"logits divided by {divisor:.3g}, chosen on val")


def twin_accuracy(decisions: Decisions, groups: Sequence[str]) -> Estimate:
    """Return the share of twins of which both are right in every label.

    Twins are the two examples of a group that has no others, where their labels differ.
    """
    right_s = ((decisions.said_sw == decisions.true_sw) | ~decisions.known_sw).all(1)
    members: dict[str, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    pairs = [
        pair
        for pair in members.values()
        if len(pair) == 2 and (decisions.true_sw[pair[0]] != decisions.true_sw[pair[1]]).any()
    ]
    if not pairs:
        return Estimate.missing("no twins in this data: no two examples with a group of their own")
    hits = sum(bool(right_s[pair].all()) for pair in pairs)
    return Estimate.share(hits, len(pairs), "both twins right in every label")

"""Laws of label figures: against scikit-learn, against brute force, and at their edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ectrain.labels import (
    Decisions,
    LabelMetric,
    best_thresholds,
    bootstrapped,
    f1_w,
    macro_f1,
    micro_f1,
)
from ectrain.task import Targets

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores and labels of a few examples and labels."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = draw(st.integers(1, 30)), draw(st.integers(1, 5))
    return rng.normal(size=shape).round(1), (rng.random(shape) < 0.4).astype(float)


@given(tables())
def test_f1_equals_scikit_learn(table: tuple[np.ndarray, np.ndarray]) -> None:
    """F1 of each label with positives, and over all decisions, is scikit-learn's."""
    score_sw, values_sw = table
    decisions = Decisions.at(score_sw, values_sw, np.zeros(score_sw.shape[1]))
    counts = decisions.counts()
    theirs = (
        sklearn_metrics.f1_score(values_sw, score_sw > 0, average=None, zero_division=0)
        if values_sw.shape[1] > 1
        else [sklearn_metrics.f1_score(values_sw[:, 0], score_sw[:, 0] > 0, zero_division=0)]
    )
    supported = values_sw.sum(0) > 0
    np.testing.assert_allclose(f1_w(counts)[supported], np.asarray(theirs)[supported])
    assert np.isnan(f1_w(counts)[~supported]).all()
    if supported.any():
        assert macro_f1(counts) == pytest.approx(np.asarray(theirs)[supported].mean())
        whole = sklearn_metrics.f1_score(values_sw.ravel(), score_sw.ravel() > 0, zero_division=0)
        assert micro_f1(counts) == pytest.approx(whole)
    else:
        assert macro_f1(counts) is None
        assert micro_f1(counts) is None


@given(tables())
def test_chosen_thresholds_are_the_best(table: tuple[np.ndarray, np.ndarray]) -> None:
    """No cut between two scores gives a label a higher F1 than the chosen threshold."""
    score_sw, values_sw = table
    chosen = best_thresholds(score_sw, values_sw, least=1)
    for w in range(score_sw.shape[1]):
        if not values_sw[:, w].any():
            continue
        column, truth = score_sw[:, w : w + 1], values_sw[:, w : w + 1]
        cuts = np.append(np.unique(column) - 0.01, column.max() + 1)
        rivals = [
            np.nan_to_num(f1_w(Decisions.at(column, truth, np.array([cut])).counts()))[0]
            for cut in cuts
        ]
        mine = f1_w(Decisions.at(column, truth, chosen[w : w + 1]).counts())[0]
        assert mine == pytest.approx(max(rivals))


@given(tables(), st.integers(0, 1000))
def test_unknown_labels_count_nowhere(table: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    """A label that is unknown changes no figure, whatever is said about it."""
    score_sw, values_sw = table
    hidden = np.random.default_rng(seed).random(values_sw.shape) < 0.3
    values_sw = np.where(hidden, np.nan, values_sw)
    zeros = np.zeros(score_sw.shape[1])
    one = Decisions.at(score_sw, values_sw, zeros).counts()
    other = Decisions.at(np.where(hidden, -score_sw, score_sw), values_sw, zeros).counts()
    np.testing.assert_array_equal(one, other)


def test_a_hit_on_any_label_of_a_group_counts_once() -> None:
    """Two labels of one group, one of them found, are one true positive of the group."""
    said = np.array([[True, False, False]])
    true = np.array([[True, True, False]])
    merged = Decisions(said, true, np.ones_like(said)).merged([(0, 1), (2,)])
    np.testing.assert_array_equal(merged.counts(), [[1, 0], [0, 0], [0, 0]])


def test_the_interval_holds_the_figure_and_shrinks() -> None:
    """A percentile interval holds the figure, and is narrower with more groups."""
    rng = np.random.default_rng(0)
    widths = []
    for size in (50, 800):
        values = (rng.random((size, 3)) < 0.5).astype(float)
        score = values + rng.normal(size=values.shape)
        decisions = Decisions.at(score, values, np.full(3, 0.5))
        found = bootstrapped(decisions, [str(n // 2) for n in range(size)], rounds=200)
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


def test_nothing_to_find_is_undefined() -> None:
    """Without a single positive the figure is missing, not 0."""
    decisions = Decisions.at(np.ones((4, 2)), np.zeros((4, 2)), np.zeros(2))
    assert bootstrapped(decisions, list("abcd")).value is None
    metric = LabelMetric(("a", "b"))
    metric.update(torch.ones(4, 2), Targets(torch.zeros(0), torch.zeros(4, 2), 8))
    assert set(metric.compute().values()) == {None}

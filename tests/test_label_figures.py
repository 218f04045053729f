"""Weights, losses and figures that all tasks with labels share, against references."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from ectrain.label_figures import (
    average_precision,
    calibration_error,
    label_rows,
    recall_at_precision,
    temperature,
)
from ectrain.label_weights import Weighting, positive_weights
from ectrain.labels import Floats
from ectrain.parts import asymmetric_label_loss, label_loss
from ectrain.task import Targets

RULES: tuple[Weighting, ...] = get_args(Weighting)
SEEDS = st.integers(0, 10_000)


def drawn(seed: int, examples: int = 40, labels: int = 3) -> tuple[Floats, Floats]:
    """Return scores with ties and labels, `[s, w]` both."""
    rng = np.random.default_rng(seed)
    scores: Floats = rng.normal(size=(examples, labels)).round(1)
    return scores, rng.integers(0, 2, (examples, labels)).astype(np.float64)


@pytest.mark.parametrize("rule", RULES)
def test_rarer_labels_never_count_less(rule: Weighting) -> None:
    """Weights grow with rarity from 1 to the cap, and are finite without any positive."""
    has = np.array([0.0, 1, 2, 10, 100, 500, 1000])
    found = positive_weights(has, 1000 - has, rule, 20.0)
    assert found[0] == 1.0
    assert (np.diff(found[1:]) <= 0).all()
    assert found.min() >= 1.0
    assert found.max() <= 20.0


def test_rules_are_the_formulas_they_are_named_by() -> None:
    """4 of 20: root 2, ratio 4, inverse 5; the effective number is nearly the ratio; none is 1."""
    has, lacks = np.array([4.0]), np.array([16.0])
    found = {rule: positive_weights(has, lacks, rule, 20.0)[0] for rule in RULES}
    assert found.pop("effective") == pytest.approx(4.0, rel=0.02)
    assert found == {"root": 2.0, "ratio": 4.0, "inverse": 5.0, "none": 1.0}


def targets(values_sw: torch.Tensor) -> Targets:
    """Return targets of whole segments."""
    nothing = torch.zeros(0, dtype=torch.long)
    return Targets(nothing, values_sw, int((~values_sw.isnan()).sum()))


def test_the_asymmetric_loss_without_focus_is_cross_entropy() -> None:
    """With exponents 0 and no clip both losses are the same; unknown labels have no gradient."""
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    values = (torch.rand(6, 4, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    values[2, 1] = torch.nan
    plain = label_loss(logits, targets(values))
    same = asymmetric_label_loss(logits, targets(values), focus=(0.0, 0.0), clip=0.0)
    assert torch.allclose(plain, same, rtol=1e-4)
    (gradient,) = torch.autograd.grad(asymmetric_label_loss(logits, targets(values)), logits)
    assert gradient[2, 1] == 0
    assert bool(torch.isfinite(gradient).all())


def test_easy_negatives_count_nothing() -> None:
    """A negative below the clip has neither loss nor gradient; extreme logits stay finite."""
    logits = torch.tensor([[-4.0, 60.0, -60.0]], requires_grad=True)
    values = torch.tensor([[0.0, 0.0, 1.0]])
    loss = asymmetric_label_loss(logits, targets(values))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[0, 0] == 0
    assert bool(torch.isfinite(loss))
    assert bool(torch.isfinite(gradient).all())


@given(SEEDS)
def test_precision_over_recall_is_scikit_learn_s(seed: int) -> None:
    """Average precision equals the reference, ties and all."""
    score, true = drawn(seed)
    for w in range(3):
        expected = average_precision_score(true[:, w], score[:, w])
        assert average_precision(score[:, w], true[:, w]) == pytest.approx(expected)


@given(SEEDS)
def test_rows_of_labels_are_scikit_learn_s(seed: int) -> None:
    """F1, precision and recall of each label, whatever the order of examples."""
    score, true = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(score))
    rows = label_rows("abc", score, true, np.zeros(3))
    assert rows == label_rows("abc", score[order], true[order], np.zeros(3))
    expected = f1_score(true, score > 0, average=None, zero_division=0)
    assert [row.f1 for row in rows] == pytest.approx(list(expected))


def test_what_is_undefined_is_none() -> None:
    """Without a positive there is no recall, no F1 and no area; without a decision no precision."""
    score, true = np.full((4, 1), -1.0), np.zeros((4, 1))
    (row,) = label_rows("a", score, true, np.zeros(1))
    assert (row.support, row.precision, row.recall, row.f1, row.pr_auc) == (
        0,
        None,
        None,
        None,
        None,
    )
    assert recall_at_precision(score[:, 0], true[:, 0]) is None


def test_recall_is_the_most_at_that_precision() -> None:
    """Right, right, wrong, right, right: all are found at precision 0.8, half at precision 0.9."""
    score, true = np.arange(5.0)[::-1], np.array([1.0, 1, 0, 1, 1])
    assert recall_at_precision(score, true, 0.8) == 1.0
    assert recall_at_precision(score, true, 0.9) == 0.5


def test_temperature_undoes_what_logits_were_multiplied_by() -> None:
    """Logits three times too large get a temperature of three, and the error falls."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 2)) * 2
    true = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    found = temperature(3 * logits, true)
    assert found == pytest.approx(3.0, rel=0.1)
    before, after = (calibration_error(3 * logits, true, t).value for t in (1.0, found))
    assert before is not None
    assert after is not None
    assert after < 0.02 < before

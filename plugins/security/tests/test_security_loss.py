"""The loss: binary cross-entropy, weighted by severity and rarity, silent on the unknown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ectrain.task import Targets
from ectrain_elixir.findings import SNIPPET_FINDINGS
from ectrain_security import SecurityConfig, SecurityTask
from ectrain_security.data import LABELS

PLAIN = SecurityTask(SecurityConfig(size=60, severity_weights=False, positive_cap=1.0))
WEIGHED = SecurityTask(SecurityConfig(size=60, positive_cap=1.0))
GRAVITY = {"low": 0, "medium": 1, "high": 2}


def targets(values_sw: Tensor) -> Targets:
    """Return targets of whole segments."""
    nothing = torch.zeros(0, dtype=torch.long)
    return Targets(nothing, values_sw, int((~values_sw.isnan()).sum()))


def drawn(rows: int = 5) -> tuple[Tensor, Tensor]:
    """Return logits and labels, `[rows, w]` both."""
    source = torch.Generator().manual_seed(3)
    logits = torch.randn(rows, len(LABELS), generator=source)
    return logits, (torch.rand(logits.shape, generator=source) < 0.3).float()


def test_switched_off_it_is_plain_cross_entropy() -> None:
    """Without weights the loss is the sum of binary cross-entropies."""
    logits, values = drawn()
    expected = F.binary_cross_entropy_with_logits(logits, values, reduction="sum")
    assert torch.allclose(PLAIN.loss(logits, targets(values)), expected)


def test_masked_labels_have_no_gradient() -> None:
    """What is unknown changes neither the loss nor any weight, whatever is said of it."""
    logits, values = drawn()
    values[1, 3] = values[4, 0] = torch.nan
    logits.requires_grad_()
    loss = WEIGHED.loss(logits, targets(values))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[1, 3] == gradient[4, 0] == 0
    assert bool((gradient[~values.isnan()] != 0).all())
    other = logits.detach().clone()
    other[1, 3] += 5
    assert torch.allclose(WEIGHED.loss(other, targets(values)), loss)


def test_graver_findings_count_more() -> None:
    """With equal logits a high finding costs at least a medium one; the mean weight is 1."""
    logits = torch.zeros(1, len(LABELS))
    costs = []
    for column in range(len(LABELS)):
        values = torch.full_like(logits, torch.nan)
        values[0, column] = 0.0
        costs.append(float(WEIGHED.loss(logits, targets(values))))
    ranks = [GRAVITY[finding.severity] for finding in SNIPPET_FINDINGS]
    assert np.mean(costs) == pytest.approx(np.log(2))
    for rank, cost in zip(ranks, costs, strict=True):
        for other, less in zip(ranks, costs, strict=True):
            assert cost > less or rank <= other
            assert cost == pytest.approx(less) or rank != other


def rare(tmp_path: Path, positives: int, examples: int) -> SecurityTask:
    """Return a task over records of which so many have the first label."""
    lines = [
        {"id": str(n), "group": "g", "code": "x", "findings": [LABELS[0]] if n < positives else []}
        for n in range(examples)
    ]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return SecurityTask(SecurityConfig(data=str(tmp_path), severity_weights=False))


@pytest.mark.parametrize(
    ("positives", "examples", "weight"),
    [(1, 26, 5.0), (20, 100, 2.0), (60, 80, 1.0), (1, 1000, 20.0), (0, 10, 1.0)],
)
def test_rare_positives_count_more(
    tmp_path: Path, positives: int, examples: int, weight: float
) -> None:
    """A positive counts the root of negatives to positives, from 1 to the cap; 1 if none is known.

    The counts are those of the training split alone: no other file is there to be read.
    """
    task = rare(tmp_path, positives, examples)
    logits = torch.zeros(1, len(LABELS))
    values = torch.full_like(logits, torch.nan)
    values[0, 0] = 1.0
    assert float(task.loss(logits, targets(values))) == pytest.approx(weight * np.log(2))


@pytest.mark.parametrize("loss", ["cross_entropy", "asymmetric"])
@pytest.mark.parametrize("strength", [0.4, 0.7, 1.0])
def test_5_4_2_2_confidence_scales_a_positive(loss: str, strength: float) -> None:
    """A positive of so much confidence costs that share of a sure one."""
    task = SecurityTask(SecurityConfig(size=60, loss=loss))  # type: ignore[arg-type]
    logits = torch.full((1, len(LABELS)), 0.3)
    values = torch.full_like(logits, torch.nan)
    values[0, 2] = 1.0
    sure = task.loss(logits, targets(values))
    values[0, 2] = strength
    assert torch.allclose(task.loss(logits, targets(values)), sure * strength)

"""Laws of the learning rate: a plain function of the step, between its floor and 1."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ectrain.schedule import Schedule, rate_factor

totals = st.integers(1, 5000)
warmups = st.integers(0, 3000)
schedules = st.sampled_from(get_args(Schedule))
finals = st.floats(0, 1)


@given(total=totals, warmup=warmups, schedule=schedules, final=finals)
def test_it_rises_once_and_never_again(
    total: int, warmup: int, schedule: Schedule, final: float
) -> None:
    """It climbs to 1 within a tenth of the steps, then never rises, and ends at its floor."""
    factors = [rate_factor(step, total, warmup, schedule, final) for step in range(total + 3)]
    top = factors.index(max(factors))
    assert top <= total / 10
    assert factors[top] == pytest.approx(1)
    assert all(0 < factor <= 1 + 1e-12 for factor in factors[: top + 1])
    rises = [b - a for a, b in pairwise(factors[: top + 1])]
    assert rises == pytest.approx([1 / (top + 1)] * top)
    after = factors[top:]
    assert all(b <= a + 1e-12 for a, b in pairwise(after))
    assert all(factor >= final - 1e-12 for factor in after)
    assert factors[total:] == [final] * 3


@given(total=st.integers(1, 60), final=finals)
def test_cosine_is_torchs(total: int, final: float) -> None:
    """Without a warm-up it is what torch's own annealing computes."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total, eta_min=final)
    optimizer.step()
    for step in range(total):
        ours = rate_factor(step, total, 0, "cosine", final)
        assert ours == pytest.approx(theirs.get_last_lr()[0], abs=1e-6)
        theirs.step()


@given(total=totals, warmup=warmups, final=finals, share=st.floats(0, 1))
def test_both_are_their_formulas(total: int, warmup: int, final: float, share: float) -> None:
    """Half a cosine from the warm-up's end; or 1, then a line over the last fifth."""
    step = int(share * (total - 1))
    first = min(warmup, total // 10)
    cosine = math.cos(math.pi * (step - first) / (total - first))
    expected = {
        "cosine": (1 + final) / 2 + (1 - final) / 2 * cosine,
        "wsd": 1 - (1 - final) * max(0.0, (step - 0.8 * total) / (0.2 * total))
        if total >= 5
        else 1.0,
    }
    for schedule in get_args(Schedule):
        found = rate_factor(step, total, warmup, schedule, final)
        wanted = (step + 1) / (first + 1) if step < first else expected[schedule]
        assert found == pytest.approx(wanted, abs=1e-9)


def test_a_short_run_still_reaches_its_full_rate() -> None:
    """A warm-up that is asked to be longer than the run is cut to a tenth of it."""
    factors = [rate_factor(step, 40, 2000, "cosine", 0.1) for step in range(40)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])

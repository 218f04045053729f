"""Advantages and rewards of several kinds, against plain loops: 5.8.2.4 and its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ectrain_reward.advantages import Baseline, advantages, combined, equal_share, normalised
from ectrain_reward.length import length_cost

Floats = NDArray[np.float64]
reward = st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
groups = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.lists(reward, min_size=n, max_size=n), min_size=1, max_size=4)
)


def by_loop(rows: list[list[float]], baseline: Baseline) -> list[list[float]]:
    """Return advantages as a person would count them."""
    found = []
    for row in rows:
        known = [r for r in row if not math.isnan(r)]
        line = []
        for at, r in enumerate(row):
            others = [x for n, x in enumerate(row) if n != at and not math.isnan(x)]
            if math.isnan(r):
                line.append(0.0)
            elif baseline == "none":
                line.append(r)
            elif not others:
                line.append(0.0)
            elif baseline == "mean":
                line.append(r - sum(known) / len(known))
            elif baseline == "leave-one-out":
                line.append(r - sum(others) / len(others))
            else:
                spread = float(np.std(known))
                line.append((r - sum(known) / len(known)) / spread if spread > 1e-6 else 0.0)
        found.append(line)
    return found


@pytest.mark.parametrize("baseline", ["none", "mean", "leave-one-out", "group"])
@given(rows=groups)
def test_5_8_2_4_advantages_are_those_of_a_plain_loop(
    baseline: Baseline, rows: list[list[float]]
) -> None:
    """Unknown rewards have no part; a sample alone in its group has no advantage."""
    found = advantages(np.array(rows), baseline)
    np.testing.assert_allclose(found, by_loop(rows, baseline), atol=1e-6)


@pytest.mark.parametrize("baseline", ["mean", "leave-one-out", "group"])
@given(rows=groups, shift=st.floats(-3, 3))
def test_a_reward_for_all_changes_no_advantage(
    baseline: Baseline, rows: list[list[float]], shift: float
) -> None:
    """With a baseline only differences inside a group count, and they sum to 0."""
    found = advantages(np.array(rows), baseline)
    np.testing.assert_allclose(found, advantages(np.array(rows) + shift, baseline), atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-6)


@given(rows=groups, weight=st.floats(0.1, 3))
def test_several_rewards_are_normalised_then_summed(rows: list[list[float]], weight: float) -> None:
    """Each has its say whatever its scale; one that doesn't apply adds nothing."""
    one = np.array(rows)
    other = one[:, ::-1].copy()
    other[0] = np.nan
    found = combined({"one": one, "other": other * 100 + 7}, {"other": weight})
    expected = normalised(one) + weight * normalised(other)
    known = ~(np.isnan(one) & np.isnan(other))
    np.testing.assert_allclose(found[known], expected[known], atol=1e-6)
    assert np.isnan(found[~known]).all()
    np.testing.assert_array_equal(combined({"one": one}, {"one": 2.0}), one * 2)


@given(rows=groups)
def test_groups_with_equal_rewards_are_counted(rows: list[list[float]]) -> None:
    """The share is of groups that have something to compare."""
    known = [[r for r in row if not math.isnan(r)] for row in rows]
    comparable = [row for row in known if len(row) > 1]
    share = equal_share(np.array(rows))
    if not comparable:
        assert share is None
        return
    expected = sum(max(row) - min(row) <= 1e-6 for row in comparable) / len(comparable)
    assert share == pytest.approx(expected)


@given(rows=groups, data=st.data())
def test_length_is_paid_for_where_a_shorter_answer_was_as_good(
    rows: list[list[float]], data: st.DataObject
) -> None:
    """Nobody pays more than the price, nor for what earned more; the shortest best pays nothing."""
    reward_gn = np.array(rows)
    lengths = st.lists(st.integers(0, 9), min_size=reward_gn.size, max_size=reward_gn.size)
    length_gn = np.array(data.draw(lengths), dtype=float).reshape(reward_gn.shape)
    cost_gn = length_cost(reward_gn, length_gn, 0.1)
    for row, length, cost in zip(reward_gn, length_gn, cost_gn, strict=True):
        for at, (r, size) in enumerate(zip(row, length, strict=True)):
            rivals = [length[n] for n, other in enumerate(row) if other >= r]
            expected = 0.0 if not r > 0 or not size else 0.1 * (1 - min(rivals) / size)
            assert cost[at] == pytest.approx(expected)

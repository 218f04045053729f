"""Laws of the order: draws depend on seed, epoch and position, and on nothing else."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.order import Draw, EpochOrder, keyed_random, permuted

NAMES = ("codegen", "quality", "security", "tests")


@st.composite
def orders(draw: st.DrawFn) -> EpochOrder:
    """Draw an epoch of one to four tasks."""
    tasks = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    parts = [draw(st.integers(1, 20)) for _ in tasks]
    return EpochOrder(
        seed=draw(st.integers(0, 2**64)),
        epoch=draw(st.integers(1, 100)),
        batch=draw(st.integers(1, 40)),
        shares={task: part / sum(parts) for task, part in zip(tasks, parts, strict=True)},
        sizes={task: draw(st.integers(1, 60)) for task in tasks},
        reference=draw(st.sampled_from(tasks)),
    )


def every_draw(order: EpochOrder) -> list[Draw]:
    """Return all draws of an epoch, step by step."""
    return [draw for step in range(order.steps) for draw in order.draws(step)]


# --- one permutation ------------------------------------------------------------------------------


@given(n=st.integers(1, 3000), key=st.text())
def test_it_permutes_any_range(n: int, key: str) -> None:
    """Every index of range(n) comes exactly once, for any n and any key."""
    assert sorted(permuted(at, n, key) for at in range(n)) == list(range(n))


@given(n=st.integers(2**62, 2**64), data=st.data())
def test_a_huge_range_needs_no_memory(n: int, data: st.DataObject) -> None:
    """A place in a range that fits nowhere is found, and two places differ."""
    one, other = data.draw(st.lists(st.integers(0, n - 1), min_size=2, max_size=2, unique=True))
    found = permuted(one, n, "k"), permuted(other, n, "k")
    assert found[0] != found[1]
    assert all(0 <= place < n for place in found)


@pytest.mark.parametrize("n", [3, 10, 17])
def test_no_place_is_preferred(n: int) -> None:
    """Over many keys, each index comes first, and last, about equally often (chi-square)."""
    keys = 200 * n
    for position in (0, n - 1):
        counts = Counter(permuted(position, n, f"1/t/{key}/0") for key in range(keys))
        chi_square = sum((counts[i] - 200) ** 2 / 200 for i in range(n))
        assert chi_square < 3 * n


@pytest.mark.parametrize("position", [-1, 5])
def test_a_place_outside_is_refused(position: int) -> None:
    """A position outside the range is a mistake of the caller."""
    with pytest.raises(ValueError, match=r"outside 0\.\.4"):
        permuted(position, 5, "k")


def test_the_order_never_changes() -> None:
    """A run of an older version goes on with the same examples: the function is fixed."""
    order = EpochOrder(7, 2, 4, {"a": 0.5, "b": 0.5}, {"a": 6, "b": 3}, "a")
    found = [(d.task, d.index, d.wrap) for d in every_draw(order)]
    assert [index for task, index, _ in found if task == "a"] == [1, 3, 5, 4, 2, 0]
    others = [(index, wrap) for task, index, wrap in found if task == "b"]
    assert others == [(1, 0), (2, 0), (0, 0), (0, 1), (2, 1), (1, 1)]
    assert keyed_random(7, "a", 1).getrandbits(32) == 1160217426


# --- an epoch -------------------------------------------------------------------------------------


@given(order=orders())
def test_an_epoch_draws_the_reference_task_exactly_once(order: EpochOrder) -> None:
    """Each of its examples comes once, and the last step is needed for it."""
    drawn = [draw.index for draw in every_draw(order) if draw.task == order.reference]
    assert sorted(drawn) == list(range(order.sizes[order.reference]))
    assert order.drawn_before(order.reference, order.steps - 1) < order.sizes[order.reference]


@given(order=orders())
def test_other_tasks_wrap_around(order: EpochOrder) -> None:
    """A task is drawn again only when all its examples were, each pass in an order of its own."""
    seen: dict[tuple[str, int], list[int]] = {}
    for draw in every_draw(order):
        seen.setdefault((draw.task, draw.wrap), []).append(draw.index)
    for (task, wrap), indices in seen.items():
        assert len(set(indices)) == len(indices)
        whole = len(indices) == order.sizes[task]
        assert whole or (task, wrap + 1) not in seen


@given(order=orders())
def test_shares_hold_over_every_prefix(order: EpochOrder) -> None:
    """After any step, a task's draws are within one of its share."""
    for task, share in order.shares.items():
        for step in range(order.steps if task == order.reference else order.steps + 1):
            assert abs(order.drawn_before(task, step) - step * order.batch * share) <= 1


@given(order=orders())
def test_what_was_drawn_before_adds_up(order: EpochOrder) -> None:
    """`drawn_before` counts exactly what the steps before drew."""
    counts: Counter[str] = Counter()
    for step in range(order.steps):
        for task in order.shares:
            assert order.drawn_before(task, step) == counts[task]
        counts.update(draw.task for draw in order.draws(step))


@given(order=orders(), earlier=st.integers(0, 9))
def test_turns_count_a_task_s_draws_over_epochs(order: EpochOrder, earlier: int) -> None:
    """A task's n-th draw of the run has turn n, over steps and on into the next epoch."""
    order = attrs.evolve(order, before={order.reference: earlier})
    turns = {task: order.before.get(task, 0) for task in order.shares}
    for step in range(order.steps):
        for draw in order.draws(step):
            assert draw.turn == turns[draw.task]
            turns[draw.task] += 1
    assert order.drawn_after == turns


@given(order=orders(), ranks=st.integers(1, 8))
def test_any_number_of_processes_draws_the_same(order: EpochOrder, ranks: int) -> None:
    """Taken in turns, what the ranks draw is what one process draws, in the same order."""
    for step in range(order.steps):
        alone = order.draws(step)
        shards = [order.draws(step, rank, ranks) for rank in range(ranks)]
        joined = [shards[at % ranks][at // ranks] for at in range(len(alone))]
        assert joined == alone
        assert sum(map(len, shards)) == len(alone)


@given(order=orders(), data=st.data())
def test_another_task_changes_nothing(order: EpochOrder, data: st.DataObject) -> None:
    """Whatever else is in the run, a task with the same share draws the same examples."""
    task = data.draw(st.sampled_from(sorted(order.shares)))
    fewer = attrs.evolve(
        order,
        shares={task: order.shares[task]},
        sizes={task: order.sizes[task]},
        reference=order.reference if order.reference == task else "",
    )
    for step in range(order.steps):
        own = [draw for draw in order.draws(step) if draw.task == task]
        assert fewer.draws(step) == own


@given(order=orders(), change=st.sampled_from(("seed", "epoch")))
def test_seed_and_epoch_decide(order: EpochOrder, change: str) -> None:
    """Another seed or epoch gives other draws of the same tasks, equal ones equal draws."""
    big = attrs.evolve(order, sizes=dict.fromkeys(order.shares, 60), batch=20)
    same = attrs.evolve(big)
    other = attrs.evolve(big, **{change: getattr(big, change) + 1})
    assert every_draw(big) == every_draw(same)
    assert [d.index for d in every_draw(big)] != [d.index for d in every_draw(other)]
    assert [d.task for d in every_draw(big)] == [d.task for d in every_draw(other)]

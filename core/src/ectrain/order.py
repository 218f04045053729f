"""Which examples a step draws: a pure function of (seed, epoch, position), without any state."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping

import attrs

_ROUNDS = 4  # of the Feistel network; four make a strong permutation (Luby & Rackoff 1988)


@attrs.frozen
class Draw:
    """One example of a step.

    Attributes:
        task: The task that it is drawn for.
        index: Its place among the task's examples that the epoch may draw.
        wrap: How often the task's examples were all drawn before in this epoch.
        turn: How many of its task's examples the run drew before.
    """

    task: str
    index: int
    wrap: int
    turn: int


def keyed_random(*key: object) -> random.Random:
    """Return a generator that depends on nothing but the words of its key."""
    return random.Random(_digest("/".join(map(str, key))))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def permuted(position: int, n: int, key: str) -> int:
    """Return where `position` lies in the permutation of `range(n)` that `key` names.

    A balanced Feistel network over the next even power of two, walked along its cycle until it
    lands in range: constant memory for any n.

    Source: J. Black, P. Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002.
    """
    if not 0 <= position < n:
        raise ValueError(f"position {position} outside 0..{n - 1}")
    half = max(1, ((n - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    keys = [_digest(f"{key}/{number}") for number in range(_ROUNDS)]
    while True:
        left, right = position >> half, position & mask
        for round_key in keys:
            left, right = right, left ^ (_mixed(right ^ round_key) & mask)
        position = (left << half) | right
        if position < n:
            return position


def _mixed(x: int) -> int:
    """Mix 64 bits: the finalizer of splitmix64 (Steele, Lea & Flood 2014)."""
    x &= 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 31)


@attrs.frozen
class EpochOrder:
    """The order of one epoch.

    Attributes:
        seed: The run's seed.
        epoch: From 1.
        batch: Examples of a step, over all tasks and ranks.
        shares: Share of each task drawn in this epoch; they sum to 1, each above 0.
        sizes: How many examples of each task may be drawn.
        reference: The task whose examples are all drawn exactly once.
        before: How many examples of each task earlier epochs drew; none unless told.
    """

    seed: int
    epoch: int
    batch: int
    shares: Mapping[str, float]
    sizes: Mapping[str, int]
    reference: str
    before: Mapping[str, int] = attrs.field(factory=dict)

    def drawn_before(self, task: str, step: int) -> int:
        """Return how many examples of a task are drawn before a step (from 0) of the epoch."""
        count = int(step * self.batch * self.shares[task] + 0.5)
        return min(count, self.sizes[task]) if task == self.reference else count

    @property
    def drawn_after(self) -> dict[str, int]:
        """How many examples of each task were drawn when the epoch ends, since the run began."""
        own = {task: self.drawn_before(task, self.steps) for task in self.shares}
        return {
            task: self.before.get(task, 0) + own.get(task, 0) for task in {**self.before, **own}
        }

    @property
    def steps(self) -> int:
        """How many steps draw every example of the reference task."""
        size, pace = self.sizes[self.reference], self.batch * self.shares[self.reference]
        steps = max(1, int((size - 0.5) / pace))
        while self.drawn_before(self.reference, steps) < size:
            steps += 1
        return steps

    def draws(self, step: int, rank: int = 0, ranks: int = 1) -> list[Draw]:
        """Return what a rank draws at a step (from 0): every `ranks`-th of the step's examples."""
        return list(self._draws(step))[rank::ranks]

    def _draws(self, step: int) -> Iterator[Draw]:
        for task in sorted(self.shares):
            size = self.sizes[task]
            for at in range(self.drawn_before(task, step), self.drawn_before(task, step + 1)):
                wrap, position = divmod(at, size)
                key = f"{self.seed}/{task}/{self.epoch}/{wrap}"
                turn = self.before.get(task, 0) + at
                yield Draw(task, permuted(position, size, key), wrap, turn)

"""The work that every program does: shapes of the model, and the sequences of each step.

Only the standard library is used, so every program's own environment can import it, and the
numbers come from `random.Random`, whose `random()` is the same in every version of Python.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

PAD, BEGIN, END = 0, 1, 2
FIRST_TOKEN = 8  # ids below are kept for control tokens
SEQUENCES = 71  # of a step: about 8144 real tokens
MEDIAN_LENGTH, SIGMA, SHORTEST = 100.0, 0.6, 8  # cut at a context of 256: about 115 on average


@dataclass(frozen=True)
class Shape:
    """A Llama-shaped decoder: RMSNorm, rotary positions, SwiGLU, no biases, tied embeddings."""

    layers: int
    width: int
    heads: int
    ffn: int
    vocabulary: int
    context: int

    @property
    def matrix_parameters(self) -> int:
        """How many weights take part in a matrix product for every token."""
        layer = 4 * self.width * self.width + 3 * self.width * self.ffn
        return self.layers * layer + self.vocabulary * self.width

    def flops(self, lengths: Sequence[int]) -> int:
        """Return the operations of a step over sequences of these lengths.

        Forward and backward, no padding, nothing computed twice; attention counts each pair of a
        token and one that it may see.
        """
        pairs = sum(n * (n + 1) // 2 for n in lengths)
        products = 6 * self.matrix_parameters * sum(lengths)
        return products + 12 * self.width * self.layers * pairs


SHAPES = {
    "6m": Shape(layers=6, width=256, heads=8, ffn=688, vocabulary=8192, context=256),
    "25m": Shape(layers=6, width=512, heads=8, ffn=1536, vocabulary=8192, context=256),
    "toy": Shape(layers=2, width=64, heads=2, ffn=176, vocabulary=512, context=256),
}


def step_sequences(shape: Shape, step: int, seed: int = 1) -> list[list[int]]:
    """Return the token sequences of one step."""
    rng = random.Random(f"{seed}/{step}")
    return [_sequence(shape, rng) for _ in range(SEQUENCES)]


def _sequence(shape: Shape, rng: random.Random) -> list[int]:
    normal = math.sqrt(-2 * math.log(1 - rng.random())) * math.cos(2 * math.pi * rng.random())
    length = round(MEDIAN_LENGTH * math.exp(SIGMA * normal))
    length = min(max(length, SHORTEST), shape.context)
    span = math.log(shape.vocabulary - FIRST_TOKEN)
    inner = [FIRST_TOKEN - 1 + int(math.exp(span * rng.random())) for _ in range(length - 2)]
    return [BEGIN, *inner, END]


def fingerprint(shape: Shape) -> str:
    """Return what is equal only where the first step has the same sequences."""
    text = repr((shape, step_sequences(shape, 0)))
    return hashlib.sha256(text.encode()).hexdigest()[:12]

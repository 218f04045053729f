"""Figures while training: how well what is written is predicted, by type and by direction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F

from ectrain.parts import TokenOutput
from ectrain.task import Targets
from ectrain_elixir.testpairs import DIRECTIONS, TYPES, Direction, TestType

ROWS = 1024  # whose logits are held at a time


def noted(kind: TestType, direction: Direction) -> int:
    """Return the note of a target."""
    return TYPES.index(kind) * len(DIRECTIONS) + DIRECTIONS.index(direction)


class PairFigures:
    """Mean nats a token (`nats`) and `accuracy`, by type and by direction; None without targets.

    Args:
        types: Those that there are.
    """

    def __init__(self, types: Sequence[TestType]) -> None:
        self.types = tuple(types)
        self.sums: Counter[str] = Counter()

    def update(self, output: TokenOutput, targets: Targets) -> None:
        """Add a batch's targets."""
        if targets.notes_m is None:
            return
        for start in range(0, len(targets.tokens_m), ROWS):
            part = slice(start, start + ROWS)
            tokens_c, notes_c = targets.tokens_m[part], targets.notes_m[part]
            logits_cv = (output.hidden_md[part] @ output.vocabulary_vd.t()).float()
            nats_c = F.cross_entropy(logits_cv, tokens_c, reduction="none").double()
            right_c = (logits_cv.argmax(-1) == tokens_c).double()
            for note in torch.unique(notes_c).tolist():
                own_c = notes_c == note
                kind, direction = divmod(note, len(DIRECTIONS))
                for name in ("", f".{TYPES[kind]}", f".{DIRECTIONS[direction]}"):
                    self.sums[f"count{name}"] += int(own_c.sum())
                    self.sums[f"right{name}"] += int(right_c[own_c].sum())
                    self.sums[f"nats{name}"] += float(nats_c[own_c].sum())  # type: ignore[assignment]

    def merge(self, other: PairFigures) -> None:
        """Add another shard's sums."""
        self.sums.update(other.sums)

    def compute(self) -> Mapping[str, float | None]:
        """Return the figures."""
        found: dict[str, float | None] = {}
        for name in ("", *(f".{each}" for each in (*self.types, *DIRECTIONS))):
            count = self.sums[f"count{name}"]
            found[f"accuracy{name}"] = self.sums[f"right{name}"] / count if count else None
            found[f"nats{name}"] = self.sums[f"nats{name}"] / count if count else None
        return found

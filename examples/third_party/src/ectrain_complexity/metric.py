"""What is right about answers that have an order.

Shape suffixes: s functions, w questions.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ectrain.task import Targets
from ectrain_complexity.data import CLASSES

THRESHOLDS = tuple(range(2, CLASSES + 1))  # "at least 2?" and so on
PURE = len(THRESHOLDS)  # place of the question that comes after them
LABELS = PURE + 1


class OrdinalMetric:
    """Shares of right classes and of right purity, and the mean distance of classes.

    Source: Frank & Hall, A simple approach to ordinal classification (2001): a class is 1 and one
    for each threshold that is passed.
    """

    def __init__(self) -> None:
        self.count = 0
        self.exact = 0
        self.pure = 0
        self.distance = 0

    def update(self, output: Tensor, targets: Targets) -> None:
        """Count the decisions of logits `[s, w]` at 0."""
        if targets.values_sw is None:
            return
        said_sw, true_sw = output > 0, targets.values_sw > 0.5
        distance_s = (said_sw[:, :PURE].sum(1) - true_sw[:, :PURE].sum(1)).abs()
        self.count += len(distance_s)
        self.exact += int((distance_s == 0).sum())
        self.distance += int(distance_s.sum())
        self.pure += int((said_sw[:, PURE] == true_sw[:, PURE]).sum())

    def merge(self, other: OrdinalMetric) -> None:
        """Add another shard's counts."""
        self.count += other.count
        self.exact += other.exact
        self.pure += other.pure
        self.distance += other.distance

    def compute(self) -> Mapping[str, float | None]:
        """Return shares and distance, None before any function."""
        counts = {"exact": self.exact, "pure": self.pure, "distance": self.distance}
        return {name: n / self.count if self.count else None for name, n in counts.items()}

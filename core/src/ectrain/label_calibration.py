"""What is chosen on validation data to turn a head's logits into probabilities and decisions.

Shape suffixes: s examples, w labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import attrs
import numpy as np

from ectrain.label_figures import temperature
from ectrain.labels import Bools, Floats, best_thresholds


@attrs.frozen(eq=False)
class Calibration:
    """Thresholds of logits, and the temperature that makes probabilities of them.

    Attributes:
        threshold_w: Logit above which each label is given, `[w]`.
        divisor: The temperature: what logits are divided by.
        why: Where they are from, in words.
    """

    threshold_w: Floats
    divisor: float = 1.0
    why: str = "thresholds chosen on the validation split"

    @classmethod
    def none(cls, labels: int) -> Self:
        """Return what decides at probability one half."""
        return cls(np.zeros(labels), why="at probability 0.5")

    @classmethod
    def chosen(cls, logit_sw: Floats, values_sw: Floats) -> Self:
        """Choose on validation examples, never on test examples."""
        return cls(best_thresholds(logit_sw, values_sw), temperature(logit_sw, values_sw))

    @classmethod
    def from_dict(cls, labels: Sequence[str], data: Mapping[str, Any]) -> Self | None:
        """Return what `to_dict` gave; None where it is of other labels."""
        thresholds, divisor = data.get("thresholds"), data.get("temperature")
        if not isinstance(thresholds, Mapping) or set(thresholds) != set(labels):
            return None
        numbers = [*thresholds.values(), divisor]
        if not all(isinstance(x, int | float) and math.isfinite(x) for x in numbers):
            return None
        return cls(np.array([float(thresholds[name]) for name in labels]), float(divisor or 1.0))

    def to_dict(self, labels: Sequence[str]) -> dict[str, Any]:
        """Return it as JSON has it: by the labels' names, so that their order may change."""
        thresholds = dict(zip(labels, map(float, self.threshold_w), strict=True))
        return {"temperature": self.divisor, "thresholds": thresholds}

    def given(self, logit_w: Floats) -> Bools:
        """Return which labels are given, of any shape."""
        return logit_w > self.threshold_w

    def probability(self, logit_w: Floats) -> Floats:
        """Return the probability that a logit stands for, of any shape."""
        found: Floats = 1 / (1 + np.exp(-np.clip(logit_w / self.divisor, -60, 60)))
        return found

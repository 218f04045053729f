"""The complexity task: dataset, head, loss, metrics, and what it must beat."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
from torch import Tensor, nn

from ectrain.evaluate import predictions
from ectrain.model import Model
from ectrain.parts import LabelHead, label_loss
from ectrain.task import Budget, Estimate, Goal, Metric, Segment, Split, Targets, Task, TrunkShape
from ectrain.tokenizer import Tokenizer
from ectrain_complexity.data import CLASSES, Function, functions
from ectrain_complexity.metric import LABELS, THRESHOLDS, OrdinalMetric


@attrs.frozen
class ComplexityConfig:
    """Settings of the complexity task.

    Attributes:
        size: Training functions; val and test have an eighth of it, at least 32, each.
        seed: Of the functions.
        max_tokens: Most tokens of a function; a longer one is cut at its end.
    """

    size: int = attrs.field(default=2000, validator=attrs.validators.ge(1))
    seed: int = 0
    max_tokens: int = attrs.field(default=256, validator=attrs.validators.ge(8))


class ComplexityTask(Task[Function, ComplexityConfig]):
    """Say how complex an Elixir function is, and whether it is pure."""

    name = "complexity"
    config_type = ComplexityConfig
    goals = (
        Goal("complexity_accuracy", 0.8, ("majority_complexity",)),
        Goal("purity_accuracy", 0.9, ("majority_purity",)),
    )

    def examples(self, split: Split) -> Sequence[Function]:
        """Return composed functions."""
        return functions(split, self.config.size, self.config.seed)

    def encode(self, example: Function, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Read the whole function in both directions; one target a question."""
        ids = [tokenizer.begin_id, *tokenizer.encode(example.code)][: self.config.max_tokens]
        answers = [example.complexity >= least for least in THRESHOLDS]
        values = np.array([*answers, example.pure], dtype=np.float32)
        return Segment(np.array(ids, dtype=np.int64), prefix=len(ids), values=values)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """One attention-pooled score a question."""
        return LabelHead(trunk, LABELS)

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return binary cross-entropy, summed over questions."""
        return label_loss(output, targets)

    def metrics(self) -> Mapping[str, Metric]:
        """Return what is right, and how far off it is."""
        return {"": OrdinalMetric()}

    def texts(self, example: Function) -> Iterable[str]:
        """Yield the code."""
        yield example.code

    def facets(self, example: Function) -> Mapping[str, float]:
        """Return what a curriculum can select by: complexity."""
        return {"complexity": float(example.complexity)}

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Return the loss of a fair coin."""
        return math.log(2)

    def baselines(self) -> Mapping[str, Estimate]:
        """Return what the training split's commonest answers reach on the test split."""
        train, test = self.examples("train"), self.examples("test")
        common = Counter(_class(function) for function in train).most_common(1)[0][0]
        pure = Counter(function.pure for function in train).most_common(1)[0][0]
        hits = sum(_class(function) == common for function in test)
        pure_hits = sum(function.pure == pure for function in test)
        return {
            "majority_complexity": Estimate.share(hits, len(test), f"always {common}"),
            "majority_purity": Estimate.share(pure_hits, len(test), f"always {pure}"),
        }

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Return the shares of functions whose class, and whose purity, is right."""
        metric = OrdinalMetric()
        for output, targets in predictions(model, self.name, split):
            metric.update(output, targets)
        how = f"of {metric.count} held-out functions"
        return {
            "complexity_accuracy": Estimate.share(metric.exact, metric.count, how),
            "purity_accuracy": Estimate.share(metric.pure, metric.count, how),
        }


def _class(function: Function) -> int:
    return min(function.complexity, CLASSES)

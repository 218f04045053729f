"""Tasks that give labels to texts: all but the labels and the data.

A plugin derives a class from `LabelTask` and says which labels there are and where examples come
from; whatever it would have in common with others is here.

Shape suffixes: s examples, w labels.
"""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ectrain.evaluate import predictions
from ectrain.label_baselines import LabelledTexts, majority, ngram
from ectrain.label_figures import (
    LabelRow,
    average_precision,
    calibration_error,
    label_rows,
    mean_over_labels,
    recall_at_precision,
    temperature,
    twin_accuracy,
)
from ectrain.label_weights import Weighting, positive_weights
from ectrain.labels import Decisions, Floats, LabelMetric, best_thresholds, bootstrapped, micro_f1
from ectrain.model import Model
from ectrain.parts import WindowedLabelHead, asymmetric_label_loss, label_loss
from ectrain.task import (
    Budget,
    Estimate,
    Example,
    Metric,
    Segment,
    Split,
    Targets,
    Task,
    TrunkShape,
)
from ectrain.tokenizer import Tokenizer


class LabelledText(Example, Protocol):
    """An example: a text and its labels."""

    @property
    def code(self) -> str:
        """The text."""

    @property
    def values(self) -> NDArray[np.float32]:
        """One number a label: 1, 0, or NaN where it was not looked for, `[w]`."""


@attrs.frozen
class LabelConfig:
    """Settings that every task with labels has.

    Attributes:
        max_tokens: Most tokens of a text; a longer one is cut at its end.
        reach: Tokens to either side that the head sees at once.
        weighting: How much a positive counts: root (of negatives to positives), ratio, inverse,
            effective (number), none.
        positive_cap: Most that it counts; 1 is off.
        loss: Binary cross-entropy, or the asymmetric loss, which forgets easy negatives.
    """

    max_tokens: int = attrs.field(default=512, validator=attrs.validators.ge(8))
    reach: int = attrs.field(default=4, validator=attrs.validators.ge(0))
    weighting: Weighting = "root"
    positive_cap: float = attrs.field(default=20.0, validator=attrs.validators.ge(1))
    loss: Literal["cross_entropy", "asymmetric"] = "cross_entropy"


TextT = TypeVar("TextT", bound=LabelledText)
SettingsT = TypeVar("SettingsT", bound=LabelConfig)


class LabelTask(Task[TextT, SettingsT]):
    """Say which labels a text has.

    Attributes:
        labels: Their names; what a head has learned is stored by place.
        merged: Figures over groups of labels: a name and columns each. Any label of a group
            counts once.
    """

    labels: ClassVar[tuple[str, ...]]
    merged: ClassVar[tuple[tuple[str, Sequence[Sequence[int]]], ...]] = ()

    @abstractmethod
    def examples(self, split: Split) -> Sequence[TextT]:
        """Return a split."""

    def label_weights(self) -> Floats:
        """Return how much each label counts, `[w]`."""
        return np.ones(len(self.labels))

    def encode(self, example: TextT, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Read the whole text in both directions; one target a label."""
        ids = [tokenizer.begin_id, *tokenizer.encode(example.code)][: self.config.max_tokens]
        tokens = np.array(ids, dtype=np.int64)
        return Segment(tokens, prefix=len(tokens), values=example.values)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """One score a label, pooled by attention from windows of tokens."""
        return WindowedLabelHead(trunk, len(self.labels), self.config.reach)

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the loss over known labels, rare positives counting more."""
        positive_w, weight_w = (x.to(output.device) for x in self._weights)
        if self.config.loss == "asymmetric":
            return asymmetric_label_loss(output, targets, weight_w)
        return label_loss(output, targets, positive_w, weight_w)

    def metrics(self) -> Mapping[str, Metric]:
        """Return F1 over labels and their groups at probability one half."""
        return {"": LabelMetric(self.labels, dict(self.merged))}

    def texts(self, example: TextT) -> Iterable[str]:
        """Yield the text."""
        yield example.code

    def facets(self, example: TextT) -> Mapping[str, float]:
        """Return how many labels there are."""
        return {"labels": float(np.nansum(example.values))}

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Return the loss of a fair coin."""
        return math.log(2)

    def baselines(self) -> Mapping[str, Estimate]:
        """Return what the majority's label and an n-gram classifier reach on the test split."""
        train, val, test = (self._plain(split) for split in ("train", "val", "test"))
        return {
            "majority_macro_f1": majority(train, test),
            "ngram_macro_f1": ngram(train, val, test),
        }

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Measure decisions and scores; what is chosen for them is chosen on the val split."""
        logit_sw, values_sw = self.scores(model, split)
        threshold_w, divisor, how = np.zeros(len(self.labels)), 1.0, "at probability 0.5"
        if split != "val":
            chosen_on = self.scores(model, "val")
            threshold_w, divisor = best_thresholds(*chosen_on), temperature(*chosen_on)
            how = "thresholds chosen on the validation split"
        decisions = Decisions.at(logit_sw, values_sw, threshold_w)
        groups = [example.group for example in self.examples(split)]
        with_support = int((decisions.true_sw & decisions.known_sw).any(0).sum())
        macro = f"{how}, {with_support} of {len(self.labels)} labels with support"
        return {
            "macro_f1": bootstrapped(decisions, groups, why=macro),
            "micro_f1": bootstrapped(decisions, groups, micro_f1, why=how),
            **{
                f"{name}_macro_f1": bootstrapped(decisions.merged(columns), groups, why=how)
                for name, columns in self.merged
            },
            "twin_accuracy": twin_accuracy(decisions, groups),
            "pr_auc": mean_over_labels(average_precision, logit_sw, values_sw, "mean"),
            "recall_at_p80": mean_over_labels(
                recall_at_precision, logit_sw, values_sw, "mean recall at precision 0.8"
            ),
            "calibration_error": calibration_error(logit_sw, values_sw, divisor),
        }

    def scores(self, model: Model, split: Split) -> tuple[Floats, Floats]:
        """Return logits and labels of a split, `[s, w]` both."""
        logits, values = [], []
        for output, targets in predictions(model, self.name, split):
            assert targets.values_sw is not None
            logits.append(output.float().cpu().numpy())
            values.append(targets.values_sw.cpu().numpy())
        return np.concatenate(logits).astype(float), np.concatenate(values).astype(float)

    def by_label(self, model: Model, split: Split) -> list[LabelRow]:
        """Return what a model does with each label of a split, by thresholds chosen on val."""
        threshold_w = best_thresholds(*self.scores(model, "val"))
        return label_rows(self.labels, *self.scores(model, split), threshold_w)

    def _plain(self, split: Any) -> LabelledTexts:
        found = self.examples(split)
        values_sw = np.stack([example.values for example in found]).astype(float)
        return LabelledTexts([e.code for e in found], [e.group for e in found], values_sw)

    @cached_property
    def _weights(self) -> tuple[Tensor, Tensor]:
        """How much positives of each label, and each label, count, `[w]` both."""
        values_sw = self._plain("train").values_sw
        has_w, lacks_w = ((values_sw == x).sum(0).astype(float) for x in (1, 0))
        rule, cap = self.config.weighting, self.config.positive_cap
        positive_w = positive_weights(has_w, lacks_w, rule, cap)
        return torch.tensor(positive_w).float(), torch.tensor(self.label_weights()).float()

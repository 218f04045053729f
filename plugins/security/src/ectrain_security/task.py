"""The security task: dataset, head, loss, metrics, and what it must beat."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from ectrain.evaluate import predictions
from ectrain.labels import (
    Decisions,
    Floats,
    LabelMetric,
    best_thresholds,
    bootstrapped,
    micro_f1,
)
from ectrain.mixing import examples_from
from ectrain.model import Model
from ectrain.parts import label_loss
from ectrain.task import (
    Budget,
    Estimate,
    Goal,
    Metric,
    Segment,
    Split,
    Targets,
    Task,
    TrunkShape,
)
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.findings import SNIPPET_FINDINGS
from ectrain_elixir.symbols import SYMBOLS
from ectrain_security.baselines import majority, ngram
from ectrain_security.data import CWE_COLUMNS, LABELS, LabelledCode, counts, embedded, stored
from ectrain_security.head import WindowedLabelHead

SEVERITY_WEIGHTS = {"high": 3.0, "medium": 2.0, "low": 1.0}


@attrs.frozen
class SecurityConfig:
    """Settings of the security task.

    Attributes:
        data: Folder with train.jsonl, val.jsonl and test.jsonl, or built dataset; "" for the
            embedded twins; a mix as `embedded=0.3,DIR=0.7`.
        size: Embedded training snippets.
        seed: Of the embedded snippets.
        max_tokens: Most tokens of a snippet; a longer one is cut at its end.
        reach: Tokens to either side that the head sees at once.
        severity_weights: Let graver findings count more (high 3, medium 2, low 1).
        positive_cap: Most that a rare finding's positives count against its negatives; 1 is off.
    """

    data: str = ""
    size: int = attrs.field(default=4000, validator=attrs.validators.ge(1))
    seed: int = 0
    max_tokens: int = attrs.field(default=512, validator=attrs.validators.ge(8))
    reach: int = attrs.field(default=4, validator=attrs.validators.ge(0))
    severity_weights: bool = True
    positive_cap: float = attrs.field(default=20.0, validator=attrs.validators.ge(1))


class SecurityTask(Task[LabelledCode, SecurityConfig]):
    """Say which vulnerabilities a piece of Elixir has."""

    name = "security"
    config_type = SecurityConfig
    goals = (Goal("macro_f1", 0.5, ("majority_macro_f1", "ngram_macro_f1")),)

    def examples(self, split: Split) -> Sequence[LabelledCode]:
        """Return embedded twins, the records of a folder or dataset, or a mix."""
        config = self.config
        return examples_from(
            config.data,
            lambda: embedded(split, config.size, config.seed),
            lambda path: stored(path, split),
        )

    def encode(self, example: LabelledCode, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Read the whole snippet in both directions; one target a label."""
        ids = [tokenizer.begin_id, *tokenizer.encode(example.code)][: self.config.max_tokens]
        tokens = np.array(ids, dtype=np.int64)
        return Segment(tokens, prefix=len(tokens), values=example.values)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """One score a label, pooled by attention from windows of tokens."""
        return WindowedLabelHead(trunk, len(LABELS), self.config.reach)

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return binary cross-entropy, rarer and graver findings counting more."""
        positive_w, weight_w = (x.to(output.device) for x in self._weights)
        return label_loss(output, targets, positive_w, weight_w)

    def metrics(self) -> Mapping[str, Metric]:
        """Return F1 over findings and over CWEs at probability one half."""
        return {"": LabelMetric(LABELS, {"cwe": CWE_COLUMNS})}

    def texts(self, example: LabelledCode) -> Iterable[str]:
        """Yield the code."""
        yield example.code

    def symbols(self) -> tuple[str, ...]:
        """Return Elixir's operators and delimiters."""
        return SYMBOLS

    def facets(self, example: LabelledCode) -> Mapping[str, float]:
        """Return how many findings there are."""
        return {"findings": len(example.findings)}

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Return the loss of a fair coin."""
        return math.log(2)

    @cached_property
    def _weights(self) -> tuple[Tensor, Tensor]:
        """How much positives of each label, and each label, count, `[w]` both."""
        has_w, lacks_w = counts(self.examples("train"))
        ratio_w = np.sqrt(np.divide(lacks_w, has_w, out=np.ones_like(has_w), where=has_w > 0))
        positive_w = np.clip(ratio_w, 1.0, self.config.positive_cap)
        weight_w = np.ones(len(LABELS))
        if self.config.severity_weights:
            weight_w = np.array([SEVERITY_WEIGHTS[f.severity] for f in SNIPPET_FINDINGS])
            weight_w /= weight_w.mean()
        return torch.tensor(positive_w).float(), torch.tensor(weight_w).float()

    def baselines(self) -> Mapping[str, Estimate]:
        """Return what the majority's label and an n-gram classifier reach on the test split."""
        train, val, test = (self.examples(split) for split in ("train", "val", "test"))
        return {
            "majority_macro_f1": majority(train, test),
            "ngram_macro_f1": ngram(train, val, test),
        }

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Measure F1 with thresholds from the validation split, and whole pairs of twins."""
        if split == "val":
            thresholds_w, how = np.zeros(len(LABELS)), "at probability 0.5"
        else:
            thresholds_w = best_thresholds(*_scored(model, "val"))
            how = "thresholds chosen on the validation split"
        decisions = Decisions.at(*_scored(model, split), thresholds_w)
        groups = [example.group for example in self.examples(split)]
        return {
            "macro_f1": bootstrapped(decisions, groups, why=how),
            "micro_f1": bootstrapped(decisions, groups, micro_f1, why=how),
            "cwe_macro_f1": bootstrapped(decisions.merged(CWE_COLUMNS), groups, why=how),
            "twin_accuracy": _twins(decisions, groups),
        }


def _scored(model: Model, split: Split) -> tuple[Floats, Floats]:
    """Return logits and labels of a split, `[s, w]` both."""
    logits, values = [], []
    for output, targets in predictions(model, SecurityTask.name, split):
        assert targets.values_sw is not None
        logits.append(output.float().cpu().numpy())
        values.append(targets.values_sw.cpu().numpy())
    return np.concatenate(logits).astype(float), np.concatenate(values).astype(float)


def _twins(decisions: Decisions, groups: Sequence[str]) -> Estimate:
    """Return the share of twins of which both are right in every label.

    Twins are the two examples of a group that has no others, where their labels differ.
    """
    right_s = ((decisions.said_sw == decisions.true_sw) | ~decisions.known_sw).all(1)
    members: dict[str, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    pairs = [
        pair
        for pair in members.values()
        if len(pair) == 2 and (decisions.true_sw[pair[0]] != decisions.true_sw[pair[1]]).any()
    ]
    if not pairs:
        return Estimate.missing("no twins in this data: no two examples with a group of their own")
    hits = sum(bool(right_s[pair].all()) for pair in pairs)
    return Estimate.share(hits, len(pairs), "both twins right in every label")

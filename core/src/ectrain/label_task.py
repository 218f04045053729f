"""Tasks that give labels to texts: all but the labels and the data.

A plugin derives a class from `LabelTask` and says which labels there are and where examples come
from; whatever it would have in common with others is here.

Shape suffixes: s examples, w labels.
"""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from ectrain import label_evaluation
from ectrain.label_balance import Balanced
from ectrain.label_baselines import LabelledTexts, majority, ngram
from ectrain.label_calibration import Calibration
from ectrain.label_evaluation import LabelledText
from ectrain.label_evidence import evidence
from ectrain.label_figures import LabelRow, label_rows
from ectrain.label_groups import Grouping, GroupRow, group_rows
from ectrain.label_head_only import head_only
from ectrain.label_places import judged
from ectrain.label_prediction import LabelInfo, Prediction, prediction
from ectrain.label_reading import Reading, read, windows
from ectrain.label_weights import Weighting, positive_weights
from ectrain.labels import Decisions, Floats, LabelMetric
from ectrain.model import Model
from ectrain.parts import WindowedLabelHead, asymmetric_label_loss, label_loss
from ectrain.task import Budget, Estimate, Metric, Segment, Split, Targets, Task, TrunkShape
from ectrain.tokenizer import Tokenizer

__all__ = ["LabelConfig", "LabelTask", "LabelledText"]


@attrs.frozen
class LabelConfig:
    """Settings that every task with labels has.

    Attributes:
        max_tokens: Most tokens that are read at once; longer texts are read in windows.
        reach: Tokens to either side that the head sees at once.
        weighting: How much a positive counts: root (of negatives to positives), ratio, inverse,
            effective (number), none.
        positive_cap: Most that it counts; 1 is off.
        loss: Binary cross-entropy, or the asymmetric loss, which forgets easy negatives.
        clean_ratio: Most training examples without any label, to one that has some; 0 keeps all.
            Held-out examples keep their natural rates.
        frozen_examples: Training examples that the baseline with an untrained trunk draws; 0
            leaves it out.
    """

    max_tokens: int = attrs.field(default=512, validator=attrs.validators.ge(8))
    reach: int = attrs.field(default=4, validator=attrs.validators.ge(0))
    weighting: Weighting = "root"
    positive_cap: float = attrs.field(default=20.0, validator=attrs.validators.ge(1))
    loss: Literal["cross_entropy", "asymmetric"] = "cross_entropy"
    clean_ratio: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    frozen_examples: int = attrs.field(default=4000, validator=attrs.validators.ge(0))


TextT = TypeVar("TextT", bound=LabelledText)
SettingsT = TypeVar("SettingsT", bound=LabelConfig)


class LabelTask(Task[TextT, SettingsT]):
    """Say which labels a text has.

    Attributes:
        labels: Their names; what a head has learned is stored by place.
        groupings: Figures over groups of labels.
        ends: Numbers of labels that are about how a text ends.
        suffixes: Of files that hold such texts, as ".py".
        skipped_folders: Names of folders whose files are nobody's own.
        note: What a reader of figures on unfinished texts must know.
    """

    labels: ClassVar[tuple[str, ...]]
    groupings: ClassVar[tuple[Grouping, ...]] = ()
    ends: ClassVar[tuple[int, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()
    skipped_folders: ClassVar[frozenset[str]] = frozenset()
    note: ClassVar[str] = ""

    @abstractmethod
    def labelled(self, split: Split) -> Sequence[TextT]:
        """Return a split as it is, the same content for the same config, always."""

    def label_infos(self) -> Sequence[LabelInfo]:
        """Return what each label means, in the labels' order."""
        return [LabelInfo(name, name) for name in self.labels]

    def label_weights(self) -> Floats:
        """Return how much each label counts, `[w]`."""
        return np.ones(len(self.labels))

    # --- training ---------------------------------------------------------------------------------

    def examples(self, split: Split) -> Sequence[TextT]:
        """Return a split; where it is asked for, the training split is balanced."""
        if split == "train" and self.config.clean_ratio:
            return self._balanced
        return self.labelled(split)

    @cached_property
    def _balanced(self) -> Sequence[TextT]:
        return Balanced(self.labelled("train"), self.config.clean_ratio)

    def encode(self, example: TextT, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Read the text in both directions, one target a label; of a long one, a window."""
        found = windows(example.code, tokenizer, self.config.max_tokens - 1)
        window = found[0] if len(found) == 1 else rng.choice(found)
        if window.part.whole:
            return window.segment(tokenizer, example.values)
        values = judged(example.values, example.places, window.part, self.ends)
        return window.segment(tokenizer, values)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """One score a label, pooled by attention from windows of tokens."""
        return WindowedLabelHead(trunk, len(self.labels), self.config.reach)

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the loss over known labels, rare positives counting more."""
        positive_w, weight_w = (x.to(output.device) for x in self._weights)
        if self.config.loss == "asymmetric":
            return asymmetric_label_loss(output, targets, weight_w)
        return label_loss(output, targets, positive_w, weight_w)

    @cached_property
    def _weights(self) -> tuple[Tensor, Tensor]:
        """How much positives of each label, and each label, count, `[w]` both."""
        values_sw = self._plain("train").values_sw
        has_w, lacks_w = (x.sum(0).astype(float) for x in (values_sw > 0, values_sw == 0))
        rule, cap = self.config.weighting, self.config.positive_cap
        positive_w = positive_weights(has_w, lacks_w, rule, cap)
        return torch.tensor(positive_w).float(), torch.tensor(self.label_weights()).float()

    def texts(self, example: TextT) -> Iterable[str]:
        """Yield the text."""
        yield example.code

    def facets(self, example: TextT) -> Mapping[str, float]:
        """Return how many labels there are."""
        return {"labels": float((example.values > 0).sum())}

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Return the loss of a fair coin."""
        return math.log(2)

    # --- measuring --------------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, Metric]:
        """Return F1 over labels and their groups at probability one half."""
        return {"": LabelMetric(self.labels, {g.name: g.columns for g in self.groupings})}

    def baselines(self) -> Mapping[str, Estimate]:
        """Return what the majority's label and an n-gram classifier reach on the test split."""
        train, val, test = (self._plain(split) for split in ("train", "val", "test"))
        return {
            "majority_macro_f1": majority(train, test),
            "ngram_macro_f1": ngram(train, val, test),
        }

    def trunk_baselines(self, model: Model) -> Mapping[str, Estimate]:
        """Return what the head reaches when it alone is trained."""
        train, val, test = self.examples("train"), self._plain("val"), self._plain("test")
        room, count = self.config.max_tokens, self.config.frozen_examples
        return {"frozen_macro_f1": head_only(model, self.name, train, val, test, room, count)}

    def choose(self, model: Model) -> Mapping[str, Any]:
        """Return the thresholds and the temperature that validation data is best served by."""
        return Calibration.chosen(*self.scores(model, "val")).to_dict(self.labels)

    def calibration(self, model: Model) -> Calibration:
        """Return what was chosen for a model's weights, or choose it now."""
        stored = Calibration.from_dict(self.labels, model.choices.get(self.name, {}))
        return stored or Calibration.chosen(*self.scores(model, "val"))

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Measure decisions, scores, lines and unfinished texts; what is chosen comes from val."""
        found = list(self.examples(split))
        plain = self._texts(found)
        own = split != "val"
        calibration = self.calibration(model) if own else Calibration.none(len(self.labels))
        readings = list(self.readings(model, plain.texts))
        logit_sw = np.stack([reading.logit_w for reading in readings])
        values_sw, how = plain.values_sw, calibration.why
        decisions = Decisions.at(logit_sw, values_sw, calibration.threshold_w)
        return {
            **label_evaluation.of_decisions(decisions, plain.groups, self.groupings, how),
            **label_evaluation.of_scores(logit_sw, values_sw, calibration.divisor),
            **self._evidence(model, found, decisions, readings),
            **self._unfinished(model, found, plain.groups, calibration),
        }

    def _evidence(
        self, model: Model, found: Sequence[TextT], said: Decisions, readings: Sequence[Reading]
    ) -> Mapping[str, Estimate]:
        chosen = list(label_evaluation.found_with_lines(found, said))
        codes = [found[number].code for number, _ in chosen]
        shown = [
            evidence(model, self.name, code, readings[number], list(known))
            for code, (number, known) in zip(codes, chosen, strict=True)
        ]
        return label_evaluation.of_evidence(codes, [known for _, known in chosen], shown)

    def _unfinished(
        self, model: Model, found: Sequence[TextT], groups: Sequence[str], calibration: Calibration
    ) -> Mapping[str, Estimate]:
        cut = label_evaluation.unfinished(found, self.ends)
        if cut is None:
            return label_evaluation.missing_unfinished()
        logit_sw = np.stack([reading.logit_w for reading in self.readings(model, cut[0])])
        return label_evaluation.of_unfinished(logit_sw, cut[1], calibration, groups, self.note)

    def readings(self, model: Model, texts: Sequence[str]) -> Iterator[Reading]:
        """Yield what the head says of each text."""
        return read(model, self.name, texts, self.config.max_tokens)

    def scores(self, model: Model, split: Split) -> tuple[Floats, Floats]:
        """Return logits and labels of a split, `[s, w]` both."""
        plain = self._plain(split)
        logit_sw = np.stack([reading.logit_w for reading in self.readings(model, plain.texts)])
        return logit_sw, plain.values_sw

    def by_label(self, model: Model, split: Split) -> list[LabelRow]:
        """Return what a model does with each label of a split, by thresholds chosen on val."""
        threshold_w = self.calibration(model).threshold_w
        return label_rows(self.labels, *self.scores(model, split), threshold_w)

    def by_group(self, model: Model, split: Split) -> dict[str, list[GroupRow]]:
        """Return what a model does with each group of each grouping, by the same thresholds."""
        decisions = Decisions.at(*self.scores(model, split), self.calibration(model).threshold_w)
        return {grouping.name: group_rows(grouping, decisions) for grouping in self.groupings}

    def _plain(self, split: Any) -> LabelledTexts:
        return self._texts(list(self.examples(split)))

    def _texts(self, found: Sequence[TextT]) -> LabelledTexts:
        values_sw = np.stack([example.values for example in found]).astype(float)
        return LabelledTexts([e.code for e in found], [e.group for e in found], values_sw)

    # --- use --------------------------------------------------------------------------------------

    def predict(self, model: Model, texts: Sequence[str]) -> Iterator[Prediction]:
        """Yield what a model says of each text, by what was chosen on validation data."""
        calibration = self.calibration(model)
        for text, reading in zip(texts, self.readings(model, texts), strict=True):
            given = np.flatnonzero(calibration.given(reading.logit_w)).tolist()
            lines = evidence(model, self.name, text, reading, given)
            yield prediction(self.labels, reading, calibration, lines)

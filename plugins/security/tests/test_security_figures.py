"""What is reported: F1 over findings and weaknesses, twins, thresholds, baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ectrain import label_baselines, label_calibration, label_evaluation
from ectrain.label_baselines import LabelledTexts, majority, ngram
from ectrain.label_figures import twin_accuracy
from ectrain.label_reading import Reading
from ectrain.labels import Decisions, Floats, best_thresholds
from ectrain.model import Model
from ectrain.task import SPLITS, Budget, Split, Targets
from ectrain.testing import Subject
from ectrain_security import SecurityConfig, SecurityTask
from ectrain_security.data import CWES, LABELS, VulnerableCode, embedded

TASK = SecurityTask(SecurityConfig(size=60))
OS, SYSTEM = LABELS.index("CI.OS"), LABELS.index("CI.System")


def values_of(examples: Sequence[VulnerableCode]) -> Floats:
    """Return the labels of examples, `[s, w]`, NaN where unknown."""
    return np.stack([example.values for example in examples]).astype(float)


def plain(examples: Sequence[VulnerableCode]) -> LabelledTexts:
    """Return examples as a baseline sees them."""
    return LabelledTexts(
        [e.code for e in examples], [e.group for e in examples], values_of(examples)
    )


def code(number: int, text: str, *findings: str, group: str = "") -> VulnerableCode:
    """Return a labelled text."""
    return VulnerableCode(str(number), group or f"g{number}", text, findings)


def one_hot(*columns: int) -> Floats:
    """Return a row with these labels."""
    row = np.zeros(len(LABELS))
    row[list(columns)] = 1.0
    return row


def test_a_hit_on_any_id_of_a_weakness_counts_once() -> None:
    """Two findings of CWE-78, one of them found: one hit, no miss, and no second hit."""
    truth = np.stack([one_hot(OS, SYSTEM), one_hot(OS, SYSTEM), one_hot()])
    said = np.stack([one_hot(OS), one_hot(OS, SYSTEM), one_hot(SYSTEM)])
    decisions = Decisions.at(said, truth, np.full(len(LABELS), 0.5))
    hits, wrong, missed = decisions.merged(CWES.columns).counts().sum(1)
    assert (hits, wrong, missed) == (2, 1, 0)
    assert decisions.counts().sum(1).tolist() == [3, 1, 1]


def test_the_metric_reports_findings_and_weaknesses() -> None:
    """At probability one half: macro and micro F1 of labels, macro F1 of CWEs."""
    (metric,) = TASK.metrics().values()
    values = torch.tensor(np.stack([one_hot(OS, SYSTEM), one_hot(OS)])).float()
    logits = torch.tensor(np.stack([one_hot(OS), one_hot(SYSTEM)])).float() * 2 - 1
    metric.update(logits, Targets(torch.zeros(0, dtype=torch.long), values, values.numel()))
    found = metric.compute()
    # CI.OS: one hit, one miss, F1 2/3; CI.System: one wrong, one miss, F1 0.
    assert found["macro_f1@0.5"] == pytest.approx(1 / 3)
    assert found["micro_f1@0.5"] == pytest.approx(2 / 5)
    assert found["cwe_macro_f1@0.5"] == pytest.approx(1.0)


def test_twins_are_right_together_or_not_at_all() -> None:
    """A pair counts if every label of both is right; others that share a group are no twins."""
    groups = ["a", "a", "b", "b", "c", "d", "d", "e", "e", "e"]
    labels: tuple[list[int], ...] = ([OS], [], [OS], [], [OS], [OS], [OS], [OS], [], [])
    truth = np.stack([one_hot(*columns) for columns in labels])
    said = truth.copy()
    said[3, 5] = 1.0
    decisions = Decisions.at(said, truth, np.full(len(LABELS), 0.5))
    found = twin_accuracy(decisions, groups)
    assert (found.value, found.n) == (0.5, 2)
    alone = twin_accuracy(decisions, [str(n) for n in range(10)])
    assert alone.value is None
    assert "no twins" in alone.why


def oracle(model: Model, texts: Sequence[str]) -> Iterator[Reading]:
    """Yield logits that are right; nothing of texts that it never saw."""
    known = {e.code: e.values for split in SPLITS for e in TASK.examples(split)}
    for text in texts:
        logit_w = np.array(known.get(text, np.zeros(len(LABELS))), dtype=float) * 4 - 2
        yield Reading(logit_w, np.zeros(len(LABELS), dtype=int), ())


def test_an_oracle_is_perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is always right has 1 in every figure, on either split."""
    monkeypatch.setattr(TASK, "readings", oracle, raising=False)
    monkeypatch.setattr(label_evaluation, "MOST_FOUND", 0)
    model: Any = SimpleNamespace(choices={})
    splits: tuple[Split, ...] = ("val", "test")
    for split in splits:
        found = TASK.evaluate(model, split, Budget())
        perfect = (
            "macro_f1",
            "micro_f1",
            "cwe_macro_f1",
            "cwe_pooled_macro_f1",
            "cwe_accuracy",
            "twin_accuracy",
            "pr_auc",
            "recall_at_p80",
        )
        assert {name: found[name].value for name in perfect} == dict.fromkeys(perfect, 1.0)
        assert found["macro_f1"].n == len(TASK.examples(split))


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[Floats]:
    """Collect the labels that thresholds are chosen on."""
    seen: list[Floats] = []

    def watched(score_sw: Floats, values_sw: Floats, least: int = 10) -> Floats:
        seen.append(values_sw)
        return best_thresholds(score_sw, values_sw, least)

    monkeypatch.setattr(label_calibration, "best_thresholds", watched)
    monkeypatch.setattr(label_baselines, "best_thresholds", watched)
    return seen


def test_thresholds_are_chosen_on_val_alone(chosen: list[Floats]) -> None:
    """On test, thresholds come from val; on val there are none to choose, so it is one half."""
    model = Subject(TASK).model
    found = TASK.evaluate(model, "val", Budget())
    assert chosen == []
    assert found["macro_f1"].why.startswith("at probability 0.5, 17 of 17 labels")
    found = TASK.evaluate(model, "test", Budget())
    assert len(chosen) == 1
    assert np.array_equal(chosen[0], values_of(TASK.examples("val")))
    assert found["macro_f1"].why.startswith("thresholds chosen on the validation split")
    assert all(0 <= (estimate.value or 0.0) <= 1 for estimate in found.values())


def test_the_majority_is_the_training_split_s() -> None:
    """A label that most of train has is given to all of test, every other to none."""
    train = [code(n, "x", *["CI.OS"] * (n < 3)) for n in range(5)]
    test = [code(n, "x", *["CI.OS"] * (n < 1)) for n in range(4)]
    assert majority(plain(train), plain(test)).value == pytest.approx(2 / 5)  # one hit, three wrong
    assert majority(plain(test), plain(train)).value == 0.0


def words(count: int, *, word: str = "danger") -> list[VulnerableCode]:
    """Return texts that have a finding exactly where they hold a word."""
    return [
        code(n, f"call {word if n % 3 else 'safe'} {n % 7}", *["CI.OS"] * (n % 3 > 0))
        for n in range(count)
    ]


def test_ngrams_learn_what_a_word_tells(chosen: list[Floats]) -> None:
    """Where a word decides, the classifier is perfect; its thresholds are val's."""
    val = words(31)
    assert ngram(plain(words(60)), plain(val), plain(words(30))).value == 1.0
    assert np.array_equal(chosen[0], values_of(val))


def test_ngrams_are_learned_on_train_alone() -> None:
    """What only val and test could teach is not known."""
    train = [code(n, f"call {n % 7}", *["CI.OS"] * (n % 2)) for n in range(60)]
    found = ngram(plain(train), *[plain(words(30, word="new"))] * 2)
    assert found.value is not None
    assert found.value < 0.9


def test_labels_that_train_does_not_know_are_never_given() -> None:
    """A label without a known positive in train is said of nothing."""
    blank = LABELS[1:]
    train = [
        VulnerableCode(str(n), str(n), f"x {n}", ("CI.OS",) * (n % 2), unknown=blank)
        for n in range(8)
    ]
    test = [code(0, "x 1", "CI.System")]
    assert ngram(plain(train), plain(train), plain(test)).value == 0.0
    assert majority(plain(train), plain(test)).value == 0.0


def test_order_is_what_tells_twins_apart() -> None:
    """On the embedded twins a classifier on 1-3-grams stays far from right, above the majority."""
    splits = [plain(embedded(split, 1500, 0)) for split in SPLITS]
    found = ngram(*splits).value
    assert found is not None
    assert 0.2 < found < 0.7
    assert majority(splits[0], splits[2]).value == 0.0


def test_baselines_are_named_by_the_goal() -> None:
    """What the goal must beat is measured by the task itself."""
    (goal,) = TASK.goals
    task = SecurityTask(SecurityConfig(size=60, frozen_examples=2))
    found = {**task.baselines(), **task.trunk_baselines(Subject(task).model)}
    assert set(goal.baselines) == set(found)
    assert all(estimate.value is not None for estimate in found.values())

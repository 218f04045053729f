"""Laws of the functions: labels that the text bears out, splits that share nothing."""

from __future__ import annotations

import re

import pytest
import torch

from ectrain.task import SPLITS, Targets
from ectrain.testing import Subject, overfit_one_batch
from ectrain_complexity import ComplexityConfig, ComplexityTask
from ectrain_complexity.data import STEPS, Function, functions, split_of
from ectrain_complexity.metric import OrdinalMetric

EVERY = [f for split in SPLITS for f in functions(split, 400, seed=1)]

_TEXT = re.compile(r'"[^"]*"')
_DECISION = re.compile(r"\b(?:if|unless|and|or)\b")
_OUTSIDE = re.compile(r"\b(?:IO|File|Process|System)\.|\bself\(\)|:rand\.")


def complexity_of(code: str) -> int:
    """Count decisions in the text itself: a second way, which knows nothing of steps."""
    plain = _TEXT.sub('""', code)
    blocks = len(re.findall(r"\b(?:case|cond)\b.*do$", plain, re.MULTILINE))
    return 1 + len(_DECISION.findall(plain)) + plain.count(" -> ") - blocks


def test_labels_are_what_the_text_says() -> None:
    """A second reading of each text finds the same complexity and the same purity."""
    for function in EVERY:
        assert complexity_of(function.code) == function.complexity, function.code
        plain = _TEXT.sub('""', function.code)
        assert (_OUTSIDE.search(plain) is None) == function.pure, function.code


def test_splits_share_no_text_and_no_group() -> None:
    """No set of steps and no function, even without its numbers, is in two splits."""
    for mark in (lambda f: f.group, lambda f: f.code, lambda f: re.sub(r"\d+|:\w+", "_", f.code)):
        seen = [{mark(f) for f in EVERY if f.id.startswith(split)} for split in SPLITS]
        assert sum(map(len, seen)) == len(set.union(*seen))
    assert all(f.id.startswith(split_of(f.group)) for f in EVERY)


def test_every_label_and_step_occurs() -> None:
    """Training data holds every step, every class of complexity, and both kinds of purity."""
    train = functions("train", 400, seed=1)
    assert {kind for f in train for kind in f.group.split("+")} == {step.kind for step in STEPS}
    assert {min(f.complexity, 5) for f in train} == {1, 2, 3, 4, 5}
    assert 0.25 < sum(f.pure for f in train) / len(train) < 0.75


def test_the_same_settings_give_the_same_functions() -> None:
    """Size and seed decide everything; a longer split begins with the shorter one."""
    longer, shorter = functions("train", 80, 0), functions("train", 40, 0)
    assert longer[:40] == shorter
    assert functions("train", 40, 1) != shorter


def test_answers_are_ordered_questions() -> None:
    """The values are "at least 2?" to "at least 5?", then purity."""
    subject = Subject(ComplexityTask(ComplexityConfig(size=64)))
    function: Function
    for function, segment in zip(subject.train, subject.segments, strict=True):
        assert segment.values is not None
        expected = [function.complexity >= n for n in (2, 3, 4, 5)] + [function.pure]
        assert segment.values.tolist() == [float(answer) for answer in expected]


def test_distance_counts_classes() -> None:
    """A class that is two off is two away; shares are of functions."""
    metric = OrdinalMetric()
    truth_sw = torch.tensor([[1.0, 1, 1, 0, 1], [0, 0, 0, 0, 0]])
    logits_sw = torch.tensor([[1.0, -1, -1, -1, 1], [-1, -1, -1, -1, 1]])
    metric.update(logits_sw, Targets(torch.zeros(0), truth_sw, 10))
    assert metric.compute() == {"exact": 0.5, "pure": 0.5, "distance": pytest.approx(1.0)}


def test_a_batch_is_learned_by_heart() -> None:
    """The questions can be answered from the code: one batch's loss falls below a tenth."""
    task = ComplexityTask(ComplexityConfig(size=64))
    losses = overfit_one_batch(task, steps=80, stop_at=0.1)
    assert losses[-1] <= 0.1 * losses[0]

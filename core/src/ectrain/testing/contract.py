"""The laws, and the factory that makes tests of them."""

from __future__ import annotations

import json
import math
import os
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import safetensors.torch
import torch

from ectrain.batches import Encoder
from ectrain.errors import ConfigError
from ectrain.model import AnyTask
from ectrain.plugins import problem_of
from ectrain.structure import plain, structured
from ectrain.task import SPLITS, Segment, Split
from ectrain.testing.subject import Subject

Law = Callable[[Subject], None]


def examples_repeat(subject: Subject) -> None:
    """A split is the same whenever it is asked for, and its ids are unique."""
    for split in SPLITS:
        first, again = subject.split(split), subject.split(split)
        assert first, f"split {split} is empty"
        assert first == again, f"split {split} differs when it is asked for again"
        ids = [example.id for example in first]
        assert len(set(ids)) == len(ids), f"split {split} has an id twice"


def splits_share_nothing(subject: Subject) -> None:
    """No id and no group of one split occurs in another."""
    for mark in ("id", "group"):
        seen: dict[str, Split] = {}
        for split in SPLITS:
            for example in subject.task.examples(split):
                value = getattr(example, mark)
                assert isinstance(value, str), f"{mark} {value!r} is no text"
                before = seen.setdefault(value, split)
                assert before == split, f"{mark} {value!r} is in {before} and {split}"


def encoding_is_pure(subject: Subject) -> None:
    """A segment depends on the example and its random key alone, and is one that trunks take."""
    before = random.getstate(), torch.random.get_rng_state().numpy().tobytes()
    encoder = Encoder(subject.tokenizer, subject.context)
    for example, segment in zip(reversed(subject.train), reversed(subject.segments), strict=True):
        again = encoder.encode(subject.name, subject.task, example, "contract")
        assert _same(segment, again), f"example {example.id!r} is encoded differently again"
    after = random.getstate(), torch.random.get_rng_state().numpy().tobytes()
    assert before == after, "encode draws from the process's own random numbers"


def values_have_one_width(subject: Subject) -> None:
    """Either every segment has values of one width, or none has any."""
    widths = {None if s.values is None else len(s.values) for s in subject.segments}
    assert len(widths) == 1, f"values of widths {widths}"
    assert sum(s.target_count for s in subject.segments) > 0, "no segment has a target"


def loss_is_additive(subject: Subject) -> None:
    """The loss of a batch is the sum of the losses of its segments, however it is split."""
    with torch.no_grad():
        whole = float(subject.loss(subject.segments))
        halves = (subject.segments[0::2], subject.segments[1::2])
        parts = sum(float(subject.loss(half)) for half in halves if half)
        alone = sum(float(subject.loss([segment])) for segment in subject.segments)
    assert math.isclose(whole, parts, rel_tol=1e-4, abs_tol=1e-4), f"{whole} in one, {parts} in two"
    assert math.isclose(whole, alone, rel_tol=1e-4, abs_tol=1e-4), f"{whole} in one, {alone} alone"


def loss_ignores_order(subject: Subject) -> None:
    """The loss does not depend on the order of segments, nor on padding between them."""
    shuffled = sorted(subject.segments, key=lambda s: (s.tokens.sum(), len(s.tokens)))
    with torch.no_grad():
        one, other = float(subject.loss(subject.segments)), float(subject.loss(shuffled))
    assert math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4), f"{one} and {other}"


def gradient_reaches_trunk(subject: Subject) -> None:
    """The loss is a finite scalar whose gradient reaches the trunk's output."""
    laid_out = subject.pack(subject.segments)
    trunk_td = subject.model.trunk(laid_out).detach().requires_grad_()
    output = subject.model.heads[subject.name](subject.rows(laid_out, trunk_td))
    loss = subject.task.loss(output, laid_out.tasks[subject.name].targets)
    assert loss.ndim == 0, f"the loss has shape {list(loss.shape)}"
    assert bool(loss.isfinite()), f"the loss is {float(loss.detach())}"
    (gradient,) = torch.autograd.grad(loss, trunk_td)
    assert bool(gradient.isfinite().all()), "the gradient is not finite"
    assert bool((gradient != 0).any()), "no gradient reaches the trunk"


def nothing_to_predict_costs_nothing(subject: Subject) -> None:
    """Segments without a known target have loss 0 and gradient 0, not NaN."""
    blank = [_without_targets(segment) for segment in subject.segments[:4]]
    loss = subject.loss(blank)
    assert float(loss.detach()) == 0.0, f"the loss is {float(loss.detach())}"
    weight = subject.model.trunk.embedding.weight
    (gradient,) = torch.autograd.grad(loss, weight, allow_unused=True)
    assert gradient is None or bool((gradient == 0).all()), "the gradient is not 0"


def metrics_stream(subject: Subject) -> None:
    """Metrics come out the same from one batch, many batches, any order and merged shards."""
    pieces = [subject.segments[at : at + 3] for at in range(0, len(subject.segments), 3)]
    whole = _measured(subject, [subject.segments])
    assert whole == _close(_measured(subject, pieces)), "the size of batches matters"
    assert whole == _close(_measured(subject, pieces[::-1])), "the order of batches matters"
    merged = subject.task.metrics()
    for piece in pieces:
        shard = subject.task.metrics()
        output, targets = _detached(subject, piece)
        for name, metric in shard.items():
            metric.update(output, targets)
            merged[name].merge(metric)
    assert whole == _close({name: metric.compute() for name, metric in merged.items()})


def metrics_know_nothing_yet(subject: Subject) -> None:
    """Before any batch, every figure is undefined or finite, never NaN; none are shared."""
    for name, metric in subject.task.metrics().items():
        for inner, value in metric.compute().items():
            assert value is None or math.isfinite(value), f"{name}.{inner} is {value}"


def heads_fit_any_width(subject: Subject) -> None:
    """A head is made for the trunk's width; two heads share no weights; weights survive a file."""
    for width in (16, 48):
        subject.head(width)
    one, other = subject.head(), subject.head()
    mine = {id(p) for p in one.parameters()}
    assert not mine & {id(p) for p in other.parameters()}, "two heads share weights"
    stored = safetensors.torch.load(safetensors.torch.save(one.state_dict()))
    other.load_state_dict(stored)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, stored[name]), f"{name} changes in a file"


def heads_repeat(subject: Subject) -> None:
    """A head's first weights depend on torch's seed alone."""
    one, other = subject.head(seed=3).state_dict(), subject.head(seed=3).state_dict()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), f"{name} differs with the same seed"


def config_round_trips(subject: Subject) -> None:
    """Settings survive JSON, have defaults, and refuse a key that they don't know."""
    kind = subject.task.config_type
    data = plain(subject.task.config)
    assert structured(json.loads(json.dumps(data)), kind, "settings") == subject.task.config
    kind()
    refused = ""
    try:
        structured({**data, "no_such_key": 1}, kind, "settings")
    except ConfigError as error:
        refused = str(error)
    assert "no_such_key" in refused, "an unknown key is taken, or not named"


def name_is_usable(subject: Subject) -> None:
    """The name, the contract's version and the class's parts are what loading asks for."""
    assert problem_of(type(subject.task)) is None, problem_of(type(subject.task))
    for token in subject.task.control_tokens():
        assert token not in subject.task.symbols(), f"{token!r} is a control token and a symbol"
        assert re.search(r"\S", token), "a control token is blank"


def control_tokens_are_out_of_reach(subject: Subject) -> None:
    """Each control token is one id, and no text is encoded to it."""
    for token in subject.task.control_tokens():
        number = subject.tokenizer.token_id(token)
        assert number not in subject.tokenizer.encode(f"x {token} y"), f"{token!r} is in reach"


def globals_stay(subject: Subject) -> None:
    """Data, encoding, head, loss and metrics leave the process as it was."""
    before = _process_state()
    Subject(subject.task).loss(subject.segments[:2])
    subject.task.metrics()
    after = _process_state()
    assert before == after, f"{[k for k in before if before[k] != after[k]]} changed"


def a_batch_can_be_learned(subject: Subject) -> None:
    """A few steps on one batch at least halve the loss beyond what it can't go below."""
    fresh = Subject(subject.task)
    chosen = fresh.segments[:6]
    optimizer = torch.optim.AdamW(fresh.model.parameters(), lr=1e-2)
    first = last = math.nan
    for step in range(80):
        optimizer.zero_grad()
        loss = fresh.loss(chosen)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        last = float(loss.detach())
        first = last if step == 0 else first
    assert last < 0.5 * first, f"the loss went from {first:.3f} to {last:.3f}"


LAWS: tuple[Law, ...] = (
    examples_repeat,
    splits_share_nothing,
    encoding_is_pure,
    values_have_one_width,
    loss_is_additive,
    loss_ignores_order,
    gradient_reaches_trunk,
    nothing_to_predict_costs_nothing,
    metrics_stream,
    metrics_know_nothing_yet,
    heads_fit_any_width,
    heads_repeat,
    config_round_trips,
    name_is_usable,
    control_tokens_are_out_of_reach,
    globals_stay,
    a_batch_can_be_learned,
)


def task_contract(task: AnyTask) -> Callable[..., None]:
    """Return a pytest test that holds a task to every law, one case each.

    Args:
        task: The task, with settings that keep its data small.
    """
    import pytest

    subject = Subject(task)

    @pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
    def test_contract(law: Law) -> None:
        law(subject)

    test_contract.__doc__ = f"Task {task.name} keeps each law of the contract."
    return test_contract


def _same(one: Segment, other: Segment) -> bool:
    pairs: tuple[tuple[Any, Any], ...] = (
        (one.tokens, other.tokens),
        (one.labels, other.labels),
        (one.values, other.values),
    )
    return one.prefix == other.prefix and all(
        (a is None) == (b is None) and (a is None or np.array_equal(a, b, equal_nan=True))
        for a, b in pairs
    )


def _without_targets(segment: Segment) -> Segment:
    labels, values = segment.labels, segment.values
    return attrs.evolve(
        segment,
        labels=None if labels is None else np.full_like(labels, -100),
        values=None if values is None else np.full_like(values, np.nan),
    )


def _detached(subject: Subject, segments: Any) -> Any:
    with torch.no_grad():
        return subject.apply(segments)


def _measured(subject: Subject, batches: Any) -> Mapping[str, Mapping[str, float | None]]:
    metrics = subject.task.metrics()
    for batch in batches:
        output, targets = _detached(subject, batch)
        for metric in metrics.values():
            metric.update(output, targets)
    return {name: metric.compute() for name, metric in metrics.items()}


class _Near(float):
    """A figure that equals what is within rounding of it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float | int) and math.isclose(self, other, abs_tol=1e-5)

    __hash__ = float.__hash__


def _close(figures: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, Any]]:
    return {
        name: {k: v if v is None else _Near(v) for k, v in inner.items()}
        for name, inner in figures.items()
    }


def _process_state() -> dict[str, Any]:
    return {
        "random": random.getstate(),
        "numpy.random": repr(np.random.get_state()),
        "torch.random": torch.random.get_rng_state().numpy().tobytes(),
        "torch.default_dtype": torch.get_default_dtype(),
        "torch.threads": torch.get_num_threads(),
        "torch.grad": torch.is_grad_enabled(),
        "cwd": os.getcwd(),
        "environ": dict(os.environ),
    }

"""Laws about the process that a task shares with everybody: it leaves no trace there."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch

from ectrain.batches import Encoder
from ectrain.model import Model
from ectrain.task import Task
from ectrain.testing.law import NotApplicable, require
from ectrain.testing.laws.encoding import same
from ectrain.testing.other_process import CannotMove, elsewhere
from ectrain.testing.process_state import changed, process_state
from ectrain.testing.subject import KEY, Subject


def globals_stay(subject: Subject) -> None:
    """Data, encoding, head, loss and metrics leave the process as it was."""
    before = process_state()
    subject.exercise()
    odd = changed(before, process_state())
    if not odd:  # what was changed the first time, before this law, shows where nothing was
        with contextlib.suppress(NotApplicable):
            odd = _elsewhere(subject)["left"]
    require(
        not odd,
        f"it changes {', '.join(odd)}; use generators, threads and settings of its own, or put "
        "back what it changes",
    )


def stdout_stays_clean(subject: Subject) -> None:
    """Data, encoding, head, loss and metrics print nothing: stdout belongs to the command."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        subject.exercise()
    text = printed.getvalue()
    require(not text, f"it prints {text[:60]!r}; use the logging module, which goes to stderr")


def import_is_quiet(subject: Subject) -> None:
    """Importing its package opens no file, connection or process and changes nothing global."""
    found = _elsewhere(subject)
    require(
        not found["events"],
        f"importing {found['package']} does {'; '.join(found['events'][:3])}; do it in examples() "
        "or when it is first needed",
    )
    require(
        not found["changed"],
        f"importing {found['package']} changes {', '.join(found['changed'])}; leave that to who "
        "runs the program",
    )


def another_process_agrees(subject: Subject) -> None:
    """Another process, with another hash seed, makes the same examples and segments."""
    encoder = Encoder(subject.tokenizer, 1 << 20)
    if subject.split("train") != subject.train:
        raise NotApplicable("its examples do not even repeat in one process")
    for turn, (example, segment) in enumerate(zip(subject.train, subject.segments, strict=True)):
        again = encoder.encode(subject.name, subject.task, example, KEY, turn=turn)
        if not same(segment, again):
            raise NotApplicable("encode does not even repeat in one process")
    found, mine = _elsewhere(subject)["digest"], subject.digest()
    odd = next((a for a, b in zip(mine, found, strict=True) if a != b), "")
    require(
        not odd,
        f"example {' '.join(odd.split()[:2])} differs in another process; use no hash(), id(), "
        "set order or time: hashlib and sorted() are the same everywhere",
    )


def refresh_leaves_the_model(subject: Subject) -> None:
    """`refresh` reads the model, and changes neither its weights nor its mode."""
    if type(subject.task).refresh is Task.refresh:
        raise NotApplicable("it does not implement refresh")
    task = type(subject.task)(subject.task.config)  # so that the subject keeps its own data
    model = Model(subject.shape, {subject.name: task}, subject.tokenizer, seed=0).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    task.refresh(model, 1)
    same_weights = all(torch.equal(before[n], x) for n, x in model.state_dict().items())
    require(same_weights, "refresh changes the model's weights; train on a copy of them")
    require(model.training, "refresh leaves the model in evaluation mode; put its mode back")
    require(
        all(p.requires_grad for p in model.parameters()),
        "refresh freezes weights of the model; put requires_grad back",
    )


def refresh_repeats(subject: Subject) -> None:
    """New data depends on settings, epoch and weights alone: a new task makes the same again."""
    if type(subject.task).refresh is Task.refresh:
        raise NotApplicable("it does not implement refresh")
    model, found = subject.new_model().eval(), []
    for epochs in ((1, 2), (2,)):
        task = type(subject.task)(subject.task.config)
        fresh = Model(subject.shape, {subject.name: task}, subject.tokenizer, seed=0).eval()
        fresh.load_state_dict(model.state_dict())
        for epoch in epochs:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(epoch)
                task.refresh(fresh, epoch)
        found.append(Subject(task, subject.examples, tokenizer=subject.tokenizer).digest())
    require(
        found[0] == found[1],
        "a new task makes other data for the same epoch and model, so a run that goes on inside an "
        "epoch learns from other examples; draw from torch or by the epoch, and keep nothing from "
        "one epoch to the next but in buffers of the head",
    )


def time_is_kept(subject: Subject) -> None:
    """Encoding one example, and a batch through head, loss and metrics, is done in good time."""
    example = subject.train[0]
    encoder = Encoder(subject.tokenizer, 1 << 20)
    with torch.no_grad():
        output, targets = subject.apply(subject.segments)

    def measured() -> None:
        with torch.no_grad():
            subject.task.loss(output, targets)
            for metric in subject.task.metrics().values():
                metric.update(output, targets)
                metric.compute()

    parts: dict[str, Callable[[], Any]] = {
        "encode of one example": lambda: encoder.encode(subject.name, subject.task, example, KEY),
        "texts of one example": lambda: list(subject.task.texts(example)),
        "facets of one example": lambda: subject.task.facets(example),
        f"loss and metrics of {len(subject.segments)} segments": measured,
    }
    for name, part in parts.items():
        took = _fastest(part, enough=subject.seconds)
        require(
            took <= subject.seconds,
            f"{name} takes {took:.2f} s, at most {subject.seconds:g} s are given; do it once, in "
            "examples() or when the task is made",
        )


def _fastest(part: Callable[[], Any], enough: float) -> float:
    """Return the shortest of up to three times in seconds; one that is short enough will do."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        part()
        best = min(best, time.perf_counter() - started)
        if best <= enough:
            break
    return best


def _elsewhere(subject: Subject) -> Answer:
    """Return what another process finds; each subject is looked at once, while it is new there."""
    if subject not in _answers:
        try:
            _answers[subject] = elsewhere(subject)
        except (CannotMove, NotApplicable) as error:
            _answers[subject] = str(error)
    found = _answers[subject]
    if isinstance(found, str):
        raise NotApplicable(found)
    return found


Answer = dict[str, Any]

_answers: WeakKeyDictionary[Subject, Answer | str] = WeakKeyDictionary()

"""What is checked before training, one thing at a time, each with the reason it could fail for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from ectrain.balancers import make_balancer
from ectrain.batches import Batch, Encoder, lay_out
from ectrain.config import RunConfig
from ectrain.curriculum import load_curriculum, planned, scaled
from ectrain.data import Data, load_data, make_tasks, train_tokenizer
from ectrain.device import choose_place, memory_text, prepare_process
from ectrain.errors import DataError, EctrainError, PluginError
from ectrain.initial import Start, read_start
from ectrain.learner import Learner
from ectrain.losses import task_loss
from ectrain.model import AnyTask, Model
from ectrain.optimizer import make_optimizer
from ectrain.plugins import blame
from ectrain.task import SPLITS
from ectrain.tokenizer import CORE_TOKENS, Tokenizer

SEGMENTS = 4  # of each task in the trial step

_TEXTS = ("", "a\n\tb", "~r/\\d+/u", "naïve 日本 🎉", "\x00\x7f", "<begin><end>")


@attrs.frozen
class Check:
    """One check that was made.

    Attributes:
        name: What was checked.
        item: Its number among the pre-training checks.
        ok: Whether it passed.
        message: What was found.
        exit_code: Of the process, if it failed.
    """

    name: str
    item: str
    ok: bool
    message: str
    exit_code: int = 0


@attrs.define
class _Trial:
    """What the checks build up, each for those after it."""

    config: RunConfig
    tasks: dict[str, AnyTask] = attrs.field(factory=dict)
    data: Data = attrs.field(factory=dict)
    initial: Start | None = None
    tokenizer: Tokenizer | None = None
    model: Model | None = None


def run_checks(config: RunConfig) -> Iterator[Check]:
    """Yield the checks 5.1.1.1 to 5.1.1.6 in order; one that failed ends those that need it."""
    trial = _Trial(config)
    steps: Sequence[tuple[str, str, Callable[[_Trial], str]]] = (
        ("plugins", "5.1.1.1", _plugins),
        ("data", "5.1.1.1", _data),
        ("curriculum", "5.1.1.1", _curriculum),
        ("tokenizer", "5.1.1.2", _tokenizer),
        ("model", "5.1.1.3", _model),
        ("device", "5.1.1.4", _device),
        ("gradients", "5.1.1.5", _gradients),
        ("parameters", "5.1.1.6", _parameters),
    )
    failed = False
    for name, item, step in steps:
        if failed and name != "device":
            yield Check(name, item, False, "not checked: what it needs has failed", 1)
            continue
        try:
            yield Check(name, item, True, step(trial))
        except EctrainError as error:
            yield Check(name, item, False, str(error), error.exit_code)
            failed = True


def _plugins(trial: _Trial) -> str:
    trial.tasks = make_tasks(trial.config)
    balancer = make_balancer(trial.config.balancer, list(trial.tasks), trial.config.seed)
    return f"loaded {', '.join(trial.tasks)}; balancer {balancer.name}"


def _data(trial: _Trial) -> str:
    trial.data = load_data(trial.tasks)
    for name, splits in trial.data.items():
        with blame(name, "examples"):
            _refuse_shared(name, splits)
    counts = (
        f"{name} {' / '.join(str(len(splits[s])) for s in SPLITS)}"
        for name, splits in trial.data.items()
    )
    return f"{'; '.join(counts)} examples (train / val / test), no id twice, no group shared"


def _refuse_shared(name: str, splits: Mapping[Any, Sequence[Any]]) -> None:
    ids: dict[str, str] = {}
    groups: dict[str, str] = {}
    for split, examples in splits.items():
        for example in examples:
            if example.id in ids:
                raise DataError(
                    f"task {name}: id {example.id!r} is in {ids[example.id]} and {split}"
                )
            ids[example.id] = split
            if groups.setdefault(example.group, split) != split:
                both = f"{groups[example.group]} and {split}"
                raise DataError(f"task {name}: group {example.group!r} is in {both}")


def _curriculum(trial: _Trial) -> str:
    curriculum = scaled(load_curriculum(trial.config.curriculum), trial.config.scale)
    plans = planned(curriculum, list(trial.tasks))
    trained = {task for plan in plans for task in plan.shares}
    idle = sorted(set(trial.tasks) - trained)
    if idle:
        raise DataError(f"no phase of {trial.config.curriculum} trains {', '.join(idle)}")
    return f"{len(plans)} epochs in {len({plan.phase for plan in plans})} phases"


def _tokenizer(trial: _Trial) -> str:
    if trial.config.init:
        trial.initial = read_start(Path(trial.config.init), trial.tasks.values())
        tokenizer = trial.initial.tokenizer
    else:
        tokenizer = train_tokenizer(trial.config, trial.tasks, trial.data)
    control = [t for task in trial.tasks.values() for t in task.control_tokens()]
    for token in (*CORE_TOKENS, *control):
        if tokenizer.token_id(token) in tokenizer.encode(f"a {token} b"):
            raise DataError(f"control token {token!r} is matched inside plain text")
    for text in _TEXTS:
        if tokenizer.decode(tokenizer.encode(text)) != text:
            raise DataError(f"the tokenizer does not give back {text!r}")
    trial.tokenizer = tokenizer
    return f"{tokenizer.size} tokens, {len(control) + 2} of them control, text round-trips"


def _model(trial: _Trial) -> str:
    assert trial.tokenizer is not None
    trial.model = Model(trial.config.trunk, trial.tasks, trial.tokenizer, trial.config.seed)
    if trial.initial is not None:
        trial.initial.give(trial.model)
    for batch in _trial_batches(trial).values():
        with torch.no_grad():
            trial.model(batch.packs[0])
    return f"trunk and {len(trial.tasks)} heads fit each other"


def _trial_batches(trial: _Trial) -> dict[str, Batch]:
    assert trial.tokenizer is not None
    encoder = Encoder(trial.tokenizer, trial.config.trunk.context)
    found = {}
    for name, task in trial.tasks.items():
        examples = [trial.data[name]["train"][i] for i in range(_few(trial, name))]
        segments = [(name, encoder.encode(name, task, e, "check")) for e in examples]
        found[name] = lay_out(segments, trial.config.step.max_tokens)
    return found


def _few(trial: _Trial, name: str) -> int:
    return min(SEGMENTS, len(trial.data[name]["train"]))


def _device(trial: _Trial) -> str:
    prepare_process(trial.config.device)
    place = choose_place(trial.config.device)
    if trial.model is not None:
        trial.model.to(place.device)
    threads = f", {torch.get_num_threads()} threads" if place.device.type == "cpu" else ""
    return f"{place.device} in {place.dtype_name}, {memory_text(place.device)}{threads}"


def _gradients(trial: _Trial) -> str:
    assert trial.model is not None
    model, config = trial.model, trial.config
    optimizer = make_optimizer(model, config.optimizer)
    learner = Learner(model, optimizer, choose_place(config.device), config.optimizer.clip)
    losses = []
    for name, batch in _trial_batches(trial).items():
        optimizer.zero_grad(set_to_none=True)
        on_device = batch.packs[0].to(model.device)
        targets = on_device.tasks[name].targets
        if not targets.count:
            raise PluginError(f"task {name}: its first {SEGMENTS} examples have no target")
        loss = task_loss(model, name, learner.forward(on_device)[name], targets)
        loss.backward()  # type: ignore[no-untyped-call]
        per_target = float(loss.detach()) / targets.count
        if not math.isfinite(per_target):
            raise PluginError(f"task {name}: the loss of its first examples is {per_target}")
        for part, module in (("trunk", model.trunk), ("head", model.heads[name])):
            _refuse_no_gradient(name, part, module)
        losses.append(f"{name} {per_target:.2f}")
    optimizer.zero_grad(set_to_none=True)
    return f"{', '.join(losses)} nats per target; gradients are finite and reach trunk and heads"


def _refuse_no_gradient(name: str, part: str, module: nn.Module) -> None:
    parameters = list(module.parameters())
    grads = [p.grad for p in parameters if p.grad is not None]
    if parameters and not any(bool((g != 0).any()) for g in grads):
        raise PluginError(f"task {name}: no gradient reaches the {part}")
    if not all(bool(g.isfinite().all()) for g in grads):
        raise PluginError(f"task {name}: the {part}'s gradient is not finite")


def _parameters(trial: _Trial) -> str:
    assert trial.model is not None
    counts = trial.model.parameter_counts()
    heads = ", ".join(f"{name} {count:,}" for name, count in counts["heads"].items())
    return f"{counts['total']:,} in all: trunk {counts['trunk']:,}, heads {heads}"

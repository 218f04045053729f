"""The tasks of a run with their settings, the data they learn from, and its tokenizer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from ectrain.batches import examples_of
from ectrain.config import RunConfig
from ectrain.curriculum import load_curriculum, planned, scaled
from ectrain.errors import ConfigError, PluginError
from ectrain.model import AnyTask
from ectrain.plugins import blame, load_tasks
from ectrain.structure import structured
from ectrain.task import SPLITS, Split
from ectrain.tokenizer import Tokenizer

Data = dict[str, dict[Split, Sequence[Any]]]


def make_tasks(config: RunConfig) -> dict[str, AnyTask]:
    """Return the configured tasks, each with its settings.

    Raises:
        ConfigError: A setting that a task doesn't know, or data for tasks that read none.
        PluginError: A plugin that can't be used.
    """
    classes = load_tasks(list(config.tasks))
    readers = [name for name, task in classes.items() if _reads_data(task.config_type)]
    if config.data and not readers:
        raise ConfigError(f"--data {config.data}: none of {', '.join(classes)} reads data")
    found = {}
    for name, task in classes.items():
        settings = dict(config.tasks[name])
        if config.data and name in readers:
            settings.setdefault("data", config.data)
        with blame(name, "config_type"):
            made = structured(settings, task.config_type, f"[tasks.{name}]")
        with blame(name, "__init__"):
            found[name] = task(made)
    return found


def _reads_data(config_type: type[Any]) -> bool:
    return any(field.name == "data" for field in attrs.fields(config_type))


def load_data(tasks: Mapping[str, AnyTask]) -> Data:
    """Return every task's splits.

    Raises:
        DataError: One is missing, malformed or empty.
    """
    return {n: {s: examples_of(n, task, s) for s in SPLITS} for n, task in tasks.items()}


def data_mark(name: str, task: AnyTask, examples: Sequence[Any]) -> str:
    """Return a fingerprint of a dataset: ids, groups and texts of its examples, in order.

    Examples that know their own, as those of a dataset on disk do, are not read for it.
    """
    own = getattr(examples, "fingerprint", None)
    if isinstance(own, str):
        return hashlib.sha256(own.encode()).hexdigest()
    found = hashlib.sha256()
    with blame(name, "examples"):
        for example in examples:
            texts = list(_texts(name, task, example))
            found.update(json.dumps([str(example.id), str(example.group), texts]).encode())
    return found.hexdigest()


def _texts(name: str, task: AnyTask, example: Any) -> Iterator[str]:
    with blame(name, "texts", f"example {example.id!r}"):
        for text in task.texts(example):
            if not isinstance(text, str):
                raise PluginError(f"task {name}: texts gave {text!r}, expected a string")
            yield text


def train_tokenizer(config: RunConfig, tasks: Mapping[str, AnyTask], data: Data) -> Tokenizer:
    """Learn the run's tokenizer from the training split of the tasks that are trained at all.

    So a task of weight 0 changes no other's tokens, unless it has some of its own.
    """
    plans = planned(scaled(load_curriculum(config.curriculum), config.scale), list(tasks))
    learned = sorted({name for plan in plans for name in plan.shares})
    texts = (
        text
        for name in learned
        for example in data[name]["train"]
        for text in _texts(name, tasks[name], example)
    )
    control: list[str] = []
    symbols: list[str] = []
    for name in sorted(tasks):
        control += _tokens(name, "control_tokens", tasks[name].control_tokens)
        symbols += _tokens(name, "symbols", tasks[name].symbols)
    return Tokenizer.train(texts, config.tokenizer.size, control, symbols)


def _tokens(name: str, part: str, give: Callable[[], tuple[str, ...]]) -> list[str]:
    with blame(name, part):
        found = list(give())
    if not all(isinstance(token, str) and token for token in found):
        raise PluginError(f"task {name}: {part} gave {found!r}, expected strings, none empty")
    return found

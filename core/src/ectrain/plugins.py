"""Loading the tasks that are asked for, and naming a task in whatever goes wrong in its code."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pluggy

from ectrain.errors import EctrainError, PluginError, UnknownTaskError, did_you_mean
from ectrain.hookspecs import Hooks
from ectrain.offers import Offer, class_problem, harmless, installed, said
from ectrain.task import Task

TaskType = type[Task[Any, Any]]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def load_tasks(names: Sequence[str]) -> dict[str, TaskType]:
    """Return task classes by name, importing nothing else.

    Raises:
        UnknownTaskError: No installed plugin offers one of them.
        PluginError: A plugin can't be loaded or breaks the contract; it is named.
    """
    offers = installed()
    return {name: _load(name, offers) for name in names}


def _load(name: str, offers: dict[str, Offer]) -> TaskType:
    if name not in offers:
        near = did_you_mean(name, offers) or "; no plugin is installed"
        raise UnknownTaskError(
            f"no installed plugin offers task {name!r}{near} "
            f"(`ectrain tasks` lists them, `pip install` adds more)"
        )
    offer = offers[name]
    with harmless(offer):
        return _checked(name, offer, _registered(offer))


def hooks_of(offer: Offer, specs: type[Any]) -> pluggy.PluginManager:
    """Import a plugin and return the manager that calls its hooks, all of which are known."""
    manager = pluggy.PluginManager("ectrain")
    manager.add_hookspecs(specs)
    manager.register(offer.load(), offer.name)
    manager.check_pending()
    return manager


def _registered(offer: Offer) -> list[Any]:
    """Return what the plugin's hook gives."""
    manager = hooks_of(offer, Hooks)
    found: list[Any] = []
    for given in manager.hook.ectrain_register_tasks():
        if not isinstance(given, Iterable) or isinstance(given, str):
            raise PluginError(f"plugin {offer} registers {given!r}, expected a list of tasks")
        found += given
    return found


def _checked(name: str, offer: Offer, tasks: list[Any]) -> TaskType:
    """Return the plugin's class of that name, or say how it breaks the contract."""
    for task in tasks:
        if not (isinstance(task, type) and issubclass(task, Task)):
            raise PluginError(f"plugin {offer} registers {task!r}, expected a class of Task")
    named = [task for task in tasks if getattr(task, "name", None) == name]
    if len(named) != 1:
        has = ", ".join(repr(getattr(task, "name", None)) for task in tasks) or "none"
        raise PluginError(f"plugin {offer} registers tasks {has}; expected one named {name!r}")
    problem = problem_of(named[0])
    if problem:
        raise PluginError(f"plugin {offer}: {problem}")
    found: TaskType = named[0]
    return found


def usable_name(name: str) -> bool:
    """Return whether a task can have this name: a lower-case word that heads can be kept under."""
    from torch import nn  # only a task that is used is worth importing torch for

    return _NAME.fullmatch(name) is not None and not hasattr(nn.ModuleDict, name)


def problem_of(task: TaskType) -> str | None:
    """Return how a class breaks the contract before it is even used, or None."""
    if not usable_name(task.name):
        return f"task name {task.name!r} is not a lower-case word that can name a module"
    return class_problem(task, Task, f"task {task.name}")


@contextlib.contextmanager
def blame(name: str, part: str, where: str = "", kind: str = "task") -> Iterator[None]:
    """Name the task (or what else it is), the part of it and the place in what its code raises.

    Errors that are meant for people pass through as they are, and so does the end of the process.

    Raises:
        PluginError: The plugin's own code failed.
    """
    try:
        yield
    except (EctrainError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # SystemExit and native panics, too
        at = f" for {where}" if where else ""
        of_task = name if kind == "task" else ""
        raise PluginError(f"{kind} {name} failed in {part}{at}: {said(error)}", of_task) from error

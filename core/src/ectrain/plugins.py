"""Finding plugins by their metadata, and loading only those that are asked for.

Installing a plugin is trusting it: it runs as part of the program. `ECTRAIN_PLUGINS`, where it is
set, is the list of distributions that may be loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import pluggy

from ectrain.errors import EctrainError, PluginError, UnknownTaskError, did_you_mean
from ectrain.hookspecs import GROUP, Hooks
from ectrain.task import API, Task

TaskType = type[Task[Any, Any]]

MOST_CHARACTERS = 500  # of a plugin's own error that a message quotes

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@attrs.frozen
class Offer:
    """A task that an installed distribution offers.

    Attributes:
        name: Of the entry point, which is the task's.
        distribution: What is installed.
        version: Of the distribution.
        value: What the entry point refers to.
        duplicate_of: Other distributions that offer the same name.
    """

    name: str
    distribution: str
    version: str
    value: str
    duplicate_of: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name it with its distribution."""
        return f"{self.name} of {self.distribution} {self.version}"


def installed(group: str = GROUP) -> dict[str, Offer]:
    """Return all that is offered in an entry-point group by name; no plugin is imported."""
    found: dict[str, dict[str, Offer]] = {}
    for offer in _offers(group):
        found.setdefault(offer.name, {}).setdefault(_normal(offer.distribution), offer)
    return {
        name: attrs.evolve(first, duplicate_of=tuple(o.distribution for o in others))
        for name, (first, *others) in ((n, sorted_offers(o)) for n, o in sorted(found.items()))
    }


def _offers(group: str) -> Iterator[Offer]:
    """Yield every offer; of a distribution that is there twice, those of the one that is used."""
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            points = [(p.name, p.value) for p in distribution.entry_points.select(group=group)]
            if not points:
                continue
            name, version = distribution.metadata["Name"], distribution.version
        except Exception:  # what is left of some other package must not stop this program
            continue
        if not name or _normal(name) in seen:
            continue
        seen.add(_normal(name))
        yield from (Offer(task, name, version or "?", value) for task, value in points)


def _normal(distribution: str) -> str:
    """Return a distribution's name as the packaging rules compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def sorted_offers(offers: dict[str, Offer]) -> list[Offer]:
    """Return one name's offers in an order that no file system decides."""
    return [offers[key] for key in sorted(offers)]


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


def refusal(offer: Offer) -> str | None:
    """Return why a plugin may not be loaded, by its metadata alone, or None."""
    if offer.duplicate_of:
        both = ", ".join((offer.distribution, *offer.duplicate_of))
        return f"{offer.name!r} is offered by {both}; uninstall all but one of them"
    allowed = os.environ.get("ECTRAIN_PLUGINS")
    if allowed is not None and _normal(offer.distribution) not in map(
        _normal, re.split(r"[,\s]+", allowed)
    ):
        return f"plugin {offer} is not in ECTRAIN_PLUGINS={allowed}"
    return None


def origin(offer: Offer) -> str:
    """Return the folder that a plugin is installed in, or the source that it was installed from."""
    distribution = metadata.distribution(offer.distribution)
    with contextlib.suppress(Exception):  # what pip wrote beside it; none of our making
        source = json.loads(distribution.read_text("direct_url.json") or "{}")
        if str(source.get("url", "")).startswith("file:"):
            return unquote(urlsplit(source["url"]).path)
    return str(distribution.locate_file(""))


@contextlib.contextmanager
def harmless(offer: Offer) -> Iterator[None]:
    """Name the plugin in whatever loading it raises, so that it takes no other along.

    Raises:
        PluginError: It may not be loaded, or raised something.
    """
    if (refused := refusal(offer)) is not None:
        raise PluginError(refused)
    try:
        yield
    except (EctrainError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # SystemExit of a module that is a script, native panics
        raise PluginError(f"plugin {offer} can't be loaded: {said(error)}") from error


def hooks_of(offer: Offer, group: str, specs: type[Any]) -> pluggy.PluginManager:
    """Import a plugin and return the manager that calls its hooks, all of which are known."""
    manager = pluggy.PluginManager("ectrain")
    manager.add_hookspecs(specs)
    manager.register(metadata.EntryPoint(offer.name, offer.value, group).load(), offer.name)
    manager.check_pending()
    return manager


def _registered(offer: Offer) -> list[Any]:
    """Return what the plugin's hook gives."""
    manager = hooks_of(offer, GROUP, Hooks)
    found: list[Any] = []
    for given in manager.hook.ectrain_register_tasks():
        if not isinstance(given, Iterable) or isinstance(given, str):
            raise PluginError(f"plugin {offer} registers {given!r}, expected a list of tasks")
        found += given
    return found


def said(error: BaseException) -> str:
    """Return what an error says, in one line of some hundred characters at most."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return f"{type(error).__name__}: {text[:MOST_CHARACTERS] or 'no message'}"


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
    api: Any = task.api
    if not (isinstance(api, tuple) and len(api) == 2 and all(isinstance(n, int) for n in api)):
        return f"{task.name}.api is {api!r}, expected (major, minor)"
    if api[0] != API[0] or api[1] > API[1]:
        return f"it needs contract {api[0]}.{api[1]}, this is {API[0]}.{API[1]}"
    abstract = sorted(getattr(task, "__abstractmethods__", ()))
    if abstract:
        return f"task {task.name} lacks {', '.join(abstract)}"
    config = getattr(task, "config_type", None)
    if not isinstance(config, type) or not attrs.has(config):
        return f"{task.name}.config_type is {config!r}, expected an attrs class"
    bare = [a.name for a in attrs.fields(config) if a.init and a.default is attrs.NOTHING]
    if bare:
        return f"{config.__name__}.{bare[0]} has no default; a task must run without settings"
    return None


@contextlib.contextmanager
def blame(task: str, part: str, where: str = "") -> Iterator[None]:
    """Name the task, the part of it and the place in whatever its code raises.

    Errors that are meant for people pass through as they are.

    Raises:
        PluginError: The task's own code failed.
    """
    try:
        yield
    except EctrainError:
        raise
    except Exception as error:
        at = f" for {where}" if where else ""
        raise PluginError(f"task {task} failed in {part}{at}: {said(error)}") from error

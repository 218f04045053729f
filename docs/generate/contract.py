"""What plugins are held to: entry-point groups, hooks, laws."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from docs.generate.markup import code, sentences, table, upper
from docs.generate.tree import offered
from ectrain import hookspecs
from ectrain.testing.contract import LAWS
from ectrain.testing.law import promise, title

# What the entries of a group are; that no group is left out is tested.
GROUPS = {
    "ectrain.tasks": "a module with the hook `ectrain_register_tasks`, named as its task: the "
    "word after `--tasks`",
    "ectrain.observers": "a module with hooks of `ObserverHooks`, asked for with `ectrain run "
    "--with NAME`",
    "ectrain.balancers": "a class of `ectrain.balancer.Balancer`, named by the key `balancer.name`",
    "ectrain.optimizers": "a class of `ectrain.optimizers.OptimizerMaker`, asked for with "
    "`optimizer.name`",
    "ectrain.curricula": "a `Curriculum`, or a function that returns one or its TOML, asked for "
    "with `--curriculum`",
    "ectrain.rewards": "a class of `ectrain_reward.Reward`, asked for with `tasks.reward.rewards`",
    "ectrain.sandboxes": "a class of `ectrain_elixir.runner.sandbox.Sandbox` without arguments, "
    "for `find_runner`",
    "ectrain.commands": "a click command or group: a word after `ectrain`",
    "ectrain.doctor": "a function without arguments that returns what it found out about the "
    "machine as rows of what, state, detail and remedy, for `ectrain doctor`",
}


def entry_point_lines() -> Iterator[str]:
    """Yield the page of entry-point groups."""
    yield from ("# Entry points", "")
    yield sentences(
        """
        A distribution offers something by a line under `[project.entry-points."GROUP"]` of its
        `pyproject.toml`: `name = "package.module"` or `name = "package.module:object"`. Names are
        read from metadata; nothing is imported before it is used. `ECTRAIN_PLUGINS`, where it is
        set, lists the distributions that may be loaded.
        """
    )
    yield ""
    rows = (
        (code(group), upper(meaning), ", ".join(map(code, sorted(offered(group)))) or "-")
        for group, meaning in GROUPS.items()
    )
    yield from table(("group", "what its entries are", "in this repository"), rows)


def hook_lines() -> Iterator[str]:
    """Yield the page of hooks."""
    yield from ("# Hooks", "")
    yield sentences(
        """
        A plugin marks a function with `ectrain.hookspecs.hookimpl`; it may leave out arguments that
        it does not use. An unknown hook is refused when the plugin is loaded.
        """
    )
    yield ""
    for kind in specifications():
        yield from (f"## {kind.__name__}", "", sentences(kind.__doc__), "")
        for name, hook in hooks_of(kind):
            yield from (f"### `{name}`", "", "```text", _signature(name, hook), "```", "")
            yield from (sentences(hook.__doc__), "")


def specifications() -> list[type[Any]]:
    """Return the classes that specify hooks, in the order of their source."""
    classes = inspect.getmembers(hookspecs, inspect.isclass)
    return sorted((kind for _, kind in classes if hooks_of(kind)), key=_line)


def hooks_of(kind: type[Any]) -> list[tuple[str, Any]]:
    """Return a class's hooks by name, in the order of their source."""
    marked = [(n, f) for n, f in vars(kind).items() if hasattr(f, "ectrain_spec")]
    return sorted(marked, key=lambda pair: _line(pair[1]))


def _line(thing: Any) -> int:
    return inspect.getsourcelines(thing)[1]


def _signature(name: str, hook: Any) -> str:
    signature = inspect.signature(hook)
    own = [p for n, p in signature.parameters.items() if n != "self"]
    return f"{name}{signature.replace(parameters=own)}".replace("'", "")


def law_lines() -> Iterator[str]:
    """Yield the page of laws."""
    yield from ("# Laws of the task contract", "")
    yield (
        f"`ectrain.testing.task_contract(task)` is a test with one case for each of these "
        f"{len(LAWS)} laws; `ectrain plugins check NAME` holds an installed task to them. A law "
        "about something that a task does not have does not apply, and that is said."
    )
    yield ""
    for module in dict.fromkeys(law.__module__ for law in LAWS):
        doc = sentences(sys.modules[module].__doc__)
        yield from (f"## {module.rpartition('.')[2].replace('_', ' ').capitalize()}", "", doc, "")
        own = (law for law in LAWS if law.__module__ == module)
        yield from table(("law", "what it says"), ((code(title(w)), promise(w)) for w in own))

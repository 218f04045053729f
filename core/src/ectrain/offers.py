"""What installed distributions offer in entry-point groups: found by metadata, loaded when used.

Installing a plugin is trusting it: it runs as part of the program. `ECTRAIN_PLUGINS`, where it is
set, is the list of distributions that may be loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from ectrain.errors import ConfigError, EctrainError, PluginError, did_you_mean

TASKS = "ectrain.tasks"
OPTIMIZERS = "ectrain.optimizers"
CURRICULA = "ectrain.curricula"
SANDBOXES = "ectrain.sandboxes"

MOST_CHARACTERS = 500  # of a plugin's own error that a message quotes

T = TypeVar("T")


class Offer(NamedTuple):
    """What an installed distribution offers under a name.

    Attributes:
        name: Of the entry point: the word that a person uses.
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

    def load(self) -> Any:
        """Import what it refers to; within `harmless`, which names the plugin in what is raised."""
        return metadata.EntryPoint(self.name, self.value, "").load()


def installed(group: str = TASKS) -> dict[str, Offer]:
    """Return all that is offered in an entry-point group by name; no plugin is imported."""
    found: dict[str, dict[str, Offer]] = {}
    for offer in _offers(group):
        found.setdefault(offer.name, {}).setdefault(_normal(offer.distribution), offer)
    return {
        name: first._replace(duplicate_of=tuple(o.distribution for o in others))
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
        yield from (Offer(point, name, version or "?", value) for point, value in points)


def _normal(distribution: str) -> str:
    """Return a distribution's name as the packaging rules compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def sorted_offers(offers: Mapping[str, Offer]) -> list[Offer]:
    """Return one name's offers in an order that no file system decides."""
    return [offers[key] for key in sorted(offers)]


def chosen(name: str, group: str, what: str, own: Iterable[str] = ()) -> Offer:
    """Return what is offered in a group under a name; nothing is imported.

    Args:
        name: What was asked for.
        group: Entry-point group.
        what: What the group offers, in one word: "observer".
        own: Names of core's own, which might have been meant.

    Raises:
        ConfigError: No installed plugin offers it; the nearest name is told.
    """
    offers = installed(group)
    if name not in offers:
        near = did_you_mean(name, [*own, *offers]) or ("" if own else "; none is installed")
        raise ConfigError(f"no installed plugin offers {what} {name!r}{near}")
    return offers[name]


def load_class(
    name: str, group: str, what: str, base: type[T], own: Mapping[str, type[T]]
) -> type[T]:
    """Return the class of a name: core's own, or the one that a plugin offers in a group.

    Args:
        name: What was asked for.
        group: Entry-point group; its entries refer to classes, "my_package.module:Class".
        what: What the group offers, in one word: "balancer".
        base: What the class must derive from; its `api`, where it has one, is compared.
        own: Core's own classes.

    Raises:
        ConfigError: No installed plugin offers it.
        PluginError: It can't be loaded, or is no such class; the plugin is named.
    """
    if name in own:
        return own[name]
    offer = chosen(name, group, what, own)
    with harmless(offer):
        found = offer.load()
        if not (isinstance(found, type) and issubclass(found, base)):
            raise PluginError(f"plugin {offer} offers {found!r}, expected a class of {_name(base)}")
        problem = class_problem(found, base, f"{what} {name}")
        if problem:
            raise PluginError(f"plugin {offer}: {problem}")
        if getattr(found, "name", None) != name:
            raise PluginError(f"plugin {offer}: its class has no name = {name!r}")
        return found


def _name(base: type[Any]) -> str:
    return f"{base.__module__}.{base.__qualname__}"


def class_problem(found: type[Any], base: type[Any], label: str) -> str | None:
    """Return what keeps a plugin's class from being used at all, or None.

    What is looked at, where the base has it: `api`, the version of the contract; that nothing
    abstract is left; `config_type`, an attrs class whose every field has a default.

    Args:
        found: The plugin's class.
        base: What it derives from: the contract.
        label: What the class is called in the answer.
    """
    import attrs  # here, since help needs this module and must come at once

    if hasattr(base, "api") and (problem := version_problem(found.api, base.api, label)):
        return problem
    abstract = sorted(getattr(found, "__abstractmethods__", ()))
    if abstract:
        return f"{label} lacks {', '.join(abstract)}"
    if "config_type" not in getattr(base, "__annotations__", {}):
        return None
    config = getattr(found, "config_type", None)
    if not isinstance(config, type) or not attrs.has(config):
        return f"{label}.config_type is {config!r}, expected an attrs class"
    bare = [a.name for a in attrs.fields(config) if a.init and a.default is attrs.NOTHING]
    if bare:
        return f"{config.__name__}.{bare[0]} has no default; it must run without settings"
    return None


def version_problem(api: Any, own: tuple[int, int], label: str = "") -> str | None:
    """Return why a plugin's version of a contract can't be used with this one, or None."""
    if not (isinstance(api, tuple) and len(api) == 2 and all(isinstance(n, int) for n in api)):
        return f"{label}{'.' if label else ''}api is {api!r}, expected (major, minor)"
    if api[0] != own[0] or api[1] > own[1]:
        return f"it needs contract {api[0]}.{api[1]}, this is {own[0]}.{own[1]}"
    return None


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


def said(error: BaseException) -> str:
    """Return what an error says, in one line of some hundred characters at most."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return f"{type(error).__name__}: {text[:MOST_CHARACTERS] or 'no message'}"

"""Balancers by name: found, made as a run asks for them, and kept with its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ectrain.balancer import BALANCERS, OWN, Balancer, Fixed
from ectrain.config import BalancerConfig
from ectrain.errors import CheckpointError
from ectrain.offers import load_class, said
from ectrain.plugins import blame
from ectrain.structure import structured


def balancer_class(name: str) -> type[Balancer[Any]]:
    """Return a balancer of core or of an installed plugin.

    Raises:
        ConfigError: There is none of that name.
        PluginError: It can't be loaded.
    """
    return load_class(name, BALANCERS, "balancer", Balancer, OWN)


def make_balancer(config: BalancerConfig, tasks: Sequence[str], seed: int) -> Balancer[Any]:
    """Return the balancer that a run asks for.

    Raises:
        ConfigError: There is none, or its settings can't be used.
        PluginError: It fails.
    """
    kind = balancer_class(config.name)
    settings = structured(config.settings, kind.config_type, f"balancer.settings of {config.name}")
    with blame(config.name, "__init__", kind="balancer"):
        return kind(settings, tuple(tasks), seed)


def restore_balancer(balancer: Balancer[Any], stored: Any, place: str) -> str | None:
    """Take over what a balancer had learned when a checkpoint was saved.

    Args:
        balancer: Which.
        stored: What `stored_state` gave.
        place: Where that was found.

    Returns:
        Why it starts anew, or None.

    Raises:
        CheckpointError: The balancer can't take it over.
    """
    name = balancer.name
    if name == Fixed.name:
        return None  # it learns nothing
    if not isinstance(stored, Mapping) or stored.get("name") != name:
        before = stored.get("name") if isinstance(stored, Mapping) else "unknown"
        return f"balancer {name} starts anew: the run was saved with balancer {before}"
    try:
        balancer.restore(stored["state"])
    except Exception as error:
        raise CheckpointError(f"{place}: the state of balancer {name}: {said(error)}") from error
    return None


def stored_state(balancer: Balancer[Any]) -> dict[str, Any]:
    """Return what a checkpoint keeps of a balancer."""
    with blame(balancer.name, "state", kind="balancer"):
        return {"name": balancer.name, "state": dict(balancer.state())}

"""Optimizers by name: AdamW of core, or what an installed plugin makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import unwrap
from typing import Any, ClassVar, Generic, TypeVar

import attrs
import torch

from ectrain.config import OptimizerConfig
from ectrain.errors import PluginError
from ectrain.offers import OPTIMIZERS, load_class
from ectrain.plugins import blame
from ectrain.structure import structured

ConfigT = TypeVar("ConfigT")


@attrs.frozen
class NoSettings:
    """It has none."""


class OptimizerMaker(ABC, Generic[ConfigT]):
    """What makes a run's optimizer; a plugin offers a class of it under `ectrain.optimizers`.

    The entry point is named as the optimizer: `lion = "my_package:Lion"`, asked for with
    `optimizer.name = "lion"`.

    Args:
        settings: From `[optimizer.settings]`.
    """

    name: ClassVar[str]  # = entry-point name
    config_type: ClassVar[type[Any]] = NoSettings  # an attrs class; every field has a default
    api: ClassVar[tuple[int, int]] = (1, 0)

    def __init__(self, settings: ConfigT) -> None:
        self.settings = settings

    @abstractmethod
    def make(self, groups: list[dict[str, Any]], config: OptimizerConfig) -> torch.optim.Optimizer:
        """Return an optimizer of torch over parameter groups.

        A checkpoint keeps what is in its `state`: of each parameter, tensors by name. Nothing else
        outlasts a stop. It must leave alone a parameter without a gradient, and take `lr` from its
        groups at each step.

        Args:
            groups: With `params` and `weight_decay`, as torch's optimizers take them.
            config: The run's own settings of it.
        """


class EagerAdamW(torch.optim.AdamW):
    """torch's AdamW without the marks of its methods for torch.compile.

    Each of them imports torch._dynamo when it is first called: 1.4 s of every start.
    """

    add_param_group = unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = unwrap(torch.optim.AdamW.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))


class AdamW(OptimizerMaker[NoSettings]):
    """Adam with decoupled weight decay.

    Source: Loshchilov & Hutter, Decoupled weight decay regularization (2019).
    """

    name = "adamw"
    config_type = NoSettings

    def make(self, groups: list[dict[str, Any]], config: OptimizerConfig) -> torch.optim.Optimizer:
        """Return torch's own."""
        return EagerAdamW(groups, lr=config.rate, betas=config.betas, fused=True)


OWN: dict[str, type[OptimizerMaker[Any]]] = {AdamW.name: AdamW}


def optimizer_class(name: str) -> type[OptimizerMaker[Any]]:
    """Return the maker of an optimizer of core or of an installed plugin.

    Raises:
        ConfigError: There is none of that name.
        PluginError: It can't be loaded.
    """
    return load_class(name, OPTIMIZERS, "optimizer", OptimizerMaker, OWN)  # type: ignore[type-abstract]


def made(groups: list[dict[str, Any]], config: OptimizerConfig) -> torch.optim.Optimizer:
    """Return the optimizer that a run asks for, over parameter groups.

    Raises:
        ConfigError: There is none of that name, or its settings can't be used.
        PluginError: It fails, or is no optimizer of torch.
    """
    name = config.name
    kind = optimizer_class(name)
    settings = structured(config.settings, kind.config_type, f"optimizer.settings of {name}")
    with blame(name, "make", kind="optimizer"):
        found: Any = kind(settings).make(groups, config)
    if not isinstance(found, torch.optim.Optimizer):
        raise PluginError(
            f"optimizer {name}: make gave {found!r:.60}, expected a torch.optim.Optimizer"
        )
    return found

"""An optimizer over a model's weights, and its state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ectrain.config import OptimizerConfig
from ectrain.errors import CheckpointError, PluginError
from ectrain.optimizers import made


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Return an optimizer that decays matrices, but neither norms, biases nor embeddings.

    Raises:
        ConfigError: There is none of that name, or its settings can't be used.
        PluginError: A plugin's can't be used.
    """
    return made(decayed_and_plain(model, config.weight_decay), config)


def decayed_and_plain(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return a model's weights in groups: matrices, which decay, and all others, which don't."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for parameter in model.parameters():
        matrix = parameter.ndim >= 2 and id(parameter) not in embeddings
        (decayed if matrix else plain).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


_MOMENTS = ("exp_avg", "exp_avg_sq")  # of AdamW; others may keep what they like


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as "parameter/moment" tensors.

    Raises:
        PluginError: It holds something else.
    """
    found: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if not isinstance(value, Tensor):
                raise PluginError(
                    f"optimizer {type(optimizer).__name__} keeps {key!r} of {name} as "
                    f"{type(value).__name__}, which no checkpoint can hold; expected a tensor"
                )
            found[f"{name}/{key}"] = value
    return found


def restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Take over the state that `optimizer_tensors` gave.

    Raises:
        CheckpointError: It belongs to other weights.
    """
    parameters = dict(model.named_parameters())
    for full_name, value in tensors.items():
        name, _, key = full_name.rpartition("/")
        if name not in parameters:
            raise CheckpointError(
                f"the optimizer's state is of weight {name!r}, which the model lacks"
            )
        parameter = parameters[name]
        if key in _MOMENTS and value.shape != parameter.shape:
            raise CheckpointError(f"the optimizer's state of {name} has shape {list(value.shape)}")
        optimizer.state[parameter][key] = value.to(parameter.device)

"""AdamW over a model's weights, and its state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ectrain.config import OptimizerConfig
from ectrain.errors import CheckpointError


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Return AdamW that decays matrices, but neither norms, biases nor embeddings.

    Source: Loshchilov & Hutter, Decoupled weight decay regularization (2019).
    """
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for parameter in model.parameters():
        matrix = parameter.ndim >= 2 and id(parameter) not in embeddings
        (decayed if matrix else plain).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=config.rate, betas=config.betas, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as "parameter/moment" tensors."""
    return {
        f"{name}/{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


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
        if key != "step" and value.shape != parameter.shape:
            raise CheckpointError(f"the optimizer's state of {name} has shape {list(value.shape)}")
        optimizer.state[parameter][key] = value.to(parameter.device)

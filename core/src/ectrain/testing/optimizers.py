"""The contract of optimizers: laws that each must keep, as pytest tests.

In an optimizer's test file::

    from ectrain.testing import optimizer_contract
    from my_package import Lion, Settings

    test_contract = optimizer_contract(Lion(Settings()))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ectrain.config import OptimizerConfig
from ectrain.errors import PluginError
from ectrain.offers import class_problem
from ectrain.optimizer import decayed_and_plain, optimizer_tensors, restore_optimizer, set_rate
from ectrain.optimizers import OptimizerMaker
from ectrain.testing.law import require

RATE = 0.01
STEPS = 60

Maker = OptimizerMaker[Any]
OptimizerLaw = Callable[[Maker], None]


class _Valley(nn.Module):
    """A matrix and a row, pulled towards another matrix and row; and a weight that nobody pulls."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.matrix = nn.Parameter(torch.randn(4, 3, generator=draw))
        self.row = nn.Parameter(torch.randn(3, generator=draw))
        self.idle = nn.Parameter(torch.randn(2, 2, generator=draw))
        self.goal = torch.randn(5, 3, generator=draw)

    def forward(self) -> Tensor:
        """Return half the squared distance."""
        return 0.5 * (torch.cat([self.matrix, self.row.unsqueeze(0)]) - self.goal).square().sum()


def _started(maker: Maker, rate: float = RATE) -> tuple[_Valley, torch.optim.Optimizer]:
    valley = _Valley()
    config = OptimizerConfig(rate=rate, weight_decay=0.0)
    found: Any = maker.make(decayed_and_plain(valley, config.weight_decay), config)
    require(
        isinstance(found, torch.optim.Optimizer),
        f"make gave {found!r:.60}; return a torch.optim.Optimizer",
    )
    return valley, found


def _walk(valley: _Valley, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        valley().backward()
        optimizer.step()


def classes_are_loadable(maker: Maker) -> None:
    """Its class is one that a run can load: version, settings with defaults, a name."""
    problem = class_problem(type(maker), OptimizerMaker, f"optimizer {type(maker).__name__}")
    require(problem is None, f"{problem}; change the class as it says")
    name = getattr(type(maker), "name", None)
    require(
        isinstance(name, str) and bool(name), f"its name is {name!r}; name it as its entry point"
    )


def losses_fall(maker: Maker) -> None:
    """It goes downhill: sixty steps leave less than half of a quadratic's height."""
    valley, optimizer = _started(maker, rate=0.05)
    first = float(valley().detach())
    _walk(valley, optimizer, STEPS)
    last = float(valley().detach())
    require(last < first / 2, f"a quadratic went from {first:.3g} to {last:.3g}; subtract the step")


def idle_weights_stay(maker: Maker) -> None:
    """A weight without a gradient stays as it is, and so do all when the rate is 0."""
    valley, optimizer = _started(maker)
    idle = valley.idle.detach().clone()
    _walk(valley, optimizer, 3)
    require(torch.equal(valley.idle, idle), "a weight without a gradient moves; skip grad None")
    before = valley.matrix.detach().clone()
    set_rate(optimizer, 0.0)
    _walk(valley, optimizer, 1)
    require(
        torch.equal(valley.matrix, before),
        "weights move at a rate of 0; take lr from the group at each step: the schedule sets it",
    )


def state_survives(maker: Maker) -> None:
    """Stopped and begun again from what a checkpoint holds, it takes the very same steps."""
    whole, optimizer = _started(maker)
    _walk(whole, optimizer, 6)
    first, optimizer = _started(maker)
    _walk(first, optimizer, 3)
    try:
        kept = {n: x.clone() for n, x in optimizer_tensors(first, optimizer).items()}
    except PluginError as error:
        require(False, f"{error}; keep all in tensors of `state`")
    again, optimizer = _started(maker)
    again.load_state_dict(first.state_dict())
    restore_optimizer(again, optimizer, kept)
    _walk(again, optimizer, 3)
    require(
        torch.equal(whole.matrix, again.matrix) and torch.equal(whole.row, again.row),
        "after a stop it goes another way; keep all that outlasts a step in tensors of `state`, "
        "under each weight",
    )


OPTIMIZER_LAWS: tuple[OptimizerLaw, ...] = (
    classes_are_loadable,
    losses_fall,
    idle_weights_stay,
    state_survives,
)


def optimizer_contract(maker: Maker) -> Callable[..., None]:
    """Return a pytest test that holds an optimizer to every law, one case each."""
    import pytest

    @pytest.mark.parametrize("law", OPTIMIZER_LAWS, ids=lambda law: law.__name__)
    def test_contract(law: OptimizerLaw) -> None:
        law(maker)

    test_contract.__doc__ = f"Optimizer {type(maker).__name__} keeps each law of the contract."
    return test_contract

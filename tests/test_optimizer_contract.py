"""The contract of optimizers: a sound one passes, each broken one is caught by the law meant."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest
import torch

from ectrain.config import OptimizerConfig
from ectrain.optimizers import AdamW, NoSettings, OptimizerMaker
from ectrain.testing import optimizer_contract
from ectrain.testing.law import BrokenLawError
from ectrain.testing.optimizers import OPTIMIZER_LAWS, Maker

test_adamw = optimizer_contract(AdamW(NoSettings()))

STEPS = """
import sys, torch
from ectrain.config import OptimizerConfig
from ectrain.optimizers import made
weight = torch.nn.Parameter(torch.linspace(-1, 1, 12))
groups = [{"params": [weight], "weight_decay": 0.1}]
config = OptimizerConfig(rate=0.01)
optimizer = torch.optim.AdamW(groups, lr=0.01, betas=config.betas, fused=True) if PLAIN else (
    made(groups, config))
for step in range(4):
    optimizer.zero_grad(set_to_none=True)
    (weight - step).square().sum().backward()
    optimizer.step()
print(weight.tolist(), "torch._dynamo" in sys.modules)
"""


def test_adamw_steps_as_torchs_own_does_and_imports_no_compiler() -> None:
    """The same weights after some steps, bit for bit, in a process that begins sooner."""
    said = [
        subprocess.run(
            [sys.executable, "-c", f"PLAIN = {plain}\n{STEPS}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.rpartition(" ")
        for plain in (False, True)
    ]
    assert said[0][0] == said[1][0]
    assert said[0][2].strip() == "False"


class Plain(torch.optim.Optimizer):
    """Gradient descent with momentum, sound or with one fault."""

    def __init__(self, groups: Iterable[Any], lr: float, fault: str) -> None:
        super().__init__(groups, {"lr": lr})
        self.fault, self.rate, self.count = fault, lr, 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step."""
        self.count += 1
        for group in self.param_groups:
            rate = self.rate if self.fault == "fixed rate" else group["lr"]
            for p in group["params"]:
                if p.grad is None:
                    if self.fault == "restless":
                        p.mul_(0.9)
                    continue
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.lerp_(p.grad, 0.5)
                if self.fault == "numbers":
                    self.state[p]["count"] = self.count
                if self.fault == "forgetful" and self.count > 3:
                    rate = rate / 2
                p.add_(mean, alpha=rate if self.fault == "uphill" else -rate)


class Makes(OptimizerMaker[NoSettings]):
    """Makes it."""

    name = "plain"
    fault = ""

    def make(self, groups: list[dict[str, Any]], config: OptimizerConfig) -> torch.optim.Optimizer:
        """Return it, or nothing."""
        found: Any = None if self.fault == "nothing" else Plain(groups, config.rate, self.fault)
        return found  # type: ignore[no-any-return]


class OldApi(Makes):
    """Was written for another contract."""

    api = (0, 3)


def with_fault(fault: str) -> Maker:
    """Return a maker of a broken optimizer."""
    maker = Makes(NoSettings())
    maker.fault = fault
    return maker


test_sound = optimizer_contract(Makes(NoSettings()))

FAULTS = [
    (OldApi(NoSettings()), {"classes_are_loadable"}, "contract 0.3, this is 1.0"),
    (with_fault("uphill"), {"losses_fall"}, "subtract the step"),
    (with_fault("restless"), {"idle_weights_stay"}, "skip grad None"),
    (with_fault("fixed rate"), {"idle_weights_stay"}, "take lr from the group"),
    (with_fault("numbers"), {"state_survives"}, "keep all in tensors"),
    (with_fault("forgetful"), {"state_survives"}, "keep all that outlasts"),
    (
        with_fault("nothing"),
        {"losses_fall", "idle_weights_stay", "state_survives"},
        "return a torch.optim.Optimizer",
    ),
]


@pytest.mark.parametrize(("maker", "laws", "remedy"), FAULTS)
def test_each_fault_is_caught_by_its_law(maker: Maker, laws: set[str], remedy: str) -> None:
    """Of all laws only the one that forbids the fault fails, and it says what to change."""
    caught: dict[str, str] = {}
    for law in OPTIMIZER_LAWS:
        try:
            law(maker)
        except BrokenLawError as error:
            caught[law.__name__] = str(error)
    assert set(caught) == laws, caught
    assert all(remedy in message for message in caught.values())

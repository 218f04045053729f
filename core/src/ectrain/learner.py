"""What a step changes: the model, its optimizer and its balancer, at one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch.func import functional_call

from ectrain.balancer import Balancer, Fixed, NoSettings
from ectrain.device import Place
from ectrain.model import Model
from ectrain.packing import Pack


@attrs.define(eq=False)
class Learner:
    """A model that learns.

    Attributes:
        model: Trunk and heads, their weights in float32.
        optimizer: Over all of the model's weights.
        place: Device, and the format that is computed in.
        clip: Most norm of the gradient.
        balancer: What decides how much each task's loss counts.
        guesses: Loss of a guess by task, which mean losses are divided by; 1 where none is given.
        taken: Optimizer steps that were taken.
    """

    model: Model
    optimizer: torch.optim.Optimizer
    place: Place
    clip: float
    balancer: Balancer[Any] = attrs.field(factory=lambda: Fixed(NoSettings(), (), 0))
    guesses: Mapping[str, float] = attrs.field(factory=dict)
    taken: int = 0

    def forward(self, pack: Pack) -> dict[str, Any]:
        """Return each head's output; in a shorter format from copies of the weights."""
        dtype = self.place.dtype
        if dtype == torch.float32:
            found: dict[str, Any] = self.model(pack)
            return found
        weights = {name: p.to(dtype) for name, p in self.model.named_parameters()}
        return functional_call(self.model, weights, (pack,))  # type: ignore[no-any-return]

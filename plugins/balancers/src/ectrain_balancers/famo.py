"""Weights that let every loss fall at one rate, learned from how much each fell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from ectrain.balancer import Balancer, Coming, Needs, Seen
from ectrain.structure import between
from ectrain_balancers.learned import Learned

LEAST = 1e-8  # loss that logarithms are taken of


@attrs.frozen
class FAMOConfig:
    """Settings of `famo`.

    Attributes:
        rate: Of Adam, which moves the logits.
        decay: Of the logits towards 0, the paper's gamma.
    """

    rate: float = attrs.field(default=0.025, validator=between(0, above=True))
    decay: float = attrs.field(default=0.001, validator=between(0))


class FAMO(Balancer[FAMOConfig]):
    """Factor of task k among K:  K c z_k / l_k,  z = softmax(logits),  c = 1 / sum_i z_i / l_i.

    After the step the logits move along  J^T (log l - log l'),  l' being the losses of the same
    batch after it and J the derivative of the softmax: tasks that fell little gain weight. The K is
    ours: it keeps the scale of a sum.

    Source: Liu, Feng, Stone, Liu, FAMO: fast adaptive multitask optimization (2023), algorithm 1.
    """

    name = "famo"
    config_type = FAMOConfig
    needs = Needs(losses=True, losses_after=True)

    def __init__(self, config: FAMOConfig, tasks: tuple[str, ...], seed: int) -> None:
        super().__init__(config, tasks, seed)
        self._logits = Learned(tasks, 0.0, config.rate, config.decay)

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return each task's share over its loss, made to have the mean that a share has."""
        assert coming.losses is not None
        shares = self._logits.softmax(coming.tasks)
        by_loss = {task: z / max(coming.losses[task], LEAST) for task, z in shares.items()}
        total = math.fsum(by_loss.values())
        return {task: len(shares) * x / total for task, x in by_loss.items()}

    def learn(self, seen: Seen) -> None:
        """Move the logits by how much each loss fell."""
        assert seen.losses_after is not None
        shares = self._logits.softmax(seen.losses)
        fell = {
            task: math.log(max(loss, LEAST)) - math.log(max(seen.losses_after[task], LEAST))
            for task, loss in seen.losses.items()
        }
        mean = math.fsum(shares[task] * fall for task, fall in fell.items())
        self._logits.move({task: shares[task] * (fall - mean) for task, fall in fell.items()})

    def state(self) -> Mapping[str, Any]:
        """Return the logits and their moments."""
        return {"logits": self._logits.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take them over."""
        self._logits.restore(state["logits"])

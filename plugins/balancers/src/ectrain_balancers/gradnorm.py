"""Weights that bring the tasks' gradients to one size, corrected by how fast each task learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from ectrain.balancer import Balancer, Coming, Needs, Seen
from ectrain.structure import between
from ectrain_balancers.learned import Learned

LEAST = 1e-8  # loss that ratios are made of


@attrs.frozen
class GradNormConfig:
    """Settings of `gradnorm`.

    Attributes:
        alpha: How much harder slow tasks are pulled; 0 for gradients of one size.
        rate: Of Adam, which moves the weights.
    """

    alpha: float = attrs.field(default=1.5, validator=between(0))
    rate: float = attrs.field(default=0.025, validator=between(0, above=True))


class GradNorm(Balancer[GradNormConfig]):
    """Factors w move down  sum_k |G_k - mean(G) r_k ^ alpha|,  the target held fixed.

    G_k is the norm of what task k's loss, as it counts, does to the last shared block; r_k is
    l_k / l_k(first) over its mean. w = K softmax(z), so that weights stay above 0 and sum to the
    number of tasks that take part (the paper renormalises w itself; LibMTL does as here).

    Source: Chen, Badrinarayanan, Lee, Rabinovich, GradNorm: gradient normalization for adaptive
    loss balancing in deep multitask networks (2018), equation 2.
    """

    name = "gradnorm"
    config_type = GradNormConfig
    needs = Needs(gradients="last block")

    def __init__(self, config: GradNormConfig, tasks: tuple[str, ...], seed: int) -> None:
        super().__init__(config, tasks, seed)
        self._logits = Learned(tasks, 0.0, config.rate)
        self._first: dict[str, float] = {}  # loss of each task when it was first met

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return K times the softmax of the logits."""
        shares = self._logits.softmax(coming.tasks)
        return {task: len(shares) * share for task, share in shares.items()}

    def learn(self, seen: Seen) -> None:
        """Move the logits along the derivative of the sum of distances."""
        for task, loss in seen.losses.items():
            self._first.setdefault(task, max(loss, LEAST))
        assert seen.gradients is not None
        tasks = seen.gradients.tasks
        if len(tasks) < 2:
            return
        norms = np.sqrt(np.diag(seen.gradients.gram()))
        rates = np.array([max(seen.losses[task], LEAST) / self._first[task] for task in tasks])
        targets = norms.mean() * (rates / rates.mean()) ** self.config.alpha
        shares = np.array([seen.factors[task] for task in tasks]) / len(tasks)
        # G_k is proportional to w_k, and w to the softmax: d/dz_j sum_k e_k K s_k G_k / w_k
        pull = np.sign(norms - targets) * norms
        slopes = pull - shares * pull.sum()
        if np.isfinite(slopes).all():
            self._logits.move(dict(zip(tasks, map(float, slopes), strict=True)))

    def state(self) -> Mapping[str, Any]:
        """Return the logits and each task's first loss."""
        return {"logits": self._logits.state(), "first": self._first}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take them over."""
        self._logits.restore(state["logits"])
        self._first = {task: float(loss) for task, loss in state["first"].items()}

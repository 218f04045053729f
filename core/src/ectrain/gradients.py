"""Each task's own gradient of the trunk, side by side.

Shape suffixes: k tasks, n members of one weight.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@attrs.frozen(eq=False)
class Gradients:
    """What each task's loss would do to some weights, as much as it counts in the step.

    Attributes:
        rows: By task, one tensor for each weight; the same weights in the same order for all.
    """

    rows: Mapping[str, Sequence[Tensor]]

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, in the order of `gram` and `mix`."""
        return list(self.rows)

    def gram(self) -> NDArray[np.float64]:
        """Return all inner products, `[k, k]`, summed in float64; waits for the device."""
        found = np.zeros((len(self.rows), len(self.rows)))
        for of_weight in zip(*self.rows.values(), strict=True):
            rows_kn = torch.stack([gradient.flatten() for gradient in of_weight]).double()
            found += (rows_kn @ rows_kn.t()).cpu().numpy()
        return found

    def mix(self, coefficients: Sequence[float] | NDArray[np.float64]) -> list[Tensor]:
        """Return the sum of the tasks' gradients, each times its coefficient, weight by weight."""
        factors = [float(c) for c in coefficients]
        found = []
        for of_weight in zip(*self.rows.values(), strict=True):
            total = of_weight[0] * factors[0]
            for gradient, factor in zip(of_weight[1:], factors[1:], strict=True):
                total.add_(gradient, alpha=factor)
            found.append(total)
        return found

    def cosines(self) -> dict[str, float | None]:
        """Return the cosine of each pair of tasks, "one/other"; None where a gradient is zero."""
        gram = self.gram()
        found: dict[str, float | None] = {}
        for (i, one), (j, other) in itertools.combinations(enumerate(self.rows), 2):
            norms = math.sqrt(gram[i, i] * gram[j, j])
            cosine = float(gram[i, j]) / norms if norms > 0 else None
            found[f"{one}/{other}"] = None if cosine is None else max(-1.0, min(1.0, cosine))
        return found


def let_passes_be_gone_through_again() -> None:
    """Compile from now on so that a pass has room for more than one backward.

    Otherwise compiled code reuses the memory of what it saved, and refuses to keep its graph.
    """
    from torch._functorch import config

    config.donated_buffer = False


class OwnGradients:
    """Adds up each task's own gradient of some weights over the passes of a step.

    Args:
        weights: The weights that tasks share.
        others: Weights whose gradient is added up as usual, in themselves; none if empty.
    """

    def __init__(self, weights: Sequence[nn.Parameter], others: Sequence[nn.Parameter] = ()):
        self._weights, self._others = list(weights), list(others)
        self._rows: dict[str, list[Tensor]] = {}

    def add(self, losses: Mapping[str, Tensor], graph_is_needed: bool) -> None:
        """Take in a pass.

        Args:
            losses: Of each task, as much as it counts.
            graph_is_needed: Whether another backward through the same pass follows.
        """
        wanted = [*self._weights, *self._others]
        for number, (name, loss) in enumerate(losses.items(), start=1):
            kept = graph_is_needed or number < len(losses)
            found = torch.autograd.grad(loss, wanted, retain_graph=kept, allow_unused=True)
            self._add_shared(name, found[: len(self._weights)])
            for parameter, gradient in zip(self._others, found[len(self._weights) :], strict=True):
                if gradient is not None:
                    before = parameter.grad
                    parameter.grad = gradient if before is None else before + gradient

    def _add_shared(self, name: str, found: Sequence[Tensor | None]) -> None:
        if name not in self._rows:
            self._rows[name] = [torch.zeros_like(weight) for weight in self._weights]
        for total, gradient in zip(self._rows[name], found, strict=True):
            if gradient is not None:
                total.add_(gradient)

    def found(self, weights: Sequence[nn.Parameter] | None = None) -> Gradients:
        """Return what was added up, of all the weights or of some of them."""
        if weights is None:
            return Gradients(self._rows)
        kept = {id(weight) for weight in weights}
        places = [at for at, weight in enumerate(self._weights) if id(weight) in kept]
        return Gradients({name: [row[at] for at in places] for name, row in self._rows.items()})

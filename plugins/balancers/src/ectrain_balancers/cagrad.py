"""The gradient near the mean that helps the task which gains least."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ectrain.balancer import Balancer, Needs
from ectrain.gradients import Gradients
from ectrain.structure import between


@attrs.frozen
class CAGradConfig:
    """Settings of `cagrad`.

    Attributes:
        c: How far from the mean gradient, as a share of its norm; 0 for the mean.
    """

    c: float = attrs.field(default=0.5, validator=between(0, 1, below=True))


class CAGrad(Balancer[CAGradConfig]):
    """The d within  |d - g_0| <= c |g_0|  that maximises  min_k g_k . d,  g_0 the mean gradient.

    By duality  d = g_0 + c |g_0| g_w / |g_w|,  where g_w = sum_k w_k g_k and w in the simplex
    minimises  g_w . g_0 + c |g_0| |g_w|.  The trunk gets K d: the scale of a sum.

    Source: Liu, Liu, Jin, Stone, Liu, Conflict-averse gradient descent for multi-task learning
    (2021), equations 4 to 6; w by SciPy's SLSQP, as in the authors' code.
    """

    name = "cagrad"
    config_type = CAGradConfig
    needs = Needs(gradients="trunk")

    def combine(self, gradients: Gradients) -> Sequence[Tensor]:
        """Return K d."""
        mix = conflict_averse(gradients.gram(), self.config.c)
        return gradients.mix(len(mix) * mix)


def conflict_averse(gram: NDArray[np.float64], c: float) -> NDArray[np.float64]:
    """Return how much of each gradient is in d, `[k]`.

    Args:
        gram: Inner products of the gradients, `[k, k]`.
        c: Radius around the mean, as a share of its norm.
    """
    count = len(gram)
    mean = np.full(count, 1.0 / count)
    largest = float(np.diag(gram).max(initial=0.0))
    if count < 2 or c == 0 or largest == 0:
        return mean
    scaled = gram / largest
    radius = c * np.sqrt(max(0.0, float(mean @ scaled @ mean)))
    weights = _dual(scaled, mean, radius)
    norm = np.sqrt(max(0.0, float(weights @ scaled @ weights)))
    return mean if norm < 1e-12 else mean + radius / norm * weights


def _dual(
    gram: NDArray[np.float64], mean: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Return the w of the simplex that minimises  g_w . g_0 + radius |g_w|."""
    from scipy.optimize import minimize

    def value(w: NDArray[np.float64]) -> float:
        return float(w @ gram @ mean + radius * np.sqrt(w @ gram @ w + 1e-16))

    def slope(w: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = gram @ mean + radius * (gram @ w) / np.sqrt(
            w @ gram @ w + 1e-16
        )
        return found

    found = minimize(
        value,
        mean,
        jac=slope,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(gram),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 200},
    )
    weights = np.clip(found.x, 0.0, None)
    total = float(weights.sum())
    best: NDArray[np.float64] = weights / total if total > 0 else mean
    return best

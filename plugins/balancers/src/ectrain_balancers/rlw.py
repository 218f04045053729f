"""Random weights, anew in each step: what any other method should be better than."""

from __future__ import annotations

from collections.abc import Mapping

from ectrain.balancer import Balancer, Coming, NoSettings
from ectrain.order import keyed_random
from ectrain_balancers.learned import softmax


class RandomLossWeighting(Balancer[NoSettings]):
    """Factor of task k among K:  K softmax(x)_k,  x drawn from the standard normal in each step.

    A draw depends on the seed, the step and the task alone: there is nothing to remember.

    Source: Lin, Ye, Zhang, Reasonable effectiveness of random weighting: a litmus test for
    multi-task learning (2021), section 3, normal distribution.
    """

    name = "rlw"
    config_type = NoSettings

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return K times the softmax of the step's draws."""
        drawn = {
            task: keyed_random(self.seed, "rlw", coming.step, task).gauss(0.0, 1.0)
            for task in coming.tasks
        }
        return {task: len(drawn) * share for task, share in softmax(drawn).items()}

"""What training logs: the steps since the last line, as one event."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from ectrain.batches import Batch
from ectrain.curriculum import EpochPlan
from ectrain.run import Run


class Window:
    """The steps since the last one that was logged.

    Args:
        run: Whose.
        plan: Of the epoch.
    """

    def __init__(self, run: Run, plan: EpochPlan) -> None:
        self._run, self._plan = run, plan
        self._clear()

    def _clear(self) -> None:
        self._since = time.monotonic()
        self._losses: Counter[str] = Counter()
        self._targets: Counter[str] = Counter()
        self._tokens = 0
        self._rate = self._grad_norm = 0.0

    def add(self, batch: Batch, losses: Mapping[str, float], grad_norm: float, rate: float) -> None:
        """Take in a step: what it was of, each task's summed loss, the gradient and the rate."""
        for name, loss in losses.items():
            self._losses[name] += loss  # type: ignore[assignment]  # a Counter of floats adds, too
        self._targets.update(batch.targets)
        self._tokens += batch.tokens
        self._rate, self._grad_norm = rate, grad_norm

    def is_due(self) -> bool:
        """Return whether a line should be logged."""
        return time.monotonic() - self._since >= self._run.config.log_seconds

    def write(self) -> None:
        """Log what the steps came to, if there are any, and start anew."""
        if not self._tokens:
            return
        seconds = max(1e-9, time.monotonic() - self._since)
        self._run.log.write(
            "step",
            step=self._run.state.step,
            epoch=self._plan.epoch,
            phase=self._plan.phase,
            losses={n: x / self._targets[n] for n, x in self._losses.items() if self._targets[n]},
            rate=self._rate,
            grad_norm=self._grad_norm,
            tokens=self._run.state.tokens,
            tokens_per_s=self._tokens / seconds,
            targets=dict(self._targets),
        )
        self._run.state.seconds += seconds
        self._clear()

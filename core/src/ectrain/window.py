"""What training logs: the steps since the last line, as one event."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from ectrain.balancer import Fixed
from ectrain.batches import Batch, Encoder
from ectrain.curriculum import EpochPlan
from ectrain.errors import DataError, FaultError
from ectrain.run import Run

if TYPE_CHECKING:
    from ectrain.loop import StepResult


SLOW = 0.3  # of the time that steps take: more than this in one task's `encode` is worth a warning


class Window:
    """The steps since the last one that was logged.

    Args:
        run: Whose.
        plan: Of the epoch.
        encoder: What encodes the steps' examples, ahead of them.
    """

    def __init__(self, run: Run, plan: EpochPlan, encoder: Encoder) -> None:
        self._run, self._plan, self._encoder = run, plan, encoder
        self._clear()

    def __enter__(self) -> Window:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        """Log what was taken in before a fault."""
        if kind is not None and issubclass(kind, FaultError | DataError):
            self.write()

    def _clear(self) -> None:
        self._since = time.monotonic()
        self._encoded = self._encoder.seconds.copy()
        self._losses: Counter[str] = Counter()
        self._targets: Counter[str] = Counter()
        self._tokens = 0
        self._factors: Counter[str] = Counter()
        self._balanced: Counter[str] = Counter()
        self._rate = self._grad_norm = 0.0

    def add(self, batch: Batch, result: StepResult, rate: float) -> None:
        """Take in a step: what it was of, what it came to, and its rate."""
        for name, loss in result.losses.items():
            self._losses[name] += loss  # type: ignore[assignment]  # a Counter of floats adds, too
        self._targets.update(batch.targets)
        self._tokens += batch.tokens
        for name, factor in result.factors.items():
            self._factors[name] += factor  # type: ignore[assignment]
        self._balanced.update(result.factors.keys())
        self._rate, self._grad_norm = rate, result.grad_norm

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
            encoding=self._encoding(seconds),
            **self._balance(),
        )
        self._run.state.seconds += seconds
        self._clear()

    def _encoding(self, seconds: float) -> dict[str, float]:
        """Return each task's seconds in `encode` by those of the steps; warn of a slow one."""
        now = self._encoder.seconds.copy()
        shares = {
            name: (spent - self._encoded.get(name, 0.0)) / seconds for name, spent in now.items()
        }
        for name, share in shares.items():
            if share > SLOW:
                self._run.warn(
                    f"task {name}: its encode takes more than {SLOW:.0%} of a step's time, "
                    "beside it on another core; `encoding` in events.jsonl has the figure"
                )
        return shares

    def _balance(self) -> dict[str, dict[str, float]]:
        """Return what the balancer made of the tasks' weights, on average; nothing if fixed."""
        if isinstance(self._run.learner.balancer, Fixed):
            return {}
        return {"factors": {n: x / self._balanced[n] for n, x in self._factors.items()}}

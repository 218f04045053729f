"""Whether a goal is met: a pure judgement that can't say "met" without an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from ectrain.task import Estimate, Goal, Task

Verdict = Literal["met", "not met", "not shown"]


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def judge(
    goal: Goal, estimate: Estimate | None, baselines: Mapping[str, Estimate]
) -> tuple[Verdict, str]:
    """Return the verdict on a goal and the reason for it in one phrase.

    Args:
        goal: The criterion.
        estimate: What was measured for `goal.metric`; None when nothing was.
        baselines: Measured figures by name; each name in `goal.baselines` is looked up here.
    """
    value = _known(estimate.value) if estimate is not None else None
    if estimate is None or value is None:
        return "not shown", (estimate.why if estimate is not None else "") or "not measured"
    if value <= goal.above:
        return "not met", f"{value:.4g} is not above {goal.above:.4g}"
    others = {name: baselines.get(name, Estimate.missing("")) for name in goal.baselines}
    known = {name: _known(other.value) for name, other in others.items()}
    for name, rival in known.items():
        if rival is not None and value <= rival:
            return "not met", f"{value:.4g} does not beat baseline {name} at {rival:.4g}"
    low = _known(estimate.low)
    if low is not None and low <= goal.above:
        return "not met", f"lower bound {low:.4g} is not above {goal.above:.4g}"
    if low is None:
        return "not shown", "no interval was measured"
    for name, rival in known.items():
        if rival is None:
            return "not shown", f"baseline {name}: {others[name].why or 'not measured'}"
    return "met", f"lower bound {low:.4g} is above {goal.above:.4g}"


def verdict(goal: Goal, estimate: Estimate | None, baselines: Mapping[str, Estimate]) -> Verdict:
    """Return whether a goal is met.

    "met" needs the lower bound above the goal and the value above every baseline that the goal
    names. "not shown" means that a figure this rests on (the value, its interval or a baseline)
    was not measured, and that nothing measured speaks against the goal.
    """
    return judge(goal, estimate, baselines)[0]


def claims_of(
    tasks: Mapping[str, Task[Any, Any]],
    figures: Mapping[str, float | None],
    estimates: Mapping[str, Estimate],
    baselines: Mapping[str, Estimate],
) -> list[dict[str, Any]]:
    """Return each goal of each task with its measurement and verdict, as the event log has it.

    Args:
        tasks: Tasks by name.
        figures: Metrics on the test split by "task/metric": figures without an interval.
        estimates: Estimates on it, which go before metrics of the same name.
        baselines: What the figures must beat, by "task/name".
    """
    found = []
    for task_name, task in tasks.items():
        own = {
            name.removeprefix(f"{task_name}/"): estimate
            for name, estimate in baselines.items()
            if name.startswith(f"{task_name}/")
        }
        for goal in task.goals:
            full = f"{task_name}/{goal.metric}"
            measured = estimates.get(full)
            if measured is None and full in figures:
                measured = Estimate(
                    figures[full], why="" if figures[full] is not None else "undefined"
                )
            said, why = judge(goal, measured, own)
            shown = measured or Estimate.missing("not measured")
            found.append(
                {
                    "task": task_name,
                    "metric": goal.metric,
                    "above": goal.above,
                    "value": shown.value,
                    "low": shown.low,
                    "high": shown.high,
                    "n": shown.n,
                    "verdict": said,
                    "baselines": {n: own[n].value for n in goal.baselines if n in own},
                    "why": why,
                }
            )
    return found

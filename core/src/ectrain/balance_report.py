"""What a report says of balance: how tasks' gradients agree, and what the guard decided."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ectrain.digest import Digest
from ectrain.markdown import escaped, figure, table_lines


def balance_lines(run: Digest) -> Iterator[str]:
    """Yield the section; nothing where neither was asked for."""
    if not run.cosines and not run.guarded:
        return
    yield "## Balance between tasks"
    yield ""
    for pair, found in run.cosines.items():
        against = sum(cosine < 0 for cosine in found)
        yield (
            f"- Gradients of {escaped(pair)}: cosine {figure(statistics.median(found))} in the "
            f"middle, {figure(min(found))} to {figure(max(found))}; against each other in "
            f"{against} of {len(found)} measurements"
        )
    if run.cosines and run.guarded:
        yield ""
    if run.guarded:
        rows = (
            (
                str(epoch),
                escaped(task),
                f"{figure(event.get('before'))} to {figure(event.get('after'))}",
                escaped(event.get("why") or "-"),
                escaped(event.get("effect") or "not known yet"),
            )
            for (epoch, task), event in sorted(run.guarded.items())
        )
        yield from table_lines(("After epoch", "Task", "Weight times", "Why", "Effect"), rows)

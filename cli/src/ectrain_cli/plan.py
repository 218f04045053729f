"""`ectrain run --dry-run`: every check and the plan, with nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ectrain_cli.terminal import columns, labelled, show, show_json

if TYPE_CHECKING:
    from ectrain.config import RunConfig


def plan(config: RunConfig, out: Path, as_json: bool) -> int:
    """Show what a run would do and return the exit code of the first check that fails."""
    from ectrain.checks import run_checks
    from ectrain.config import to_dict
    from ectrain_cli.check import document, first_failure, line

    results = list(run_checks(config))
    phases = _phases(config)
    if as_json:
        found = {
            "run": str(out),
            "config": to_dict(config),
            "checks": [document(result) for result in results],
            "phases": phases,
        }
        show_json("run --dry-run", found)
        return first_failure(results)
    for result in results:
        show(line(result))
    for text in columns(
        (p["phase"], f"epochs {p['first']} to {p['last']}", ", ".join(p["tasks"])) for p in phases
    ):
        show(labelled("phase", text))
    show(labelled("run dir", f"{out} (nothing was written)"))
    return first_failure(results)


def _phases(config: RunConfig) -> list[dict[str, Any]]:
    from ectrain_cli.curriculum import planned_epochs

    phases: dict[str, dict[str, Any]] = {}
    for epoch in planned_epochs(config.curriculum, config.scale, list(config.tasks)):
        number = epoch["epoch"]
        empty = {"phase": epoch["phase"], "first": number, "last": number, "tasks": []}
        phase = phases.setdefault(epoch["phase"], empty)
        phase["last"] = number
        phase["tasks"] += [task for task in epoch["shares"] if task not in phase["tasks"]]
    return list(phases.values())

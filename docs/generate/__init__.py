"""Makes the pages of `docs/reference/` of the code: `python -m docs.generate`.

The pages are committed, so that they can be read without building anything; a test compares them
with what the code gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docs.generate import command_line, contract, run_log, settings

FOLDER = Path(__file__).parent.parent / "reference"

PAGES: Mapping[str, Callable[[], Iterator[str]]] = {
    "command-line.md": command_line.lines,
    "exit-codes.md": run_log.exit_code_lines,
    "configuration.md": settings.configuration_lines,
    "curriculum-files.md": settings.curriculum_lines,
    "task-settings.md": settings.task_lines,
    "balancers.md": settings.balancer_lines,
    "entry-points.md": contract.entry_point_lines,
    "hooks.md": contract.hook_lines,
    "laws.md": contract.law_lines,
    "events.md": run_log.event_lines,
}


def page(name: str) -> str:
    """Return a page as the code has it."""
    mark = "<!-- Made of the code by `python -m docs.generate`; change it there. -->"
    return "\n".join((mark, "", *PAGES[name]())) + "\n"

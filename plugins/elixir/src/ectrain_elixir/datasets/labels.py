"""What Credo and Sobelow say of a package's files: saved output that lies beside, or a run.

A file whose tool ran and said nothing is clean; where the tool did not run, its labels are unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import attrs

from ectrain.errors import DataError, SandboxError
from ectrain_elixir.datasets.inputs import Project
from ectrain_elixir.datasets.row import Label
from ectrain_elixir.tools import read_credo, read_sarif, read_sobelow, run_tool

ToolName = Literal["credo", "sobelow"]
TOOLS: tuple[ToolName, ...] = ("credo", "sobelow")
_ENDINGS = (".json", ".sarif", ".sarif.json")


@attrs.frozen
class Report:
    """A tool's labels of one package.

    Attributes:
        tool: Which.
        origin: Where they are from.
        labels: By the file's path as the tool names it.
    """

    tool: ToolName
    origin: str
    labels: Mapping[str, tuple[Label, ...]]

    def covers(self, path: str, kind: str) -> bool:
        """Return whether the tool looks at such a file.

        Sobelow passes over tests, scripts and Mix tasks; Credo looks at all below lib and test.
        """
        if self.tool == "credo":
            return kind != "support" or "/" in path
        return kind == "source" and path.endswith(".ex") and "mix/tasks/" not in path


def saved_reports(project: Project) -> Iterator[Report]:
    """Yield what tools said, as it is saved in the project or beside it.

    `credo.json`, `credo.sarif` or `credo.sarif.json` in its folder, or `NAME.credo.json` beside it;
    the same for sobelow.

    Raises:
        DataError: A file is not what its name says.
    """
    root = project.root
    for tool in TOOLS:
        names = [root / f"{tool}{ending}" for ending in _ENDINGS]
        names += [root.parent / f"{root.resolve().name}.{tool}{ending}" for ending in _ENDINGS]
        found = next((path for path in names if path.is_file()), None)
        if found is not None:
            yield read_report(tool, found.read_text(encoding="utf-8", errors="replace"), str(found))


def run_reports(project: Project, notes: list[str]) -> Iterator[Report]:
    """Run the tools that a project has, which executes the project; why not goes to `notes`."""
    for tool in TOOLS:
        try:
            done = run_tool(tool, project.root)
            yield read_report(tool, done.output, f"mix {tool} in {project.root}")
        except (SandboxError, DataError) as error:
            notes.append(f"{project.name}: {error}".splitlines()[0])


def read_report(tool: ToolName, text: str, origin: str) -> Report:
    """Return a tool's labels from its JSON or SARIF.

    Raises:
        DataError: It is neither.
    """
    found: dict[str, list[Label]] = {}
    for file, label in _labels(tool, text, origin):
        found.setdefault(file, []).append(label)
    return Report(tool, origin, {file: tuple(labels) for file, labels in found.items()})


def _labels(tool: ToolName, text: str, origin: str) -> Iterator[tuple[str, Label]]:
    if '"runs"' in text:
        for result in read_sarif(text, origin):
            if result.tool.lower() != tool:
                raise DataError(f"{origin}: written by {result.tool or 'no tool'}, not by {tool}")
            name = (result.rule_name or result.rule).removeprefix("Credo.Check.")
            if tool == "sobelow" and ":" in result.message:
                name = result.message.partition(":")[0]
            yield result.file, Label(name, result.line, "", result.message)
    elif tool == "credo":
        for issue in read_credo(text, origin):
            yield issue.file, Label(issue.check, issue.line, issue.category, issue.message)
    else:
        for sighting in read_sobelow(text, origin):
            label = Label(sighting.type, sighting.line, sighting.confidence, sighting.variable)
            yield sighting.file, label


def matched(report: Report, paths: Collection[str]) -> tuple[dict[str, tuple[Label, ...]], int]:
    """Return labels by path in the package, and how many are of files that it does not hold.

    Tools name files from their own working folder or from the root of the disk: the longest end of
    a name that is a path of the package is the file.
    """
    known = set(paths)
    found: dict[str, list[Label]] = {}
    lost = 0
    for name, labels in report.labels.items():
        parts = name.replace("\\", "/").strip("/").split("/")
        ends = ("/".join(parts[at:]) for at in range(len(parts)))
        path = next((end for end in ends if end in known), None)
        if path is None:
            lost += len(labels)
        else:
            found.setdefault(path, []).extend(labels)
    ordered = {p: tuple(sorted(ls, key=lambda x: (x.line or 0, x.name))) for p, ls in found.items()}
    return ordered, lost


def frequencies(labels: Collection[Label]) -> Counter[str]:
    """Return how often each label is given."""
    return Counter(label.name for label in labels)

"""What is known of one file, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from ectrain_elixir.datasets.row import Row
from ectrain_elixir.explanations import PASSAGES
from ectrain_elixir.ontology import written

SHOWN = ("group", "licence", "source", "kind", "style", "level")


def portrait(row: Row) -> Iterator[str]:
    """Yield a line for each thing that is known of a file, its text last.

    Labels come with the rule behind each of them, facts also as prompts have them.
    """
    yield from (f"{key:8} {getattr(row, key)}" for key in SHOWN if getattr(row, key) != "")
    yield from (f"pair     {other}" for other in row.pairs)
    yield f"checked  {', '.join(row.checked) or 'by no tool'}"
    labels = [*row.issues, *row.findings]
    yield from (f"label    {x.name} line {x.line or '?'} {x.message}" for x in labels)
    for name in dict.fromkeys(label.name for label in labels if label.name in PASSAGES):
        yield f"rule     {name}: {PASSAGES[name].rule}"
    yield from (f"fact     {fact}" for fact in row.facts)
    if row.facts:
        yield f"as text  {written(row.facts)}"
    yield ""
    yield row.code.rstrip("\n")

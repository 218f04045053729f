"""Figures of a dataset as one HTML file: tables and bars in SVG, no script, nothing from a net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

from ectrain_elixir.datasets.stats import EDGES, Stats

MOST_BARS = 25
_TITLES = {
    "kind": "Kinds of files",
    "style": "Styles of tests",
    "licence": "Licences",
    "package": "Packages",
    "level": "Levels of facts",
    "credo": "Credo checks (issues)",
    "sobelow": "Sobelow findings",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .15rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr { border-bottom: 1px solid #8884 }
svg text { font: 12px system-ui, sans-serif; fill: currentColor } rect { fill: #0072b2 }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } rect { fill: #56b4e9 }}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, stats: Stats) -> str:
    """Return the page."""
    rows = [
        (
            name,
            *(f"{value:,}" for value in (s.files, s.characters, s.tokens)),
            *(f"{value:,.0f}" for value in (s.median, s.p90, s.longest)),
            _share(s.known_tokens),
            _share(s.known_spellings),
        )
        for name, s in stats.splits.items()
    ]
    head = ("split", "files", "characters", "tokens", "median", "p90", "longest")
    parts = [_table((*head, "tokens known", "spellings known"), rows)]
    for name, found in stats.splits.items():
        bars = dict(zip(lengths(), found.histogram, strict=True))
        parts += [f"<h2>Tokens of a file, {escape(name)}</h2>", _bars(bars)]
    for name, table in stats.tables.items():
        if table:
            shown = dict(list(table.items())[:MOST_BARS])
            parts += [f"<h2>{_TITLES[name]}</h2>", _bars(shown)]
            if len(table) > MOST_BARS:
                parts.append(f"<p>and {len(table) - MOST_BARS} more</p>")
    counted = [(name, f"{count:,}") for name, count in stats.counts.items()]
    parts += ["<h2>When it was built</h2>", _table(("what", "count"), counted)]
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<style>{_STYLE}</style>\n<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</html>\n"
    )


def lengths() -> list[str]:
    """Return names of the histogram's bars."""
    ends = [f"{low}-{high - 1}" for low, high in pairwise(EDGES)]
    return [*ends, f"{EDGES[-1]}+"]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows
    )
    return f"<table><tr>{top}</tr>\n{body}</table>"


def _bars(counts: Mapping[str, int]) -> str:
    most = max(counts.values(), default=0) or 1
    lines = []
    for place, (name, count) in enumerate(counts.items()):
        y, width = 22 * place, 380 * count / most
        lines.append(
            f'<text x="0" y="{y + 14}">{escape(name[:44])}</text>'
            f'<rect x="300" y="{y + 3}" width="{width:.1f}" height="14"/>'
            f'<text x="{306 + width:.1f}" y="{y + 14}">{count:,}</text>'
        )
    height = 22 * len(counts)
    return (
        f'<svg role="img" width="760" height="{height}" viewBox="0 0 760 {height}">'
        f"{''.join(lines)}</svg>"
    )

"""Explanations of issues in embedded files: why a line is reported, in several phrasings.

They are put together from sentences (`passages/*.toml`, `voices.toml`), so they are synthetic; each
names its issue, cites a line that is there, and quotes nothing but the given code.
"""

from __future__ import annotations

import itertools
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import resources
from typing import Any

import attrs

from ectrain.kept import Recipe, kept
from ectrain.shards import Shards
from ectrain.task import SPLITS, Split
from ectrain_elixir import twins, violations
from ectrain_elixir.explanations.passages import PASSAGES, REASONS, Tool
from ectrain_elixir.explanations.places import Place, place_of

LEAST = 186  # of val and of test: two of each label
SOURCE_SIZE = 3000  # files at least that issues are taken from: all labels are in each split
HELD_OUT = 0.1  # of the training explanations, in val and in test each
LONGEST_QUOTE = 90  # characters of a line

_TOOL_NAMES: Mapping[Tool, str] = {"credo": "Credo", "sobelow": "Sobelow"}
_UNQUOTED = frozenset(
    [
        "Readability.RedundantBlankLines",
        "Readability.TrailingBlankLine",
        "Readability.TrailingWhiteSpace",
    ]
)


@attrs.frozen
class Explanation:
    """Code, an issue that is in it, and why.

    Attributes:
        id: Stable and unique.
        group: Of the file and its twin, which is never split.
        tool: Which tool reports it.
        issue: The check or the finding; `passage(issue)` is what there is to read about it.
        code: The whole file.
        first: The line that is reported, from 1.
        last: The line where what begins there ends.
        evidence: The sentence that points at the place.
        rule: The sentence that says what the rule is.
        risk: The sentence that says what goes wrong.
        fix: The sentence that says what to do.
        text: All of them as one text that names the issue.
        fixed: The file without the issue; "" where its twin is not that.
    """

    id: str
    group: str
    tool: Tool
    issue: str
    code: str
    first: int
    last: int
    evidence: str
    rule: str
    risk: str
    fix: str
    text: str
    fixed: str = ""


def explanations(split: Split, size: int = 4000, seed: int = 0) -> Shards[Explanation]:
    """Return the explanations of a split, the same ones for the same arguments, always.

    Each check and each finding that a file can show has an equal share. They are made once and kept
    in the user's cache.

    Args:
        split: Which; files are in the split in which `violations` and `twins` have them.
        size: Explanations of train; val and test have a tenth, at least 186.
        seed: Of what is drawn.
    """
    return _kept(size, seed)[split]


@cache
def _kept(size: int, seed: int) -> dict[Split, Shards[Explanation]]:
    names = ("explanations", "violations", "twins", "analysis", "syntax", "checks", "findings")
    sources = tuple(f"ectrain_elixir.{name}" for name in names)
    settings = {"size": str(size), "seed": str(seed)}
    make = partial(_drawn, size, seed)
    return kept(
        Recipe("explanations", settings, sources, make, attrs.asdict, lambda d: Explanation(**d))
    )


@attrs.frozen
class _Found:
    """An issue in a file."""

    file: str
    group: str
    code: str
    line: int
    fixed: str


def _drawn(size: int, seed: int) -> Iterator[tuple[Split, Explanation]]:
    """Yield explanations of each split, label by label in turn."""
    held_out = max(LEAST, int(size * HELD_OUT))
    for split in SPLITS:
        by_issue = _issues(split, size, seed)
        wanted = size if split == "train" else held_out
        for number, issue in zip(range(wanted), itertools.cycle(sorted(REASONS)), strict=False):
            found, turn = by_issue[issue], number // len(REASONS)
            rng = random.Random(f"explanations/{seed}/{split}/{number}")
            yield split, explained(issue, found[turn % len(found)], f"{turn}", rng)


def _issues(split: Split, size: int, seed: int) -> Mapping[str, Sequence[_Found]]:
    """Return the issues in the files of a split, in the files' order."""
    found: dict[str, list[_Found]] = {issue: [] for issue in REASONS}
    most = max(size, SOURCE_SIZE)
    files = [(s.id, s.group, s.code, s.evidence) for s in violations.snippets(split, most, seed)]
    files += [(s.id, s.group, s.code, s.evidence) for s in twins.snippets(split, most, seed)]
    pairs: dict[tuple[str, frozenset[str]], str] = {}
    for _, group, code, evidence in files:
        pairs[group, frozenset(_names(evidence))] = code
    for name, group, code, evidence in files:
        own = _names(evidence)
        for issue, line in evidence:
            fixed = pairs.get((group, frozenset(own - {issue})), "")
            found[issue].append(_Found(name, group, code, line, fixed))
    return found


def _names(evidence: Sequence[tuple[str, int]]) -> set[str]:
    return {issue for issue, _ in evidence}


def explained(issue: str, found: _Found, turn: str, rng: random.Random) -> Explanation:
    """Return an explanation of an issue in one of its phrasings."""
    voices, reasons, about = _voices(), REASONS[issue], PASSAGES[issue]
    place = place_of(found.code, found.line)
    rule, risk, fix = (rng.choice(ways) for ways in (reasons.rule, reasons.risk, reasons.fix))
    seen = _seen(issue, place, rng)
    parts = {"seen": seen, "rule": rule, "risk": risk, "fix": fix, "issue": f"`{issue}`"}
    return Explanation(
        id=f"{found.file}-{issue}-{found.line}-{turn}",
        group=found.group,
        tool=about.tool,
        issue=issue,
        code=found.code,
        first=place.first,
        last=place.last,
        evidence=seen,
        rule=rule,
        risk=risk,
        fix=fix,
        text=rng.choice(voices["orders"]).format(**parts),
        fixed=found.fixed,
    )


def _seen(issue: str, place: Place, rng: random.Random) -> str:
    quoted = 0 < len(place.text) <= LONGEST_QUOTE and issue not in _UNQUOTED
    form = rng.choice(_voices()["seen" if quoted else "unquoted"])
    return form.format(
        line=place.first,
        place=place.said,
        text=place.text,
        sees=REASONS[issue].sees,
        tool=_TOOL_NAMES[PASSAGES[issue].tool],
    )


@cache
def _voices() -> dict[str, list[str]]:
    path = resources.files("ectrain_elixir") / "explanations" / "voices.toml"
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def gives_away(text: str, code: str, fixed: str) -> bool:
    """Return whether an explanation holds the whole fix: all that the repaired file says anew.

    What it quotes of the given code is no fix.

    Args:
        text: An explanation.
        code: The file that it is about.
        fixed: The same without the issue.
    """
    old = {line.strip() for line in code.splitlines()}
    new = [line.strip() for line in fixed.splitlines() if line.strip() not in old]
    for quote in sorted((line for line in old if len(line) > 1), key=len, reverse=True):
        text = text.replace(f"`{quote}`", "``")
    return bool(new) and all(line in text for line in new)

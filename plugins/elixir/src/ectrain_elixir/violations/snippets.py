"""Files of a split: drawn until there are enough, a composition in one split only."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import attrs

from ectrain.kept import Recipe, kept
from ectrain.shards import Shards
from ectrain.task import Split
from ectrain_elixir.violations.files import Plan, Use, written
from ectrain_elixir.violations.forms import BY_CHECK, CHECKED, PLAIN, WHOLE_FILE

LEAST = 400  # files of val and of test
HELD_OUT = 0.2  # of the training files, in val and in test each
CLEAN = 0.33  # of the compositions of val and test have nothing to find
TWINS = 0.5  # of the other ones have a twin
MORE = 0.44  # how likely one more check is violated than so far, in val and test
BAD = 0.4  # of the forms around a training file's own are violations

# Share of the 661 files of lib/ in Elixir, Phoenix, Plug, Ecto and Credo that violate a check; all
# others are rarer. Credo 1.7.9 with its default settings and --strict.
SHARES = {
    "Readability.ModuleDoc": 0.180,
    "Design.AliasUsage": 0.179,
    "Refactor.Nesting": 0.124,
    "Design.TagTODO": 0.123,
    "Readability.ParenthesesOnZeroArityDefs": 0.106,
    "Refactor.CyclomaticComplexity": 0.106,
    "Readability.PreferImplicitTry": 0.079,
    "Warning.RaiseInsideRescue": 0.023,
    "Readability.LargeNumbers": 0.018,
}
RARE = 0.01


@attrs.frozen
class Snippet:
    """A small module, and what Credo finds in it.

    Attributes:
        id: Stable and unique.
        group: What it shares with its twin; never split.
        code: The whole file.
        checks: Names of the checks that it violates, sorted.
        evidence: Each of them with each line that is reported, from 1, sorted.
    """

    id: str
    group: str
    code: str
    checks: tuple[str, ...]
    evidence: tuple[tuple[str, int], ...]


def snippets(split: Split, size: int = 8000, seed: int = 0) -> Shards[Snippet]:
    """Return the files of a split, the same ones for the same arguments, always.

    They are drawn once and kept in the user's cache; each is read when it is asked for. The `marks`
    say how many checks each violates.

    Training files violate each check about equally often, and each has a twin that differs in one
    check alone. In val and test, checks are violated about as rarely as in real code: a third of
    the files is clean, and frequent checks are violated more often (by the root of their share, so
    that rare ones have some examples).

    Args:
        split: Which; a composition (the forms and functions of a file) is in one split only.
        size: Files of train; val and test have a fifth, at least 400.
        seed: Of what is drawn.
    """
    return _kept(size, seed)[split]


@cache
def _kept(size: int, seed: int) -> dict[Split, Shards[Snippet]]:
    return kept(
        Recipe(
            "violations",
            {"size": str(size), "seed": str(seed)},
            ("ectrain_elixir.violations", "ectrain_elixir.checks"),
            lambda: _drawn(size, seed),
            attrs.asdict,
            _unpacked,
            lambda snippet: len(snippet.checks),
        )
    )


def _unpacked(data: dict[str, Any]) -> Snippet:
    evidence = tuple((check, line) for check, line in data["evidence"])
    return Snippet(data["id"], data["group"], data["code"], tuple(data["checks"]), evidence)


def _drawn(size: int, seed: int) -> Iterator[tuple[Split, Snippet]]:
    held_out = max(LEAST, int(size * HELD_OUT))
    left: dict[Split, int] = {"train": size, "val": held_out, "test": held_out}
    seen: set[bytes] = set()
    number = 0
    while any(left.values()):
        name = f"violations/{seed}/{number}"
        split = _split(number)
        plan, other = _plans(random.Random(name), split, number)
        number += 1
        if owner(plan) != split:
            continue
        group = f"pair-{number}"
        made = [_snippet(p, name, group) for p in (plan, other) if p]
        marks = {hashlib.sha256(snippet.code.encode()).digest() for snippet in made}
        if len(made) > left[split] or marks & seen:
            continue
        seen |= marks
        left[split] -= len(made)
        yield from ((split, snippet) for snippet in made)


def owner(plan: Plan) -> Split:
    """Return the split that a composition belongs to, whatever its names are."""
    point = int.from_bytes(hashlib.sha256(plan.kind.encode()).digest()[:8], "big") % 3
    return ("train", "val", "test")[point]


def _split(number: int) -> Split:
    """Return the split that a number is drawn for: three fifths for training."""
    return ("train", "train", "train", "val", "test")[number % 5]


def _plans(rng: random.Random, split: Split, number: int) -> tuple[Plan, Plan | None]:
    """Draw a composition and its twin, in either order; None where it has none."""
    if split == "train":
        check = CHECKED[number // 5 % len(CHECKED)]
        around = rng.sample([c for c in CHECKED if c != check], rng.choice((1, 2, 2, 3)))
        plan = _plan(rng, {check, *(c for c in around if rng.random() < BAD)}, around)
        twin: Plan | None = plan.mended(check)
    else:
        violated = _natural(rng)
        around = rng.sample(CHECKED, rng.choice((1, 2, 2, 3)))
        plan = _plan(rng, violated, around)
        mend = sorted(violated)[0] if violated and rng.random() < TWINS else ""
        twin = plan.mended(mend) if mend else None
    if twin is not None and rng.random() < 0.5:
        return twin, plan
    return plan, twin


def _natural(rng: random.Random) -> set[str]:
    """Draw what an evaluation file violates."""
    if rng.random() < CLEAN:
        return set()
    weights = [SHARES.get(check, RARE) ** 0.5 for check in CHECKED]
    violated = {rng.choices(CHECKED, weights)[0]}
    while len(violated) < 6 and rng.random() < MORE:
        violated.add(rng.choices(CHECKED, weights)[0])
    return violated


def _plan(rng: random.Random, violated: set[str], around: list[str]) -> Plan:
    """Draw forms of checks, violating or clean, and plain functions."""
    uses = []
    for check in [*sorted(violated), *(c for c in around if c not in violated)]:
        if check in WHOLE_FILE:
            continue
        form = rng.choice(BY_CHECK[check])
        uses.append(Use(form, check in violated))
    plain = rng.sample(range(len(PLAIN)), rng.choice((0, 1, 1, 2)) + (not uses))
    return Plan(tuple(uses), tuple(sorted(plain)), frozenset(violated & set(WHOLE_FILE)))


def _snippet(plan: Plan, name: str, group: str) -> Snippet:
    file = written(plan, random.Random(f"{name}/text"))
    mark = hashlib.sha256(file.code.encode()).hexdigest()[:10]
    return Snippet(f"{group}-{mark}", group, file.code, plan.checks, file.evidence)

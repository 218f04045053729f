"""Whether pairs are what they should be, by running them; those that aren't are kept apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import attrs

from ectrain.errors import DataError
from ectrain_elixir.runner import PooledRunner, Program, Status, Verdict
from ectrain_elixir.testpairs.pair import TestPair
from ectrain_elixir.testpairs.stubs import uncompiled

QUARANTINE = "quarantine.jsonl"  # beside a dataset's manifest

State = Literal["right", "compiles", "fails", "weak", "unknown"]
WRONG: frozenset[State] = frozenset({"fails", "weak"})
_AT_ONCE = 200


@attrs.frozen
class Checked:
    """What is known of a pair.

    Attributes:
        pair: The pair.
        state: "right": the code passes the suite and near misses fail it; "compiles": as far as
            tests of LiveViews can be verified here; "fails": the code doesn't pass; "weak": a near
            miss passes; "unknown": it doesn't run by itself, or the sandbox failed.
        message: Why.
    """

    pair: TestPair
    state: State
    message: str = ""


def verified(pairs: Iterable[TestPair], runner: PooledRunner, misses: int = 1) -> Iterator[Checked]:
    """Yield what is known of each pair, in order, after running it.

    Args:
        pairs: What is checked.
        runner: Whose machines run them.
        misses: How many near misses of each are run, too.
    """
    left = iter(pairs)
    while part := list(islice(left, _AT_ONCE)):
        views = [pair for pair in part if pair.kind == "liveview"]
        programs = [(p.code, p.tests, p.test_names) for p in views if p.test_names]
        problems = iter(uncompiled(programs, runner))
        judged = iter(_judged([p for p in part if p.kind != "liveview"], runner, misses))
        for pair in part:
            if pair.kind != "liveview":
                yield next(judged)
            elif pair.test_names:
                yield _compiled(pair, next(problems))
            else:
                yield Checked(pair, "unknown", "the names of its tests can't be read")


def _compiled(pair: TestPair, problem: str | None) -> Checked:
    if problem is None:
        return Checked(pair, "unknown", "the sandbox failed")
    wrong: State = "fails" if pair.family else "unknown"
    return Checked(pair, wrong if problem else "compiles", problem)


def _judged(pairs: Sequence[TestPair], runner: PooledRunner, misses: int) -> list[Checked]:
    codes = [(pair.code, *pair.near_misses[:misses]) for pair in pairs]
    programs = [
        Program(code, pair.tests, pair.test_names)
        for pair, own in zip(pairs, codes, strict=True)
        for code in own
    ]
    verdicts = iter(runner.run_all(programs))
    return [
        _checked(pair, list(islice(verdicts, len(own))))
        for pair, own in zip(pairs, codes, strict=True)
    ]


def _checked(pair: TestPair, verdicts: Sequence[Verdict]) -> Checked:
    """Return what verdicts on the code and then on near misses say."""
    own, *others = verdicts
    lost = [v for v in verdicts if v.status is Status.INFRA]
    if lost:
        return Checked(pair, "unknown", lost[0].message)
    if not own.passed:
        ran = "failed" in own.tests.values() or own.status is not Status.FAILED
        return Checked(pair, "fails" if ran or pair.family else "unknown", own.message)
    if any(verdict.passed for verdict in others):
        return Checked(pair, "weak", "a near miss passes the suite")
    return Checked(pair, "right")


def write_quarantine(folder: Path, checked: Iterable[Checked]) -> int:
    """Write which pairs of a dataset are wrong, so that they are left out; return how many."""
    rows = [
        {"id": each.pair.id, "state": each.state, "message": each.message}
        for each in checked
        if each.state in WRONG
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / QUARANTINE).write_text(text, encoding="utf-8")
    return len(rows)


def read_quarantine(folder: Path) -> frozenset[str]:
    """Return the ids of the pairs of a dataset that are left out.

    Raises:
        DataError: A line can't be read.
    """
    path = folder / QUARANTINE
    if not path.exists():
        return frozenset()
    found = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.add(str(json.loads(line)["id"]))
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{path}:{number}: expected an object with an id") from None
    return frozenset(found)

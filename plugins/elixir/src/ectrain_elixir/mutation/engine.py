"""The mutation engine: what share of a program's mutants does a suite kill?"""

import collections
import concurrent.futures
import functools
import hashlib
import random
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from ectrain.errors import SandboxError
from ectrain_elixir.mutation.operators import OperatorSet, standard
from ectrain_elixir.mutation.score import Mutant, Outcome, Result, Score
from ectrain_elixir.mutation.workshop import Built, LostError, Original, Workshop
from ectrain_elixir.runner import Limits, PooledRunner, find_runner
from ectrain_elixir.runner.stable import cores

_T = TypeVar("_T")
_KNOWN = "defmodule EctrainKnown do\n  def add(a, b), do: a + b\nend\n"
_SUITE = 'defmodule EctrainKnownTest do\n  use ExUnit.Case\n  test "t", do: {}\nend\n'
_EMPTY = _SUITE.replace("{}", "assert true")
_EXACT = _SUITE.replace("{}", "assert {EctrainKnown.add(2, 3), EctrainKnown.add(7, 1)} == {5, 8}")


class Recent:
    """What was asked for lately, by key; the oldest goes first."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, threading.Lock()
        self._kept: collections.OrderedDict[str, object] = collections.OrderedDict()

    def get(self, key: str, make: Callable[[], _T]) -> _T:
        """Return what is kept under a key, made now if there is nothing."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[return-value]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return made


@attrs.frozen
class _Compiled:
    """A program's mutants, and what is compiled of them; it grows with what is asked for."""

    mutants: tuple[Mutant, ...]
    original: Original
    built: dict[int, Built]


class MutationEngine:
    """Scores suites by the mutants that they kill.

    Before its first score, an engine proves itself: a suite that asserts nothing must score 0, an
    exact one 1. With every score, tests that must fail have to fail, the suite has to pass on the
    original before and after, and programs that behave like it must survive.

    Args:
        runner: Whose machines do it, in warm mode; by default this process's.
        operators: Which changes; by default all but Muzak's own.
        sample: Most mutants for a program, drawn by `seed` and the program; None for all.
        seed: Of the sample.
        limits: For the original and its suite.
        programs: How many programs' compiled mutants are kept.
        scores: How many scores are kept.
    """

    def __init__(
        self,
        runner: PooledRunner | None = None,
        operators: OperatorSet | None = None,
        sample: int | None = None,
        seed: int = 0,
        limits: Limits | None = None,
        programs: int = 500,
        scores: int = 5000,
    ) -> None:
        self._runner = runner or find_runner("auto", "warm")
        if self._runner.mode != "warm":
            raise ValueError("mutation needs a runner in warm mode: find_runner(mode='warm')")
        self.operators = operators or standard()
        self._sample, self._seed = sample, seed
        self._workshop = Workshop(self._runner, limits or Limits())
        self._programs, self._scores = Recent(programs), Recent(scores)
        self._proved = False

    def mutants(self, code: str) -> list[Mutant]:
        """Return a program's mutants under this engine's operators, in the order of its text.

        Raises:
            ValueError: If the program is no Elixir.
        """
        try:
            found = self._workshop.mutants(code)
        except LostError as lost:
            raise ValueError(f"no mutants: {lost.message}") from lost
        return [mutant for mutant in found if mutant.operator in self.operators.names]

    def sources(self, code: str, mutants: Sequence[Mutant]) -> list[str]:
        """Return the formatted text of a program, and of each of these mutants.

        Raises:
            ValueError: If the program is no Elixir.
        """
        try:
            return self._workshop.sources(code, [mutant.index for mutant in mutants])
        except LostError as lost:
            raise ValueError(f"no sources: {lost.message}") from lost

    def kill_rate(self, code: str, tests: str) -> Score:
        """Return what a suite is worth on a program; the same again for the same texts.

        Args:
            code: The program.
            tests: One or more ExUnit modules, without `ExUnit.start`.

        Raises:
            SandboxError: If the engine cannot tell an empty suite from an exact one.
        """
        if not self._proved:
            self._prove()
        key = _digest(code, tests)
        score = self._scores.get(key, lambda: self._scored(code, tests))
        if score.status == "infra":
            score = self._scored(code, tests)
        return score

    def kill_rates(
        self,
        pairs: Sequence[tuple[str, str]],
        workers: int | None = None,
        executor: concurrent.futures.Executor | None = None,
    ) -> list[Score]:
        """Return the score of each (code, tests), in the order given.

        Args:
            pairs: Programs and suites.
            workers: How many at once; by default one for each CPU core.
            executor: Where to do it instead of here, each worker with an engine of its own.
        """
        if executor is not None:
            there = functools.partial(_elsewhere, self.operators, self._sample, self._seed)
            return list(executor.map(there, pairs))
        if not self._proved:
            self._prove()
        with concurrent.futures.ThreadPoolExecutor(workers or cores()) as pool:
            return list(pool.map(lambda pair: self.kill_rate(*pair), pairs))

    def _prove(self) -> None:
        plain = MutationEngine(self._runner)
        empty, exact = plain._scored(_KNOWN, _EMPTY), plain._scored(_KNOWN, _EXACT)
        if (empty.value, exact.value) != (0.0, 1.0):
            raise SandboxError(
                f"mutation scores an empty suite {empty.value} and an exact one {exact.value}, "
                f"not 0 and 1 ({empty.message or exact.message}); report it with Elixir's version"
            )
        self._proved = True

    def _scored(self, code: str, tests: str) -> Score:
        try:
            return self._score(code, tests)
        except LostError as lost:
            return Score(status=lost.status, message=lost.message, operators=self.operators.label)

    def _score(self, code: str, tests: str) -> Score:
        try:
            compiled = self._programs.get(_digest(code), lambda: self._compiled(code))
        except LostError as lost:  # a suite has no part in it
            status = lost.status if lost.status in ("infra", "tamper") else "code"
            raise LostError(status, lost.message) from lost
        sites = [m for m in compiled.mutants if m.operator in self.operators.names]
        drawn = self._drawn(code, sites)
        missing = [m.index for m in drawn if m.index not in compiled.built]
        if missing:
            _, built = self._workshop.build(code, missing)
            compiled.built.update(zip(missing, built, strict=True))
        ready = [m for m in drawn if compiled.built[m.index].outcome is None]
        killed = self._killed(compiled, tests, ready)
        results = tuple(_result(m, compiled.built[m.index], killed) for m in drawn)
        score = Score(
            status="scored", results=results, operators=self.operators.label, of=len(sites)
        )
        if score._share(results) is None:
            return attrs.evolve(score, status="no mutants", message="no mutant is valid")
        return score

    def _compiled(self, code: str) -> _Compiled:
        mutants = tuple(self._workshop.mutants(code))
        original, _ = self._workshop.build(code, [])
        return _Compiled(mutants, original, {})

    def _drawn(self, code: str, sites: Sequence[Mutant]) -> list[Mutant]:
        if self._sample is None or self._sample >= len(sites):
            return list(sites)
        rng = random.Random(f"{self._seed} {_digest(code)}")
        return sorted(rng.sample(sites, self._sample), key=lambda mutant: mutant.index)

    def _killed(
        self, compiled: _Compiled, tests: str, ready: Sequence[Mutant]
    ) -> dict[int, tuple[Outcome, str]]:
        """Run a suite on mutants and, hidden among them, on programs that it must not notice."""
        entries: list[tuple[int | None, bytes]]
        entries = [(m.index, compiled.built[m.index].code) for m in ready]
        entries += [(None, code) for code in compiled.original.canaries]
        secrets.SystemRandom().shuffle(entries)
        codes = [code for _, code in entries]
        outcomes = self._workshop.kill(compiled.original.code, tests, codes)
        found: dict[int, tuple[Outcome, str]] = {}
        for (index, _), outcome in zip(entries, outcomes, strict=True):
            if index is not None:
                found[index] = outcome
            elif outcome[0] is not Outcome.SURVIVED:
                text = f"test {outcome[1]!r} fails on a program that behaves like the original"
                raise LostError("cheating", text)
        return found


def _result(mutant: Mutant, built: Built, killed: dict[int, tuple[Outcome, str]]) -> Result:
    if built.outcome is not None:
        return Result(mutant, built.outcome, built.message)
    return Result(mutant, *killed[mutant.index])


def _digest(*texts: str) -> str:
    sha = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()


@functools.cache
def _engine(operators: OperatorSet, sample: int | None, seed: int) -> MutationEngine:
    return MutationEngine(operators=operators, sample=sample, seed=seed)


def _elsewhere(
    operators: OperatorSet, sample: int | None, seed: int, pair: tuple[str, str]
) -> Score:
    return _engine(operators, sample, seed).kill_rate(*pair)

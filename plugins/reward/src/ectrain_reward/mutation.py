"""The share of a program's mutants that a suite kills, as a reward.

`MutationReward().compute(code, tests)` is the entry.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs

from ectrain.errors import ConfigError, SandboxError
from ectrain.structure import between
from ectrain_elixir.mutation import MutationEngine, OperatorSet, Outcome, Score, held_out, standard
from ectrain_elixir.syntax import parses
from ectrain_reward.muzak import MuzakBackend
from ectrain_reward.rating import Backend, Rated
from ectrain_reward.rewards import Answer, Reward

Operators = Literal["learned", "held out", "standard"]

_CODE = "defmodule EctrainCanary do\n  def add(a, b), do: a + b\nend\n"
_SUITE = 'defmodule EctrainCanaryTest do\n  use ExUnit.Case\n  test "t", do: {}\nend\n'
_EMPTY = _SUITE.replace("{}", "assert true")
_EXACT = _SUITE.replace("{}", "assert {EctrainCanary.add(2, 3), EctrainCanary.add(7, 1)} == {5, 8}")
_BROKEN = _SUITE.replace("{}", "assert EctrainCanary.add(2, 3) == 6")


@attrs.frozen
class MutationConfig:
    """Settings of the reward by mutation.

    Attributes:
        backend: "own": the warm engine. "muzak": Muzak in a Mix project, outside the sandbox.
        operators: Of the own engine: "learned", with a third held out to measure with; "held out";
            "standard", all of them.
        sample: Most mutants of a program, the same ones always; 0 for all.
        workers: Suites at once; 0 for one a core.
        muzak: Mix project that has Muzak among its dependencies.
        trusted: Whether what was written may run outside the sandbox; Muzak needs it.
        remembered: Ratings that are kept by content.
    """

    backend: Literal["own", "muzak"] = "own"
    operators: Operators = "learned"
    sample: int = attrs.field(default=0, validator=between(0))
    workers: int = attrs.field(default=0, validator=between(0))
    muzak: str = ""
    trusted: bool = False
    remembered: int = attrs.field(default=50_000, validator=between(1))


class MutationReward(Reward[MutationConfig]):
    """Kill rate: killed / (valid and not equivalent mutants).

    A suite that fails on the true code earns 0, and so does one that doesn't parse or asserts
    nothing. Where no mutant is valid, or the engine itself failed, nothing is known: None.

    Args:
        config: Its settings.
        backend: What mutates; by default as the settings say.
    """

    name = "mutation"
    config_type = MutationConfig

    def __init__(
        self, config: MutationConfig | None = None, backend: Backend | None = None
    ) -> None:
        super().__init__(config or MutationConfig())
        self._given, self._checked = backend, False
        self._known: dict[str, Rated] = {}
        self._lock = threading.Lock()

    def compute(self, code: str, tests: str) -> float | None:
        """Return what a suite is worth on a program, 0 to 1; None where nothing is known.

        Raises:
            SandboxError: The backend can't tell suites apart, or nothing can be run here.
        """
        return self.batch([(code, tests)])[0]

    def batch(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        """Return what each (code, tests) is worth, in the order given.

        Raises:
            SandboxError: As `compute`.
        """
        return [rated.value for rated in self.rated(pairs)]

    def scores(self, answers: Sequence[Answer]) -> list[float | None]:
        """Return what written suites are worth; written code has none here."""
        asked = [(a.code, a.tests) for a in answers if a.writes == "tests"]
        found = iter(self.batch(asked))
        return [next(found) if a.writes == "tests" else None for a in answers]

    def rated(self, pairs: Sequence[tuple[str, str]]) -> list[Rated]:
        """Return what becomes of each (code, tests); texts that were rated before are not again.

        Raises:
            SandboxError: As `compute`.
        """
        keys = [_digest(*pair) for pair in pairs]
        with self._lock:
            new = {k: p for k, p in zip(keys, pairs, strict=True) if k not in self._known}
        told = {k: Rated(0.0, "does not parse") for k, p in new.items() if not parses(p[1])}
        asked = {k: p for k, p in new.items() if k not in told}
        if asked:
            self.check()
            told.update(zip(asked, self._backend().rated(list(asked.values())), strict=True))
        with self._lock:
            self.infra += sum(rated.status.startswith("infra") for rated in told.values())
            found = [told[k] if k in told else self._known[k] for k in keys]
            self._known.update({k: r for k, r in told.items() if not r.status.startswith("infra")})
            while len(self._known) > self.config.remembered:
                del self._known[next(iter(self._known))]
        return found

    def check(self) -> None:
        """Let the backend rate suites whose worth is known, once.

        Raises:
            SandboxError: An empty suite is not worth 0, an exact one 1, or one that fails on the
                true code anything: no score of this backend may be used.
        """
        if self._checked:
            return
        backend = self._backend()
        empty, exact, broken = backend.rated([(_CODE, s) for s in (_EMPTY, _EXACT, _BROKEN)])
        failed = broken.value != 0 or broken.status == "scored"
        if empty.value != 0 or exact.value != 1 or failed:
            raise SandboxError(
                f"mutation by {backend.label} rates a suite that checks nothing "
                f"{_shown(empty)}, an exact one {_shown(exact)} and one that fails on the true "
                f"code {_shown(broken)}, not 0, 1 and invalid: its scores mean nothing here, so "
                "nothing is trained on them"
            )
        self._checked = True

    def _backend(self) -> Backend:
        if self._given is None:
            self._given = made(self.config)
        return self._given


def made(config: MutationConfig) -> Backend:
    """Return the backend that is asked for.

    Raises:
        ConfigError: Muzak is asked for without what it needs.
        SandboxError: Nothing can be run here.
    """
    if config.backend == "own":
        return OwnBackend(operator_set(config.operators), config.sample, config.workers)
    if not config.trusted:
        raise ConfigError(
            "backend muzak runs what was written outside the sandbox; set trusted = true where "
            "that may be, or backend own"
        )
    return MuzakBackend(Path(config.muzak))


def operator_set(name: Operators) -> OperatorSet:
    """Return a choice of operators by its name."""
    if name == "standard":
        return standard()
    learned, measured = held_out()
    return learned if name == "learned" else measured


class OwnBackend:
    """The warm engine.

    Args:
        operators: Which changes.
        sample: Most mutants of a program; 0 for all.
        workers: Suites at once; 0 for one a core.
    """

    def __init__(self, operators: OperatorSet, sample: int = 0, workers: int = 0) -> None:
        self.label = f"the own engine, {operators.label} operators"
        self._engine = MutationEngine(operators=operators, sample=sample or None)
        self._workers = workers or None

    def rated(self, pairs: Sequence[tuple[str, str]]) -> list[Rated]:
        """See `Backend.rated`."""
        scores = self._engine.kill_rates(pairs, self._workers)
        return [_rated(score) for score in scores]


def _rated(score: Score) -> Rated:
    counts = score.counts
    killed, timeouts = counts[Outcome.KILLED], counts[Outcome.TIMEOUT]
    valid = killed + timeouts + counts[Outcome.SURVIVED]
    return Rated(score.value, score.status, killed, timeouts, valid)


def _shown(rated: Rated) -> str:
    if rated.status != "scored":
        return rated.status
    return "not at all" if rated.value is None else f"{rated.value:g}"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()

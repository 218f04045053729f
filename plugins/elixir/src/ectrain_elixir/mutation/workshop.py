"""Talks to a warm worker about mutants: which there are, their code, and which a suite kills."""

import base64
import secrets
from collections.abc import Sequence
from typing import Any

import attrs

from ectrain_elixir.mutation.score import Mutant, Outcome
from ectrain_elixir.runner import Limits, PooledRunner
from ectrain_elixir.runner.pool import canary
from ectrain_elixir.runner.requests import RequestError, ask

_EACH_MS = 500  # least time for one mutant, its compilation or its tests
_AT_ONCE = 40


class LostError(Exception):
    """A request that came to nothing.

    Args:
        status: As in `Score.status`.
        message: Why.
        died: Whether the machine ended, so that any part of the request may be the reason.
    """

    def __init__(self, status: str, message: str, died: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.died = status, message, died


@attrs.frozen
class Built:
    """Compiled code, or what became of a mutant instead (then `code` is empty)."""

    outcome: Outcome | None
    code: bytes = b""
    message: str = ""


@attrs.frozen
class Original:
    """A program as it is, and as others that behave alike."""

    code: bytes
    canaries: tuple[bytes, ...]


class Workshop:
    """Requests about mutants.

    Args:
        runner: Whose machines do it; a warm one.
        limits: For the original and its suite; each mutant has ten times the suite's time.
    """

    def __init__(self, runner: PooledRunner, limits: Limits) -> None:
        self._runner, self._limits = runner, limits

    def mutants(self, code: str) -> list[Mutant]:
        """Return all mutants of a program.

        Raises:
            LostError: The program is no Elixir, or nothing is known.
        """
        found = self._asked("mutants", [code])["found"]
        return [Mutant(index, *site) for index, site in enumerate(found)]

    def sources(self, code: str, indexes: Sequence[int]) -> list[str]:
        """Return the formatted text of the original, and of each mutant asked for.

        Raises:
            LostError: As `mutants`.
        """
        texts: list[str] = self._asked("show", [code, *map(str, indexes)])["found"]
        return texts

    def build(self, code: str, indexes: Sequence[int]) -> tuple[Original, list[Built]]:
        """Compile the original and mutants; a mutant under which the machine dies is an error.

        Raises:
            LostError: The original does not compile, or nothing is known.
        """
        mark = str(secrets.randbelow(1 << 40))
        fields = [code, mark, str(_EACH_MS), *map(str, indexes)]
        try:
            answer = self._asked("build", fields, len(indexes) + 3)
        except LostError as lost:
            if not lost.died or not indexes:
                raise
            return self._build_parts(code, indexes)
        original, *rest = answer["found"]
        number = answer["canaries"]
        canaries = [_built(one) for one in rest[:number]]
        codes = tuple(one.code for one in canaries if one.code)
        return Original(_code(original[1]), codes), [_built(one) for one in rest[number:]]

    def _build_parts(self, code: str, indexes: Sequence[int]) -> tuple[Original, list[Built]]:
        original, _ = self.build(code, [])
        if len(indexes) == 1:
            return original, [Built(Outcome.ERROR, message="the compiler died")]
        middle = len(indexes) // 2
        first, second = self.build(code, indexes[:middle]), self.build(code, indexes[middle:])
        return original, [*first[1], *second[1]]

    def kill(
        self, original: bytes, tests: str, mutants: Sequence[bytes]
    ) -> list[tuple[Outcome, str]]:
        """Run a suite against compiled mutants; return each one's outcome and the test that did it.

        Raises:
            LostError: The suite does not pass on the original, it cheats, or nothing is known.
        """
        found: list[tuple[Outcome, str]] = []
        for at in range(0, max(len(mutants), 1), _AT_ONCE):
            found += self._kill(original, tests, mutants[at : at + _AT_ONCE])
        return found

    def _kill(
        self, original: bytes, tests: str, mutants: Sequence[bytes]
    ) -> list[tuple[Outcome, str]]:
        traps = canary([f"c{secrets.token_hex(6)}" for _ in range(3)])
        suite_ms = str(round(1000 * self._limits.cpu_s))
        head: list[str | bytes] = [tests, "auto", traps, suite_ms, str(_EACH_MS)]
        fields = [*head, original, *mutants]
        try:
            found = self._asked("kill", fields, len(mutants) + 3)["found"]
        except LostError as lost:
            if not lost.died or not mutants:
                raise
            return self._kill_parts(original, tests, mutants)
        return [(Outcome(state), text) for state, text in found]

    def _kill_parts(
        self, original: bytes, tests: str, mutants: Sequence[bytes]
    ) -> list[tuple[Outcome, str]]:
        """Find the mutant under which the machine died; without any, it is the suite."""
        if len(mutants) == 1:
            self._kill(original, tests, [])
            return [(Outcome.ERROR, "the virtual machine ended")]
        middle = len(mutants) // 2
        first = self._kill(original, tests, mutants[:middle])
        return first + self._kill(original, tests, mutants[middle:])

    def _asked(self, kind: str, fields: Sequence[str | bytes], steps: int = 1) -> dict[str, Any]:
        # A backstop: the machine itself gives each step its time.
        cpu_s = (1 + 2 * steps) * max(self._limits.cpu_s, _EACH_MS / 1000)
        limits = attrs.evolve(self._limits, cpu_s=cpu_s, wall_s=5 * cpu_s)
        try:
            return ask(self._runner, kind, fields, limits)
        except RequestError as error:
            raise LostError(_status(error), error.message, error.died) from error


def _status(error: RequestError) -> str:
    if error.phase == "suite":
        return error.kind if error.kind in ("unstable", "no tests") else "failing"
    if error.phase in ("infra", "timeout", "memory", "crash"):
        return error.phase
    return "code" if error.phase == "candidate" else "tamper"


def _built(pair: Sequence[str]) -> Built:
    state, text = pair
    if state == "built":
        return Built(None, _code(text))
    return Built(Outcome(state), message=text if state == "invalid" else "")


def _code(text: str) -> bytes:
    return base64.b64decode(text)

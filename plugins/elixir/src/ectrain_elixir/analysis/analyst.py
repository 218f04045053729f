"""Ask Elixir's parser and formatter, in the sandbox, a millisecond a file."""

from typing import Any

from ectrain_elixir.analysis.facts import Facts, ParseError, facts_of
from ectrain_elixir.runner import Limits, PooledRunner, find_runner
from ectrain_elixir.runner.requests import RequestError, ask


class Analyst:
    """Answers questions about the text of files.

    Args:
        runner: Whose machines do it; by default this process's, in warm mode.
        limits: For one file.
    """

    def __init__(self, runner: PooledRunner | None = None, limits: Limits | None = None) -> None:
        self._runner = runner or find_runner("auto", "warm")
        self._limits = limits or Limits()

    def facts(self, code: str) -> Facts:
        """Return what a file defines and calls.

        Raises:
            ParseError: If it is no Elixir.
            RequestError: If the machine does not answer.
        """
        return facts_of(self._asked("analyse", code))

    def valid(self, code: str) -> bool:
        """Return whether Elixir's parser accepts a file."""
        try:
            self._asked("analyse", code)
        except ParseError:
            return False
        return True

    def formatted(self, code: str) -> str:
        """Return a file as `mix format` would write it.

        Raises:
            ParseError: If it is no Elixir.
            RequestError: If the machine does not answer.
        """
        text: str = self._asked("format", code)
        return text

    def _asked(self, kind: str, code: str) -> Any:
        try:
            return ask(self._runner, kind, [code], self._limits)["found"]
        except RequestError as error:
            if error.phase != "parse":
                raise
            found = error.answer
            raise ParseError(error.message, found["line"], found["column"]) from error

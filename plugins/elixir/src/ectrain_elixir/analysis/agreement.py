"""How often the parser without Elixir and Elixir's own agree on what is valid."""

from collections.abc import Iterable

import attrs

from ectrain_elixir.analysis.analyst import Analyst
from ectrain_elixir.syntax import parses


@attrs.frozen
class Agreement:
    """Texts by what tree-sitter and Elixir say.

    Args:
        both: Valid for both.
        neither: Valid for neither.
        only_tree_sitter: What Elixir rejects and tree-sitter takes.
        only_elixir: What tree-sitter rejects and Elixir takes.
    """

    both: int
    neither: int
    only_tree_sitter: tuple[str, ...]
    only_elixir: tuple[str, ...]

    @property
    def rate(self) -> float | None:
        """The share of texts on which they agree, None without any."""
        agreed = self.both + self.neither
        every = agreed + len(self.only_tree_sitter) + len(self.only_elixir)
        return agreed / every if every else None


def agreement(texts: Iterable[str], analyst: Analyst | None = None) -> Agreement:
    """Return how the two parsers judge texts."""
    analyst = analyst or Analyst()
    found: dict[tuple[bool, bool], list[str]] = {}
    for text in texts:
        found.setdefault((parses(text), analyst.valid(text)), []).append(text)
    return Agreement(
        both=len(found.get((True, True), [])),
        neither=len(found.get((False, False), [])),
        only_tree_sitter=tuple(found.get((True, False), [])),
        only_elixir=tuple(found.get((False, True), [])),
    )

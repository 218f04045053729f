"""Explanations: why Credo or Sobelow reports a line, and passages to look that up in.

`explanations(split, size, seed)` gives code, issue, lines and an explanation with its reasoning;
`PASSAGES` is the corpus for retrieval, one passage for every check and finding.
"""

from ectrain_elixir.explanations.examples import Explanation, explanations, gives_away
from ectrain_elixir.explanations.passages import PASSAGES, Passage, passage
from ectrain_elixir.explanations.places import Place, place_of

__all__ = [
    "PASSAGES",
    "Explanation",
    "Passage",
    "Place",
    "explanations",
    "gives_away",
    "passage",
    "place_of",
]

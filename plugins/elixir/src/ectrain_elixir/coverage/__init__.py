"""Which lines, clauses and functions of an Elixir program its tests reach, and which test does.

`measure(code, tests)` is the entry. Counters are put into the program's tree and read after each
test, which costs a fifth of what Erlang's `:cover` costs. What is measured is what the program did,
not whether it was right; a hostile program can reach its own counters, so no reward stands on this.
"""

from ectrain_elixir.coverage.measure import CoverageError, measure
from ectrain_elixir.coverage.model import Coverage, Point, Share

__all__ = ["Coverage", "CoverageError", "Point", "Share", "measure"]

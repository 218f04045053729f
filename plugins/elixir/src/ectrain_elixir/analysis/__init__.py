"""What Elixir's own parser says about a file: is it valid, what does it define, what does it call?

`Analyst` asks a warm sandboxed worker; nothing is compiled or run. `ectrain_elixir.syntax` answers
some of it without Elixir on the machine, less exactly: `agreement` measures how exactly.
"""

from ectrain_elixir.analysis.agreement import Agreement, agreement
from ectrain_elixir.analysis.analyst import Analyst
from ectrain_elixir.analysis.facts import Facts, Function, Module, ParseError, Typed

__all__ = [
    "Agreement",
    "Analyst",
    "Facts",
    "Function",
    "Module",
    "ParseError",
    "Typed",
    "agreement",
]

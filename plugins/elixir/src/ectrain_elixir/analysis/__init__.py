"""What Elixir's own parser says about a file: is it valid, what does it define, what does it call?

`Analyst` asks a warm sandboxed worker; nothing is compiled or run. `ectrain_elixir.syntax` answers
whether a text is valid without Elixir on the machine, and `outline` what it defines and calls, less
exactly: `agreement` and `compared` measure how exactly.
"""

from ectrain_elixir.analysis.agreement import Agreement, agreement
from ectrain_elixir.analysis.analyst import Analyst
from ectrain_elixir.analysis.facts import Facts, Function, Module, ParseError, Typed
from ectrain_elixir.analysis.outline import Compared, compared, outline

__all__ = [
    "Agreement",
    "Analyst",
    "Compared",
    "Facts",
    "Function",
    "Module",
    "ParseError",
    "Typed",
    "agreement",
    "compared",
    "outline",
]

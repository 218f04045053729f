"""Real tools of Elixir projects: read what they print, and run them where they are installed.

Credo, Sobelow, `mix test --cover` and Muzak. Readers take saved output as well, so a machine
without Elixir can use what another one wrote. A tool executes the project that it is run in: only
run it in projects that you trust.
"""

from ectrain_elixir.tools.cover import FileCoverage, read_cover
from ectrain_elixir.tools.credo import Issue, read_credo
from ectrain_elixir.tools.mix import Tool, ToolRun, find_tool, run_tool
from ectrain_elixir.tools.muzak import MuzakReport, muzak_rate, read_muzak
from ectrain_elixir.tools.sarif import SarifResult, read_sarif
from ectrain_elixir.tools.sobelow import Sighting, read_sobelow

__all__ = [
    "FileCoverage",
    "Issue",
    "MuzakReport",
    "SarifResult",
    "Sighting",
    "Tool",
    "ToolRun",
    "find_tool",
    "muzak_rate",
    "read_cover",
    "read_credo",
    "read_muzak",
    "read_sarif",
    "read_sobelow",
    "run_tool",
]

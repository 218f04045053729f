"""Clean and violating twins for Credo's checks: files that differ in one place."""

from ectrain_elixir.violations.files import File
from ectrain_elixir.violations.forms import CHECKED
from ectrain_elixir.violations.snippets import Snippet, snippets

__all__ = ["CHECKED", "File", "Snippet", "snippets"]

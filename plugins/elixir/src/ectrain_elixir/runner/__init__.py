"""Run Elixir programs with their ExUnit tests, sandboxed, with verdicts that are proved."""

from ectrain_elixir.runner.engine import FreshRunner, availability, find_runner
from ectrain_elixir.runner.model import (
    Availability,
    Limits,
    Program,
    Runner,
    Status,
    Verdict,
)

__all__ = [
    "Availability",
    "FreshRunner",
    "Limits",
    "Program",
    "Runner",
    "Status",
    "Verdict",
    "availability",
    "find_runner",
]

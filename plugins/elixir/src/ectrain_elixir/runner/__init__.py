"""Run Elixir programs with their ExUnit tests, sandboxed, with verdicts that are proved."""

from ectrain_elixir.runner.engine import availability, find_runner
from ectrain_elixir.runner.model import (
    Availability,
    Limits,
    Program,
    Runner,
    Status,
    Verdict,
    limits_for,
)
from ectrain_elixir.runner.pool import PooledRunner

__all__ = [
    "Availability",
    "Limits",
    "PooledRunner",
    "Program",
    "Runner",
    "Status",
    "Verdict",
    "availability",
    "find_runner",
    "limits_for",
]

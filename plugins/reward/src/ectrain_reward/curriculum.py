"""The curriculum of a run that is rewarded: `ectrain run --curriculum reward`."""

from __future__ import annotations

CURRICULUM = """
reference = "reward"

[[phases]]
name = "reward"
epochs = 20
shares.reward = 2.0
guard = {}
"""


def curriculum() -> str:
    """Return it as TOML: rounds of samples, with the other tasks beside them."""
    return CURRICULUM

"""The reward task keeps the contract that every task keeps."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ectrain.testing import task_contract
from ectrain_reward import RewardConfig, RewardTask
from ectrain_reward.mutation import OwnBackend
from ectrain_reward.rating import Rated

SMALL = RewardConfig(size=64, prompts=2, samples=2, max_tokens=400, max_new_tokens=8)


@pytest.fixture(autouse=True)
def _no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let suites be rated by their length: other tests have the engine."""

    def rated(self: OwnBackend, pairs: Sequence[tuple[str, str]]) -> list[Rated]:
        if "EctrainCanary" in pairs[0][0]:
            return [Rated(0.0), Rated(1.0), Rated(0.0, "failing")]
        return [Rated(len(tests) % 7 / 7) for _, tests in pairs]

    monkeypatch.setattr(OwnBackend, "__init__", lambda self, *given: None)
    monkeypatch.setattr(OwnBackend, "rated", rated)
    monkeypatch.setattr(OwnBackend, "label", "a fake", raising=False)


test_contract = task_contract(RewardTask(SMALL), examples=8)

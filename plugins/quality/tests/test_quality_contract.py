"""The quality task keeps the contract that every task keeps."""

from __future__ import annotations

from ectrain.testing import task_contract
from ectrain_quality import QualityConfig, QualityTask

test_contract = task_contract(QualityTask(QualityConfig(size=64, frozen_examples=16)))

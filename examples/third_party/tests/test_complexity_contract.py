"""The complexity task keeps the contract that every task keeps."""

from __future__ import annotations

from ectrain.testing import task_contract
from ectrain_complexity import ComplexityConfig, ComplexityTask

test_contract = task_contract(ComplexityTask(ComplexityConfig(size=64)))

"""The security task keeps the contract that every task keeps."""

from __future__ import annotations

from ectrain.testing import task_contract
from ectrain_security import SecurityConfig, SecurityTask

test_contract = task_contract(SecurityTask(SecurityConfig(size=64, frozen_examples=16)))

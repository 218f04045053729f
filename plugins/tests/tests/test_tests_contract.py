"""The tests task keeps the contract that every task keeps."""

from __future__ import annotations

from ectrain.testing import task_contract
from ectrain_tests import TestsConfig, TestsTask

test_contract = task_contract(TestsTask(TestsConfig(size=96, max_tokens=128)))

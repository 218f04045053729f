"""The codegen task keeps the contract that every task keeps."""

from __future__ import annotations

from ectrain.testing import task_contract
from ectrain_codegen import CodegenConfig, CodegenTask

test_contract = task_contract(CodegenTask(CodegenConfig(size=64, adapter=4)))

"""The contract that every task keeps, as tests: first-party and third-party plugins run the same.

In a plugin's test file::

    from ectrain.testing import task_contract
    from my_plugin import MyConfig, MyTask

    test_contract = task_contract(MyTask(MyConfig(size=64)))

Each law is one parametrised test; its docstring says what is promised.
"""

from ectrain.testing.contract import LAWS, Law, task_contract
from ectrain.testing.subject import Subject

__all__ = ["LAWS", "Law", "Subject", "task_contract"]

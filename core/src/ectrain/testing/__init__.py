"""What tests of a task are made of: the contract, small models, and ways to draw input.

In a plugin's test file::

    from ectrain.testing import task_contract
    from my_plugin import MyConfig, MyTask

    test_contract = task_contract(MyTask(MyConfig(size=64)))

Each law is one parametrised test; its docstring says what is promised, its message what to change.
`ectrain.testing.strategies` draws segments, packs, curricula, settings and names for tests with
Hypothesis. Tests need the extra `ectrain[testing]`.
"""

from ectrain.testing.balancers import BALANCER_LAWS, BalancerSubject, balancer_contract
from ectrain.testing.contract import LAWS, Finding, check_law, findings, held_to, task_contract
from ectrain.testing.law import BrokenLawError, Law, NotApplicable
from ectrain.testing.neighbour import Neighbour
from ectrain.testing.observer import observer_contract
from ectrain.testing.optimizers import optimizer_contract
from ectrain.testing.steps import overfit_one_batch, run_one_step
from ectrain.testing.subject import Subject
from ectrain.testing.trunk import tiny_shape, tiny_trunk

__all__ = [
    "BALANCER_LAWS",
    "LAWS",
    "BalancerSubject",
    "BrokenLawError",
    "Finding",
    "Law",
    "Neighbour",
    "NotApplicable",
    "Subject",
    "balancer_contract",
    "check_law",
    "findings",
    "held_to",
    "observer_contract",
    "optimizer_contract",
    "overfit_one_batch",
    "run_one_step",
    "task_contract",
    "tiny_shape",
    "tiny_trunk",
]

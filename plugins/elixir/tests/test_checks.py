"""The table of checks: which there are, why some are no label, and the order of labels."""

from __future__ import annotations

import hashlib

import pytest

from ectrain.errors import DataError
from ectrain_elixir.checks import CHECKS, LABELS_VERSION, SNIPPET_CHECKS, check

# What heads trained with version 1 mean by their outputs. A change of it needs a new version.
ORDER_1 = "843bfd9be828b7a5"


def test_the_order_of_labels_belongs_to_their_version() -> None:
    """Version 1 has these 76 labels in this order: what is learned is stored by place."""
    order = "\n".join(c.id for c in SNIPPET_CHECKS)
    assert LABELS_VERSION == 1
    assert hashlib.sha256(order.encode()).hexdigest()[:16] == ORDER_1


def test_all_checks_of_credo_are_there() -> None:
    """Credo 1.7.9 has 107 checks of five categories, 67 of them on by default; ids are unique."""
    assert len({c.id for c in CHECKS}) == len(CHECKS) == 107
    assert sum(c.default for c in CHECKS) == 67
    assert {c.category for c in SNIPPET_CHECKS} == {"design", "readability", "refactor", "warning"}


def test_a_check_is_a_label_or_has_a_reason() -> None:
    """What is no label says why."""
    assert all(c.snippet != bool(c.why_not) for c in CHECKS)


def test_unknown_checks_are_named() -> None:
    """An id that does not exist is refused with the nearest one that does."""
    assert check("Readability.WithCustomTaggedTuple").category == "warning"
    with pytest.raises(DataError, match=r"unknown check 'Refactor.Nestin'; did you mean 'Refactor"):
        check("Refactor.Nestin")

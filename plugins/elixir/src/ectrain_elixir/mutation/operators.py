"""The operators of mutation: what may be changed in a program, one class each.

The example in a class's docstring is checked: its left side has the right side among its mutants.
The changes themselves are made in the virtual machine (`runner/beam/mutate_*.ex`), under the name
that `Operator.name` derives from the class.
"""

import re
from collections.abc import Iterable
from typing import ClassVar

import attrs


class Operator:
    """A kind of change; subclasses say which, with an example.

    Attributes:
        group: What it changes: "literals", "operators", "conditions", "removals", "calls",
            "results" or "names".
        muzak: Whether Muzak 1.1.1 has it.
    """

    group: ClassVar[str]
    muzak: ClassVar[bool] = False

    @classmethod
    def name(cls) -> str:
        """Return the name that the virtual machine knows."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def example(cls) -> tuple[str, str]:
        """Return the code of the docstring before and after the change."""
        before, after = re.findall(r"`([^`]+)`", cls.__doc__ or "")
        return before, after


def operators() -> dict[str, type[Operator]]:
    """Return every operator by name, in the order of the catalogue."""
    import ectrain_elixir.mutation.catalogue  # noqa: F401 - defines operators

    return {kind.name(): kind for group in Operator.__subclasses__() for kind in _leaves(group)}


def _leaves(kind: type[Operator]) -> list[type[Operator]]:
    below = kind.__subclasses__()
    return [leaf for one in below for leaf in _leaves(one)] if below else [kind]


@attrs.frozen
class OperatorSet:
    """A choice of operators.

    Args:
        label: What it is called in results.
        names: Names of operators.
    """

    label: str
    names: frozenset[str]

    def __attrs_post_init__(self) -> None:
        """Refuse names that no operator has.

        Raises:
            ValueError: With the names there are.
        """
        unknown = sorted(self.names - operators().keys())
        if unknown:
            known = ", ".join(operators())
            raise ValueError(f"there is no operator {unknown[0]!r}; there are: {known}")


def chosen(label: str, names: Iterable[str]) -> OperatorSet:
    """Return a set of operators."""
    return OperatorSet(label, frozenset(names))


def standard() -> OperatorSet:
    """Return all operators but Muzak's own renaming and random values: the default."""
    muzak = {name for name, kind in operators().items() if kind.muzak}
    return chosen("standard", operators().keys() - muzak)


def muzak() -> OperatorSet:
    """Return the three mutators of Muzak 1.1.1."""
    return chosen("muzak", (name for name, kind in operators().items() if kind.muzak))


def held_out() -> tuple[OperatorSet, OperatorSet]:
    """Return (to learn from, to measure with): of each group, every third is to measure with.

    A model that is rewarded on the first set cannot learn the second by heart.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(standard().names):
        groups.setdefault(operators()[name].group, []).append(name)
    measured = {name for names in groups.values() for name in names[1::3]}
    return (
        chosen("learned", standard().names - measured),
        chosen("held out", measured),
    )

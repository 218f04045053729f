"""Families of recursion that branches: into trees and into lists of lists."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import Maker, composed, of, picked, said, told
from ectrain_elixir.katas.gathers import WAYS, gather
from ectrain_elixir.katas.kata import Draft, Step


def trees(rng: random.Random) -> Draft:
    """A fold over a binary tree of `{left, value, right}` and `nil`."""
    name = rng.choice(("fold", "visit", "walk"))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, (gather,)]
    chosen = picked(rng, pools)

    def branches(made: Sequence[Step]) -> tuple[str, str, str]:
        condition, change, way = made
        rest = WAYS[way.kind].one.replace("V", of(change, "v")).replace("R", f"{name}(right)")
        both = WAYS[way.kind].two.replace("L", f"{name}(left)")
        return (of(condition, "v"), both.replace("R", rest), both.replace("R", f"{name}(right)"))

    def clauses(made: Sequence[Step]) -> list[str]:
        condition, kept, dropped = branches(made)
        return [
            f"def {name}(nil), do: {WAYS[made[2].kind].empty}",
            f"def {name}({{left, v, right}}) when {condition}, do: {kept}",
            f"def {name}({{left, _, right}}), do: {dropped}",
        ]

    def cases(made: Sequence[Step]) -> list[str]:
        condition, kept, dropped = branches(made)
        return [
            f"def {name}(tree) do",
            "  case tree do",
            f"    nil -> {WAYS[made[2].kind].empty}",
            f"    {{left, v, right}} when {condition} -> {kept}",
            f"    {{left, _, right}} -> {dropped}",
            "  end",
            "end",
        ]

    def values(tree: Any) -> list[int]:
        return [] if tree is None else [*values(tree[0]), tree[1], *values(tree[2])]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way = made
        return way.run([change.run(v) for v in values(arguments[0]) if condition.run(v)])

    def grown(depth: int) -> Any:
        if depth == 0 or (depth < 3 and rng.random() < 0.25):
            return None
        return grown(depth - 1), rng.randint(-6, 15), grown(depth - 1)

    condition, change, way = chosen
    return composed(
        rng,
        chosen,
        pools,
        (clauses, cases),
        request=said(
            [
                f"takes from a tree of {{left, value, right}} or nil the values that are "
                f"{condition.say}",
                told(change, "each"),
                way.say,
            ]
        ),
        spec="(tuple() | nil) :: term()",
        head=None,
        run=run,
        inputs=((grown(3),), (grown(3),), ((None, rng.randint(0, 9), None),), (None,)),
    )


def nested(rng: random.Random) -> Draft:
    """Recursion into lists of lists; or `List.flatten`."""
    name = rng.choice(("deep", "inside", "flat"))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, (gather,)]
    chosen = picked(rng, pools)

    def clauses(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        both = WAYS[way.kind].two.replace("L", f"{name}(h)").replace("R", f"{name}(t)")
        one = WAYS[way.kind].one.replace("V", of(change, "h")).replace("R", f"{name}(t)")
        return [
            f"def {name}([]), do: {WAYS[way.kind].empty}",
            f"def {name}([h | t]) when is_list(h), do: {both}",
            f"def {name}([h | t]) when {of(condition, 'h')}, do: {one}",
            f"def {name}([_ | t]), do: {name}(t)",
        ]

    def flat(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        lines = [
            f"def {name}(lists) do",
            "  lists",
            "  |> List.flatten()",
            f"  |> Enum.filter(&({of(condition, '&1')}))",
            f"  |> Enum.map(&({of(change, '&1')}))",
        ]
        return [*lines, *([f"  {WAYS[way.kind].fold}"] if WAYS[way.kind].fold else []), "end"]

    def values(found: Any) -> list[int]:
        return [v for x in found for v in (values(x) if isinstance(x, list) else [x])]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way = made
        return way.run([change.run(v) for v in values(arguments[0]) if condition.run(v)])

    def grown(depth: int) -> list[Any]:
        some: list[Any] = [rng.randint(-6, 15) for _ in range(rng.randint(1, 3))]
        if depth:
            some.insert(rng.randrange(len(some) + 1), grown(depth - 1))
        return some

    condition, change, way = chosen
    return composed(
        rng,
        chosen,
        pools,
        (clauses, flat),
        request=said(
            [
                f"takes from lists within lists the numbers that are {condition.say}",
                told(change, "each"),
                way.say,
            ]
        ),
        spec="(list()) :: term()",
        head=None,
        run=run,
        inputs=((grown(2),), (grown(3),), ([],)),
    )

"""Families of state: an agent that is updated, a server's calls, a server's inbox."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    choice_of,
    composed,
    drawn,
    of,
    picked,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.values import Atom, integers, literal

answer = choice_of(
    {
        "new": ("returns what it is then", "new", lambda old, new: new),
        "old": ("returns what it was before", "old", lambda old, new: old),
        "both": ("returns {before, after}", "{old, new}", lambda old, new: (old, new)),
        "change": ("returns by how much it grew", "new - old", lambda old, new: new - old),
    }
)


def agents(rng: random.Random, length: int | None = None) -> Draft:
    """The number that an agent holds, changed; and what is returned."""
    count = length - 1 if length else rng.choice((1, 2, 2))
    chosen = [*drawn(rng, steps.TRANSFORMS, count, distinct=length is None), answer(rng)]
    pools: list[Sequence[Maker]] = [*[steps.TRANSFORMS] * count, (answer,)]

    def changes(made: Sequence[Step]) -> list[str]:
        lines = [f"new = {of(made[0], 'old')}"]
        return [*lines, *(f"new = {of(step, 'new')}" for step in made[1:-1])]

    def at_once(made: Sequence[Step]) -> list[str]:
        lines = [f"  {line}" for line in (*changes(made), f"{{{made[-1].code}, new}}")]
        return ["Agent.get_and_update(pid, fn old ->", *lines, "end)"]

    def in_turn(made: Sequence[Step]) -> list[str]:
        update = "Agent.update(pid, fn _ -> new end)"
        return ["old = Agent.get(pid, & &1)", *changes(made), update, made[-1].code]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        new = through(made[:-1], arguments[0])
        return made[-1].run(arguments[0], new), new

    def call(function: str, values: tuple[Any, ...]) -> list[str]:
        start = f"{{:ok, pid}} = Agent.start_link(fn -> {values[0]} end)"
        return [start, f"{{{function}(pid), Agent.get(pid, & &1)}}"]

    said = ", then ".join(told(step, "the number in an agent") for step in chosen[:-1])
    return composed(
        rng,
        chosen,
        pools,
        (at_once, in_turn),
        request=f"{said[0].upper()}{said[1:]}, then {chosen[-1].say}.",
        spec="(pid()) :: term()",
        head="(pid)",
        run=run,
        inputs=tuple((n,) for n in rng.sample(range(-6, 16), 4)),
        call=call,
    )


def servers(rng: random.Random) -> Draft:
    """The calls that a server answers, which change its number."""
    one, other = rng.sample(("bump", "flip", "grow", "trim", "shift", "step"), 2)
    pools: list[Sequence[Maker]] = [steps.TRANSFORMS, steps.TRANSFORMS, (answer,)]
    chosen = [*drawn(rng, steps.TRANSFORMS, 2), answer(rng)]

    def clauses(made: Sequence[Step]) -> list[str]:
        lines = ["@impl true"]
        for tag, step in ((one, made[0]), (other, made[1])):
            head = f"def handle_call(:{tag}, _from, old) do"
            lines += [
                head,
                f"  new = {of(step, 'old')}",
                f"  {{:reply, {made[2].code}, new}}",
                "end",
            ]
            lines += [""] if tag == one else []
        return lines

    def cases(made: Sequence[Step]) -> list[str]:
        return [
            "@impl true",
            "def handle_call(message, _from, old) do",
            "  new =",
            "    case message do",
            f"      :{one} -> {of(made[0], 'old')}",
            f"      :{other} -> {of(made[1], 'old')}",
            "    end",
            "",
            f"  {{:reply, {made[2].code}, new}}",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        state, *messages = arguments
        replies = []
        for message in messages:
            new = made[message == other].run(state)
            replies.append(made[2].run(state, new))
            state = new
        return replies

    def call(function: str, values: tuple[Any, ...]) -> list[str]:
        module = function.rpartition(".")[0]
        start = f"{{:ok, pid}} = GenServer.start_link({module}, {values[0]})"
        calls = ", ".join(f"GenServer.call(pid, {literal(tag)})" for tag in values[1:])
        return [start, f"[{calls}]"]

    return composed(
        rng,
        chosen,
        pools,
        (clauses, cases),
        request=f"Answers calls to a server whose state is a number: :{one} "
        f"{told(chosen[0], 'it')}; :{other} {told(chosen[1], 'it')}; each {chosen[2].say}.",
        preamble=("use GenServer", "", "@impl true", "def init(n), do: {:ok, n}", ""),
        spec="(atom(), GenServer.from(), integer()) :: {:reply, term(), integer()}",
        head=None,
        run=run,
        inputs=tuple(
            (rng.randint(-5, 12), *(Atom(tag) for tag in tags))
            for tags in ((one, other, one), (other, one), (one,), (other,))
        ),
        call=call,
    )


place = choice_of(
    {
        "front": ("puts it in front", "[{} | items]", lambda items, x: [x, *items]),
        "end": ("puts it at the end", "items ++ [{}]", lambda items, x: [*items, x]),
    }
)


def inboxes(rng: random.Random) -> Draft:
    """The casts that a server takes into a list, some of them and changed; a call reads it."""
    tag = rng.choice(("add", "put", "store", "note"))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, (place,)]
    chosen = picked(rng, pools)

    def clauses(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        return [
            "@impl true",
            f"def handle_cast({{:{tag}, x}}, items) when {of(condition, 'x')} do",
            f"  {{:noreply, {way.code.format(of(change, 'x'))}}}",
            "end",
            "",
            f"def handle_cast({{:{tag}, _}}, items), do: {{:noreply, items}}",
        ]

    def branch(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        return [
            "@impl true",
            f"def handle_cast({{:{tag}, x}}, items) do",
            f"  if {of(condition, 'x')} do",
            f"    {{:noreply, {way.code.format(of(change, 'x'))}}}",
            "  else",
            "    {:noreply, items}",
            "  end",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way = made
        items: list[int] = []
        for x in arguments[0]:
            items = way.run(items, change.run(x)) if condition.run(x) else items
        return items

    def call(function: str, values: tuple[Any, ...]) -> list[str]:
        module = function.rpartition(".")[0]
        return [
            f"{{:ok, pid}} = GenServer.start_link({module}, [])",
            f"Enum.each({literal(values[0])}, &GenServer.cast(pid, {{:{tag}, &1}}))",
            "GenServer.call(pid, :all)",
        ]

    condition, change, way = chosen
    return composed(
        rng,
        chosen,
        pools,
        (clauses, branch),
        request=f"Takes {{:{tag}, x}} into a server's list if x is {condition.say}, after it "
        f"{told(change, 'it')}: {way.say}.",
        preamble=(
            "use GenServer", "", "@impl true", "def init(items), do: {:ok, items}", "",
            "@impl true", "def handle_call(:all, _from, items), do: {:reply, items, items}", "",
        ),
        spec="({atom(), integer()}, [integer()]) :: {:noreply, [integer()]}",
        head=None,
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
        call=call,
    )  # fmt: skip

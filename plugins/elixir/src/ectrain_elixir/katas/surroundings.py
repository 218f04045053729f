"""More katas that need facts: a behaviour's callback, the shape of a result, a server's message."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import Maker, composed, drawn, of, piped, through, told
from ectrain_elixir.katas.facts import FUNCTIONS, MOST_OTHERS, OWNERS, RULES
from ectrain_elixir.katas.kata import Draft, Fact, Step
from ectrain_elixir.katas.values import Atom

BEHAVIOURS = ("Pricing", "Routing", "Scoring", "Ranking", "Rating", "Sizing")
SERVERS = ("Vault", "Clock", "Radio", "Kiosk", "Valve", "Scale")
ALIASES = ("result", "outcome", "answer", "reply", "output")
WRONG = "GenServer.call({:value, n})"  # no server here handles it
RAISES = Atom("raises")  # what no expected result is


def _changes(rng: random.Random) -> tuple[list[Step], list[Sequence[Maker]]]:
    count = rng.choice((1, 2, 2, 3))
    return drawn(rng, steps.TRANSFORMS, count), [steps.TRANSFORMS] * count


def _mixed(rng: random.Random, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    return tuple(rng.sample(facts, len(facts)))


def _numbers(rng: random.Random) -> tuple[tuple[Any, ...], ...]:
    return tuple((n,) for n in rng.sample(range(-6, 16), 4))


def callbacks(rng: random.Random, level: int) -> Draft:
    """The callback of a behaviour: facts tell its name.

    Level 1 names the behaviour; level 2 a module that implements it.
    """
    count = 1 + rng.randint(0, MOST_OTHERS)
    names, functions = rng.sample(BEHAVIOURS, count), rng.sample(FUNCTIONS, count)
    owners = rng.sample(OWNERS, count)
    chosen, pools = _changes(rng)
    facts = [Fact(b, "definesCallback", f"{f}/1") for b, f in zip(names, functions, strict=True)]
    needed = facts[:1]
    if level == 2:
        facts += [Fact(o, "implementsBehaviour", b) for o, b in zip(owners, names, strict=True)]
        needed = [facts[count], facts[0]]
    head = [f"@behaviour {names[0]}", "", "@impl true"]

    def lines(made: Sequence[Step]) -> list[str]:
        inside = [f"  n = {of(step, 'n')}" for step in made[:-1]] + [f"  {of(made[-1], 'n')}"]
        return [*head, f"def {functions[0]}(n) do", *inside, "end"]

    def pipe(made: Sequence[Step]) -> list[str]:
        stages = " ".join(f"|> then(&({of(step, '&1')}))" for step in made)
        return [*head, f"def {functions[0]}(n), do: n {stages}"]

    whose = f"the behaviour of {owners[0]}" if level == 2 else names[0]
    return composed(
        rng,
        chosen,
        pools,
        (lines, pipe),
        request=f"Implements {whose} for a number n: "
        f"{', then '.join(told(step, 'n') for step in chosen)}.",
        spec="",
        head=None,
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=_numbers(rng),
        level=level,
        facts=_mixed(rng, facts),
        needed=tuple(needed),
        surroundings="".join(
            f"defmodule {b} do\n  @callback {f}(integer()) :: integer()\nend\n"
            for b, f in zip(names, functions, strict=True)
        ),
    )


# how a function gives a number back: its type, the value, and the pattern that takes it
SHAPES: dict[str, tuple[str, str, str]] = {
    "ok": ("{:ok, integer()}", "{:ok, x}", "{:ok, x}"),
    "some": ("{:some, integer()}", "{:some, x}", "{:some, x}"),
    "noted": ("{integer(), atom()}", "{x, :note}", "{x, _}"),
    "listed": ("[integer()]", "[x]", "[x]"),
    "mapped": ("%{held: integer()}", "%{held: x}", "%{held: x}"),
    "bare": ("integer()", "x", "x"),
}


def returns(rng: random.Random, level: int) -> Draft:
    """A call whose result has a shape: facts tell which.

    Level 1 names the type that the function returns; level 2 an alias, and what that refers to.
    """
    count = 1 + rng.randint(0, MOST_OTHERS)
    modules, functions = rng.sample(RULES, count), rng.sample(FUNCTIONS, count)
    kinds = rng.sample(list(SHAPES), count)
    inner = [rng.choice(steps.TRANSFORMS)(rng) for _ in range(count)]
    changes, pools = _changes(rng)
    calls = [f"{m}.{f}" for m, f in zip(modules, functions, strict=True)]

    def taken(kind: str, draw: random.Random) -> Step:
        say = f"takes the number that {calls[0]} returns for n"
        right = kind == kinds[0]
        return Step(kind, say, SHAPES[kind][2], inner[0].run if right else lambda n: RAISES)

    others: list[Maker] = [partial(taken, kind) for kind in SHAPES if kind != kinds[0]]
    chosen = [taken(kinds[0], rng), *changes]

    def lines(made: Sequence[Step]) -> list[str]:
        inside = [f"x = {of(step, 'x')}" for step in made[1:-1]]
        return [f"{made[0].code} = {calls[0]}(n)", *inside, of(made[-1], "x")]

    def cases(made: Sequence[Step]) -> list[str]:
        stages = " ".join(f"|> then(&({of(step, '&1')}))" for step in made[1:])
        return [f"case {calls[0]}(n) do", f"  {made[0].code} -> x {stages}", "end"]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        found = made[0].run(arguments[0])
        return RAISES if found is RAISES else through(made[1:], found)

    types = [SHAPES[kind][0] for kind in kinds]
    if level == 2:
        aliases = [
            f"{m}.{kind}()" for m, kind in zip(modules, rng.sample(ALIASES, count), strict=True)
        ]
        facts = [Fact(f"{c}/1", "hasReturnType", a) for c, a in zip(calls, aliases, strict=True)]
        facts += [Fact(a, "referencesType", t) for a, t in zip(aliases, types, strict=True)]
        needed = [facts[0], facts[count]]
    else:
        facts = [Fact(f"{c}/1", "hasReturnType", t) for c, t in zip(calls, types, strict=True)]
        needed = facts[:1]
    return composed(
        rng,
        chosen,
        [others, *pools],
        (lines, cases),
        request=f"Takes the number in what {calls[0]} returns for n, then "
        f"{', then '.join(told(step, 'it') for step in changes)}.",
        spec="(integer()) :: integer()",
        head="(n)",
        run=run,
        inputs=_numbers(rng),
        level=level,
        facts=_mixed(rng, facts),
        needed=tuple(needed),
        surroundings="".join(
            f"defmodule {m} do\n  def {f}(n) do\n    x = {of(step, 'n')}\n    {SHAPES[kind][1]}\n"
            "  end\nend\n"
            for m, f, step, kind in zip(modules, functions, inner, kinds, strict=True)
        ),
    )


def messages(rng: random.Random, level: int) -> Draft:
    """A call to a server: facts tell which message it handles.

    Level 1 names the server; level 2 a module that sends messages to it.
    """
    count = 1 + rng.randint(0, MOST_OTHERS)
    servers, tags = rng.sample(SERVERS, count), rng.sample(FUNCTIONS, count)
    owners = rng.sample(OWNERS, count)
    inner = rng.choice(steps.TRANSFORMS)(rng)
    changes, pools = _changes(rng)
    said = f"the server of {owners[0]}" if level == 2 else f"the server {servers[0]}"

    def asked(number: int, draw: random.Random) -> Step:
        right = number == 0
        code = f"GenServer.call({{:{tags[number]}, n}})" if right or number < count else WRONG
        return Step("ask", f"asks {said}", code, inner.run if right else lambda n: RAISES)

    others: list[Maker] = [partial(asked, number) for number in range(1, count + 1)]
    chosen = [asked(0, rng), *changes]

    def pipe(made: Sequence[Step]) -> list[str]:
        stages = [f"then(&({of(step, '&1')}))" for step in made[1:]]
        return piped("pid", [made[0].code, *stages])

    def lines(made: Sequence[Step]) -> list[str]:
        inside = [f"x = {of(step, 'x')}" for step in made[1:-1]]
        return [f"x = {made[0].code.replace('(', '(pid, ', 1)}", *inside, of(made[-1], "x")]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        found = made[0].run(arguments[0])
        return RAISES if found is RAISES else through(made[1:], found)

    facts = [Fact(s, "handlesMessage", f"{{:{t}, n}}") for s, t in zip(servers, tags, strict=True)]
    needed = facts[:1]
    if level == 2:
        facts += [Fact(o, "sendsMessageTo", s) for o, s in zip(owners, servers, strict=True)]
        needed = [facts[count], facts[0]]
    return composed(
        rng,
        chosen,
        [others, *pools],
        (lines, pipe),
        request=f"Takes the reply of {said} (its pid is given) to n, then "
        f"{', then '.join(told(step, 'it') for step in changes)}.",
        spec="(pid(), integer()) :: integer()",
        head="(pid, n)",
        run=run,
        inputs=_numbers(rng),
        level=level,
        facts=_mixed(rng, facts),
        needed=tuple(needed),
        surroundings="".join(
            f"defmodule {s} do\n  use GenServer\n  @impl true\n  def init(n), do: {{:ok, n}}\n"
            f"  @impl true\n  def handle_call({{:{t}, n}}, _from, state), "
            f"do: {{:reply, {of(inner, 'n')}, state}}\nend\n"
            for s, t in zip(servers, tags, strict=True)
        ),
        call=lambda function, values: [
            f"{{:ok, pid}} = GenServer.start({servers[0]}, 0)",
            f"{function}(pid, {values[0]})",
        ],
    )

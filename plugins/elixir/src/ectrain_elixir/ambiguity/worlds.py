"""Worlds: two programs that one vague request can mean, and what is asked to tell them apart."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from ectrain_elixir.ambiguity.removals import (
    POLICIES,
    REMOVALS,
    TABLE,
    Policy,
    Type,
    begins_with_verb,
    instead,
    located,
    some,
)
from ectrain_elixir.katas.kata import Body, Draft, Step
from ectrain_elixir.katas.values import Atom, literal


@attrs.frozen
class Worlds:
    """A request that can be read in two ways.

    Attributes:
        type: What it lacks.
        request: The vague one.
        meant: The program that the tests are for; its own request is the clear one.
        other: The program of the other reading; its own request says so.
        fact: What the request lacks, in the words of the clear one.
        questions: Each asks for it.
        answer: Tells it and nothing else.
    """

    type: Type
    request: str
    meant: Draft
    other: Draft
    fact: str
    questions: tuple[str, ...]
    answer: str


def worlds(family: str, draft: Draft, type_: Type, rng: random.Random) -> Iterator[Worlds]:
    """Yield the ways in which a program's request can be made vague so that it lacks this."""
    if type_ == "error_policy":
        for policy in POLICIES:
            if family in policy.families:
                yield from _of_policy(draft, policy, rng)
        return
    for steps in (*draft.misses, *_reordered(draft)):
        at = next(n for n, step in enumerate(steps) if step is not draft.steps[n])
        yield from _of_step(family, draft, steps, at, type_, rng)


def _reordered(draft: Draft) -> Iterator[tuple[Step, ...]]:
    """Yield the steps with the other direction where lists are sorted."""
    up = Step("sort", "sorts ascending", "Enum.sort()", sorted)
    down = Step("sort_desc", "sorts descending", "Enum.sort(:desc)", _falling)
    turned = {up.code: down, down.code: up}
    for at, step in enumerate(draft.steps):
        if step.kind in (up.kind, down.kind) and step.code in turned:
            yield (*draft.steps[:at], turned[step.code], *draft.steps[at + 1 :])


def _falling(xs: Sequence[Any]) -> list[Any]:
    return sorted(xs, reverse=True)


def _of_step(
    family: str,
    draft: Draft,
    steps: tuple[Step, ...],
    at: int,
    type_: Type,
    rng: random.Random,
) -> Iterator[Worlds]:
    """Yield the request without the words of one step, or with what contradicts them."""
    step, other = draft.steps[at], steps[at]
    place = located(draft.request, step.say)
    if place is None:
        return
    start, end, gap = place
    told, another = (one.say.replace("@", gap) for one in (step, other))
    second = attrs.evolve(
        draft,
        steps=steps,
        misses=(draft.steps,),
        request=instead(draft.request, (start, end), another),
    )
    if type_ == "contradiction" and step.kind == other.kind and told != another:
        yield from _contradicted(draft, second, told, another, rng)
    for removal in REMOVALS:
        if (
            removal.type != type_
            or (removal.families and family not in removal.families)
            or (removal.same and step.kind != other.kind)
            or (removal.last and not _open_end(draft, at))
            or (told == another) != (removal.type == "unnamed_module")
        ):
            continue
        groups, others = removal.match(told), removal.match(another)
        if groups is None or groups != others:
            continue
        vague = rng.choice(removal.vague).format(**groups)
        fact = "sorts ascending" if told == "sorts" else told
        yield Worlds(
            removal.type,
            instead(draft.request, (start, end), vague),
            draft,
            second,
            fact,
            some(rng, removal.asks, **groups),
            _told(fact, rng),
        )


def _open_end(draft: Draft, at: int) -> bool:
    """Return whether a step is the last one and the spec leaves open what it returns."""
    return at == len(draft.steps) - 1 and draft.spec.endswith(":: term()")


def _told(said: str, rng: random.Random) -> str:
    ways = TABLE["answers"]["verbs" if begins_with_verb(said) else "phrased"]
    return str(rng.choice(ways)).format(said=said)


def _contradicted(
    draft: Draft, second: Draft, told: str, another: str, rng: random.Random
) -> Iterator[Worlds]:
    """Yield the request with a second statement that can't hold together with the first."""
    ways = TABLE["contradictions"]
    verbs = begins_with_verb(told)
    if verbs != begins_with_verb(another):
        return
    note = rng.choice(ways["notes" if verbs else "phrases"]).format(other=another)
    yield Worlds(
        "contradiction",
        f"{draft.request} {note}",
        draft,
        second,
        told,
        some(rng, ways["asks"]),
        rng.choice(ways["answers" if verbs else "phrased"]).format(said=told),
    )


VALUES: dict[str, Any] = {
    "nil": None,
    "0": 0,
    ":none": Atom("none"),
    ":error": Atom("error"),
    "{:error, :invalid}": (Atom("error"), Atom("invalid")),
}


def _of_policy(draft: Draft, policy: Policy, rng: random.Random) -> Iterator[Worlds]:
    """Yield the request without what is returned where there is no good result."""
    found = list(re.finditer(policy.clause, draft.request))
    if len(found) != 1:
        return
    value = found[0]["value"]
    meant = _written_once(attrs.evolve(draft, spec=_silent(draft.spec)), value)
    if meant is None:
        return
    ways = TABLE["policies"]
    new = rng.choice(ways["others"][re.sub(r"\{:error, :\w+\}", "{:error, _}", value)])
    yield Worlds(
        "error_policy",
        instead(draft.request, found[0].span(), ""),
        meant,
        _returning(meant, value, new, instead(draft.request, found[0].span("value"), new)),
        found[0].group().strip(" ,;"),
        some(rng, ways["asks"], when=policy.when),
        rng.choice(ways["answers"]).format(when=policy.when, value=value),
    )


def _silent(spec: str) -> str:
    """Return a spec that doesn't tell what is returned."""
    return spec.rpartition(" :: ")[0] + " :: term()"


def _place(value: str) -> str:
    return rf"(?<![\w:]){re.escape(value)}(?!\w)"


def _written_once(draft: Draft, value: str) -> Draft | None:
    """Return a draft whose every idiom writes a value out in one place, None if none does."""

    def once(body: Body) -> bool:
        return len(re.findall(_place(value), "\n".join(body(draft.steps)))) == 1

    kept = [body for body in (draft.body, *draft.idioms) if once(body)]
    return attrs.evolve(draft, body=kept[0], idioms=tuple(kept[1:])) if kept else None


def _returning(draft: Draft, value: str, new: str, request: str) -> Draft:
    """Return the draft of a program that returns another value where it returned this one."""

    def changed(body: Body) -> Body:
        return lambda made: [re.sub(_place(value), lambda _: new, line) for line in body(made)]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        result = draft.run(made, arguments)
        return VALUES[new] if literal(result) == value else result

    return attrs.evolve(
        draft,
        body=changed(draft.body),
        idioms=tuple(map(changed, draft.idioms)),
        run=run,
        request=request,
    )

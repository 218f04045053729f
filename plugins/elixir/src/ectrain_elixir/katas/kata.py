"""What a kata is, and how the parts of a family's draft become its texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from ectrain_elixir.katas.values import literal


@attrs.frozen
class Fact:
    """What holds of the code around a kata: a triple.

    Attributes:
        subject: A module, a struct or a field.
        property: Local name in the elixir-ontologies vocabulary: "containsFunction".
        object: What the subject has, imports or is.
    """

    subject: str
    property: str
    object: str

    def __str__(self) -> str:
        """Write it as prompts have it."""
        return f"{self.subject} <{self.property}>{self.object}</{self.property}>"


@attrs.frozen
class Kata:
    """A request for a small program, with its answer and its tests.

    Attributes:
        id: Stable and unique.
        family: The shape of the program.
        steps: Kinds of the steps that were composed, in order.
        module: Name of the module.
        prompt: Elixir up to where the answer begins: facts, module, doc, spec, head.
        answer: The rest of the file.
        tests: A whole ExUnit module.
        test_names: Names of its tests, as they are run.
        near_misses: Plausible answers, each of which fails a test.
        alternatives: Right answers in other idioms.
        needed: Those of the facts that lead to what the answer needs, in order: `level` many.
        level: Hops from what the doc names to what the answer needs: 0 where no fact is needed.
        facts: Facts of the surroundings that the prompt gives.
        surroundings: Modules that the answer may use, which the prompt doesn't show.
        function: Name of the function that is asked for; "" for problems written by hand.
        origin: What its draft was drawn with: see `draft`; "" for those, too.
    """

    id: str
    family: str
    steps: tuple[str, ...]
    module: str
    prompt: str
    answer: str
    tests: str
    test_names: tuple[str, ...]
    near_misses: tuple[str, ...]
    level: int = 0
    facts: tuple[Fact, ...] = ()
    surroundings: str = ""
    alternatives: tuple[str, ...] = ()
    needed: tuple[Fact, ...] = ()
    function: str = ""
    origin: str = ""

    @property
    def length(self) -> int:
        """How many steps were composed."""
        return len(self.steps)

    @property
    def group(self) -> str:
        """The composition, which is never split."""
        return f"{self.family}:{'+'.join(self.steps)}"

    @property
    def draft(self) -> Draft | None:
        """What it was written from, drawn again; None for problems written by hand.

        A draft can tell results for other inputs, but is no plain data.
        """
        from ectrain_elixir.katas.drafts import draft_of  # which knows all families, as this can't

        return draft_of(self) if self.origin else None

    def program(self, answer: str) -> str:
        """Return the whole program that an answer makes, with what surrounds it."""
        return self.surroundings + self.prompt + answer


@attrs.frozen
class Step:
    """One step of a program.

    Attributes:
        kind: What it does, without its parameters.
        say: What it does, in words with the parameters: "adds 3 to each".
        code: Its Elixir; where it stands depends on the family.
        run: What it does, in Python.
    """

    kind: str
    say: str
    code: str
    run: Callable[..., Any] = attrs.field(eq=False)


Body = Callable[[Sequence[Step]], list[str]]
Call = Callable[[str, tuple[Any, ...]], list[str]]


@attrs.frozen
class Draft:
    """A program before it is written out.

    Attributes:
        steps: What it is composed of.
        request: The doc.
        preamble: Lines of the module before the doc, without indentation.
        spec: The function's types, after its name; "" where they would tell what facts tell.
        head: The head that the prompt ends with, None where the answer writes its own clauses.
        body: The first idiom: from steps to the answer's lines inside the function (or the
            module, without head).
        run: From steps and an input to the result, in Python.
        inputs: Arguments to test with, each a tuple.
        misses: Steps of programs that are nearly right.
        level: Hops from what the request names to what the answer needs.
        facts: Of the surroundings, in the order in which they are given.
        surroundings: Modules that the answer may use.
        idioms: Other bodies that do the same.
        call: From the function's full name and an input to a test's lines, the last of which is
            an expression; by default the function is called with the input.
        module: Name of the module, where it can't be any.
        needed: Facts that lead from what the request names to what the answer needs, in order.
    """

    steps: tuple[Step, ...]
    request: str
    spec: str
    head: str | None
    body: Body
    run: Callable[[Sequence[Step], tuple[Any, ...]], Any]
    inputs: tuple[tuple[Any, ...], ...]
    misses: tuple[tuple[Step, ...], ...]
    preamble: tuple[str, ...] = ()
    level: int = 0
    facts: tuple[Fact, ...] = ()
    surroundings: str = ""
    idioms: tuple[Body, ...] = ()
    call: Call | None = None
    module: str = ""
    needed: tuple[Fact, ...] = ()


def written(family: str, module: str, function: str, draft: Draft, origin: str = "") -> Kata | None:
    """Return the kata of a draft, None if its tests can't tell it from a near miss."""
    expected = [draft.run(draft.steps, arguments) for arguments in draft.inputs]
    wrong = []
    for miss in draft.misses:
        results = [draft.run(miss, arguments) for arguments in draft.inputs]
        if results != expected:
            wrong.append(miss)
    if not wrong:
        return None
    prompt = _prompt(module, function, draft)
    names, tests = _tests(f"{module}.{function}", draft, expected)
    mark = hashlib.sha256(f"{prompt}{names}".encode()).hexdigest()[:10]
    return Kata(
        id=f"{family}-{mark}",
        family=family,
        steps=tuple(step.kind for step in draft.steps),
        module=module,
        prompt=prompt,
        answer=_answer(draft, draft.steps),
        tests=tests,
        test_names=names,
        near_misses=tuple(dict.fromkeys(_answer(draft, miss) for miss in wrong)),
        level=draft.level,
        facts=draft.facts,
        surroundings=draft.surroundings,
        needed=draft.needed,
        function=function,
        origin=origin,
        alternatives=tuple(
            _answer(attrs.evolve(draft, body=body), draft.steps) for body in draft.idioms
        ),
    )


def _prompt(module: str, function: str, draft: Draft) -> str:
    lines = [*draft.preamble, f'@doc "{draft.request}"']
    if draft.spec:
        lines.append(f"@spec {function}{draft.spec}")
    if draft.head is not None:
        lines.append(f"def {function}{draft.head} do")
    inside = "".join(f"  {line}\n" if line else "\n" for line in lines)
    return f"{facts_line(draft.facts)}defmodule {module} do\n{inside}"


def facts_line(facts: Sequence[Fact]) -> str:
    """Return the line of a prompt that gives facts, "" without any."""
    return f"# [ONTO] {' '.join(map(str, facts))} [/ONTO]\n" if facts else ""


def _answer(draft: Draft, steps: Sequence[Step]) -> str:
    inside = draft.head is not None
    indent = "    " if inside else "  "
    body = "".join(f"{indent}{line}\n" if line else "\n" for line in draft.body(steps))
    return body + ("  end\n" if inside else "") + "end\n"


def _tests(function: str, draft: Draft, expected: Sequence[Any]) -> tuple[tuple[str, ...], str]:
    call = draft.call or called
    names = tuple(f"case {number}" for number in range(1, len(draft.inputs) + 1))
    cases = []
    for name, values, result in zip(names, draft.inputs, expected, strict=True):
        *before, last = call(function, values)
        lines = [*before, f"assert {last} === {literal(result)}"]
        cases.append(
            f'  test "{name}" do\n' + "".join(f"    {line}\n" for line in lines) + "  end\n"
        )
    module = function.rpartition(".")[0]
    text = "\n".join(cases)
    return (names, f"defmodule {module}Test do\n  use ExUnit.Case, async: false\n\n{text}end\n")


def called(function: str, values: tuple[Any, ...]) -> list[str]:
    """Return the call of a function."""
    return [f"{function}({', '.join(map(literal, values))})"]

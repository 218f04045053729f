"""Suites of ExUnit as people write them: setups, describe blocks, tables, several assertions."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from ectrain_elixir.katas import Kata
from ectrain_elixir.katas.splits import FUNCTIONS
from ectrain_elixir.katas.values import Atom
from ectrain_elixir.testpairs.cases import Case, cases_of
from ectrain_elixir.testpairs.shown import shown
from ectrain_elixir.testpairs.titles import EDGES, grouped, request_title

_PARAMETER = re.compile(r"\(([a-z_]\w*)\)")
_STARTED = re.compile(r"\{:ok, (\w+)\} = ")


@attrs.frozen
class Suite:
    """A suite.

    Attributes:
        text: One ExUnit module.
        names: Of its tests, as ExUnit runs them.
    """

    text: str
    names: tuple[str, ...]


@attrs.frozen
class Style:
    """How a suite is written.

    Attributes:
        imported: Whether the module is imported, so that functions stand without its name.
        described: Whether tests lie in a `describe` block.
        options: Of `use ExUnit.Case`.
        requested: Whether a test is named by what was asked for, not by its input.
        shape: Of the assertions: compared, with the result bound to a name first, or in a table.
        setup: Whether the last case's input comes from a `setup` block.
        operator: Of comparisons.
    """

    imported: bool
    described: bool
    options: str
    requested: bool
    shape: str
    setup: bool
    operator: str


@attrs.frozen
class Block:
    """A test, or a `setup` where it has no title.

    Attributes:
        title: Behind `test`.
        lines: Inside.
        context: The pattern that takes what `setup` gave; "" where it takes nothing.
        word: "test" or "property".
    """

    title: str
    lines: tuple[str, ...]
    context: str = ""
    word: str = "test"


def style_of(kata: Kata, rng: random.Random) -> Style:
    """Draw a style that suits a kata."""
    draft = kata.draft
    plain = draft is not None and draft.call is None
    return Style(
        imported=plain and kata.function in FUNCTIONS and rng.random() < 0.15,
        described=rng.random() < 0.4,
        options=rng.choice(("", ", async: true")),
        requested=rng.random() < 0.6,
        shape=rng.choice(("compared", "compared", "compared", "bound", "table")),
        setup=rng.random() < 0.2,
        operator="===" if rng.random() < 0.05 else "==",
    )


def exunit_suite(kata: Kata, rng: random.Random, style: Style | None = None) -> Suite:
    """Return a suite that a kata's answers pass and its near misses fail.

    Args:
        kata: One with a draft.
        rng: What is drawn with.
        style: How it is written; drawn unless given.
    """
    style = style or style_of(kata, rng)
    cases = cases_of(kata, rng, "" if style.imported else f"{kata.module}.")
    blocks = [*_setup(kata, cases, style), *_tests(kata, cases, style)]
    if rng.random() < 0.4 and (refusal := _refusal(kata, style)):
        blocks.append(refusal)
    directives = (f"import {kata.module}",) if style.imported else ()
    describe = f"{kata.function}/{_arity(kata)}" if style.described else ""
    return suite(kata.module, f"ExUnit.Case{style.options}", directives, describe, blocks)


def suite(
    module: str,
    case: str,
    directives: Sequence[str],
    describe: str,
    blocks: Sequence[Block],
    helpers: Sequence[str] = (),
) -> Suite:
    """Return a suite of blocks: `use` of the case, directives, then setup and tests.

    Args:
        module: That is tested.
        case: What is used, with its options.
        directives: Lines below it.
        describe: Title of the block around all tests; "" for none.
        blocks: Setup first.
        helpers: Lines of private functions behind all tests.
    """
    lines: list[str] = []
    for block in blocks:
        lines += ["", *_written(block)]
    body = lines[1:]
    if describe:
        body = [f'describe "{describe}" do', *(f"  {x}" if x else "" for x in body), "end"]
    head, tail = [f"use {case}", *directives, ""], ["", *helpers] if helpers else []
    text = "".join(f"  {line}\n" if line else "\n" for line in (*head, *body, *tail))
    before = f"{describe} " if describe else ""
    names = tuple(_name(before, block) for block in blocks if block.title)
    return Suite(f"defmodule {module}Test do\n{text}end\n", names)


def _name(before: str, block: Block) -> str:
    """Return what ExUnit calls a test: it leaves out no other word than "test"."""
    return f"{'' if block.word == 'test' else 'property '}{before}{block.title}"


def _written(block: Block) -> list[str]:
    head = f'{block.word} "{block.title}"' if block.title else "setup"
    context = f", {block.context}" if block.context else ""
    return [f"{head}{context} do", *(f"  {line}" if line else "" for line in block.lines), "end"]


def _arity(kata: Kata) -> int:
    assert kata.draft is not None
    return len(kata.draft.inputs[0]) if kata.draft.call is None else 1


def _setup(kata: Kata, cases: list[Case], style: Style) -> Iterator[Block]:
    """Yield a `setup` and the test of the last case, which is then taken out of the cases."""
    assert kata.draft is not None
    if not style.setup:
        return
    last = cases[-1]
    title = (style.requested and request_title(kata)) or "what the setup gives"
    if last.before and (started := _STARTED.match(last.before[0])):
        name = started[1]
        yield Block("", (last.before[0], "", f"{{:ok, {name}: {name}}}"))
        lines = (*last.before[1:], *asserted(last, style))
    elif (found := _PARAMETER.fullmatch(kata.draft.head or "")) and not last.before:
        name = found[1]
        yield Block("", (f"%{{{name}: {shown(last.values[0])}}}",))
        call = last.call[: last.call.index("(") + 1] + f"{name})"
        lines = asserted(attrs.evolve(last, call=call), style)
    else:
        return
    yield Block(title, lines, f"%{{{name}: {name}}}")
    cases.pop()


def _tests(kata: Kata, cases: Sequence[Case], style: Style) -> Iterator[Block]:
    """Yield tests of cases: those that ask for more than one line each of their own."""
    title = request_title(kata) if style.requested and not style.setup else ""
    if any(case.before for case in cases):
        for number, case in enumerate(cases, 1):
            lines = (*case.before, *asserted(case, style))
            yield Block(title if title and number == 1 else f"example {number}", lines)
        return
    kinds = grouped(cases)
    if title:
        usual = [case for kind, own in kinds.items() if kind not in EDGES for case in own]
        if usual:
            yield Block(title, _checked(usual, style))
            kinds = {kind: own for kind, own in kinds.items() if kind in EDGES}
    for kind, own in kinds.items():
        yield Block(f"with {kind}", _checked(own, style))


def _checked(cases: Sequence[Case], style: Style) -> tuple[str, ...]:
    """Return the lines that check cases, in a table where that is the style and they suit it."""
    single = all(len(case.values) == 1 and _called(case) for case in cases)
    if style.shape == "table" and len(cases) > 1 and single:
        rows = ", ".join(f"{{{shown(c.values[0])}, {shown(c.result)}}}" for c in cases)
        call = cases[0].call[: cases[0].call.index("(")]
        return (
            f"for {{input, expected}} <- [{rows}] do",
            f"  assert {call}(input) {style.operator} expected",
            "end",
        )
    return tuple(line for case in cases for line in asserted(case, style))


def _called(case: Case) -> bool:
    return re.fullmatch(r"[\w.]+[?!]?", case.call.partition("(")[0]) is not None


def asserted(case: Case, style: Style) -> tuple[str, ...]:
    """Return the lines that assert a case's result."""
    if case.result is True or case.result is False:
        return (f"{'assert' if case.result else 'refute'} {case.call}",)
    expected = shown(case.result)
    if style.shape == "bound":
        return (f"result = {case.call}", f"assert result {style.operator} {expected}")
    if style.shape == "table" and _is_outcome(case.result):
        return (f"assert {expected} = {case.call}",)
    return (f"assert {case.call} {style.operator} {expected}",)


def _is_outcome(result: Any) -> bool:
    """Return whether a result is like `{:ok, 1}`, which as a pattern matches nothing else."""
    inside = result[1:] if isinstance(result, tuple) else ()
    return bool(inside) and isinstance(result[0], Atom) and all(isinstance(x, int) for x in inside)


def _refusal(kata: Kata, style: Style) -> Block | None:
    """Return a test of what no clause takes; None where a clause takes all or there are guards."""
    text = kata.prompt + kata.answer
    heads = re.findall(rf"^ *def {re.escape(kata.function)}\((.)(.*)$", text, re.MULTILINE)
    assert kata.draft is not None
    if not heads or _arity(kata) != 1 or kata.draft.call is not None:
        return None
    if any(first not in "[{<" for first, _ in heads):
        return None
    call = f"{'' if style.imported else kata.module + '.'}{kata.function}(:other)"
    return Block("with another type", (f"assert_raise FunctionClauseError, fn -> {call} end",))

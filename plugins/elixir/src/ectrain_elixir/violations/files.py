"""A file put together from forms, with the lines on which Credo finds something."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import attrs

from ectrain_elixir.violations.forms import PLAIN, WHOLE_FILE, Form
from ectrain_elixir.violations.names import NOUNS, WORDS, Names

INTROS = (
    'Logger.debug("$word started")', "$other = System.monotonic_time()", "send(self(), :$key)",
    "$other = Process.get(:$key)", "# $word first, then $word2", ':telemetry.execute([:$key], %{})',
)  # fmt: skip
USES = ("use GenServer", "require Logger", "import Ecto.Query", "use Agent", "import Plug.Conn")


@attrs.frozen
class Use:
    """A form in a file.

    Attributes:
        form: Which.
        bad: Whether its violating text stands there, or the clean one.
    """

    form: Form
    bad: bool


@attrs.frozen
class Plan:
    """What a file is made of.

    Attributes:
        uses: Forms, in no order of the file.
        plain: Numbers of functions without anything to find.
        faults: Checks of the whole file that it violates.
    """

    uses: tuple[Use, ...]
    plain: tuple[int, ...]
    faults: frozenset[str]

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks that it violates, sorted."""
        found = {check for use in self.uses if use.bad for check in use.form.checks}
        return tuple(sorted(found | self.faults))

    @property
    def kind(self) -> str:
        """What it is made of, whatever is violated and its names are."""
        return "/".join([*sorted(use.form.id for use in self.uses), *map(str, sorted(self.plain))])

    def mended(self, check: str) -> Plan:
        """Return the plan without the violations of one check."""
        uses = (
            attrs.evolve(use, bad=use.bad and check not in use.form.checks) for use in self.uses
        )
        return attrs.evolve(self, uses=tuple(uses), faults=self.faults - {check})


@attrs.frozen
class File:
    """A text and what Credo finds in it.

    Attributes:
        code: The text.
        evidence: Each check with a line that it reports, from 1, sorted.
    """

    code: str
    evidence: tuple[tuple[str, int], ...]


Line = tuple[str, tuple[str, ...]]  # the text, and the checks that are violated there
QUOTES = '"""'
NONE: tuple[str, ...] = ()


def written(plan: Plan, rng: random.Random) -> File:
    """Write a file; the same draws for plans that differ only in what is violated."""
    names = Names(rng)
    blocks = [_block(use, names, rng) for use in plan.uses if use.form.scope != "head"]
    blocks += [[(line, NONE) for line in _plain(number, names)] for number in plan.plain]
    rng.shuffle(blocks)
    heads = [_filled(use, names)[0] for use in plan.uses if use.form.scope == "head"]
    first, document = _opening(plan, names, rng)
    parts = [[(line, NONE) for line in document]] if document else []
    parts += [[(f"  {use}", NONE)] for use in rng.sample(USES, rng.choice((0, 0, 1, 1, 2)))]
    parts += [[(_indented(text), checks) for text, checks in block] for block in [*heads, *blocks]]
    gap = rng.randrange(max(1, len(parts) - 1)) + 1
    doubled = gap if "Readability.RedundantBlankLines" in plan.faults else 0
    lines = [first, *_joined(parts, doubled), ("end", NONE)]
    return _finished(plan, lines, rng)


def _opening(plan: Plan, names: Names, rng: random.Random) -> tuple[Line, list[str]]:
    """Return the module's first line and its documentation."""
    wrong = "Readability.ModuleNames" in plan.faults
    joint = "_" if wrong else rng.choice((".", ".", "."))
    module = f"{names.app}{joint}{names.part}.{names.module}"
    word, noun = rng.choice(WORDS), rng.choice(NOUNS)
    document = rng.choice(
        (
            [f'  @moduledoc "Handles each {word} {noun}."'],
            ['  @moduledoc """', f"  The {noun} is {word}.", '  """'],
            ["  @moduledoc false"],
        )
    )
    undocumented = "Readability.ModuleDoc" in plan.faults
    found = tuple(check for check in WHOLE_FILE[:2] if check in plan.faults)
    return (f"defmodule {module} do", found), [] if undocumented else document


def _block(use: Use, names: Names, rng: random.Random) -> list[Line]:
    """Return a function with a form in it."""
    lines, parameters = _filled(use, names)
    (intros,), _ = names.filled([rng.choice(INTROS)])
    intro = rng.random() < 0.3 and not use.form.fixed
    if use.form.scope == "def":
        opens = lines[0][0].endswith(" do") and lines[0][0].startswith("def")
        if intro and opens and not lines[0][0].startswith("defmacro"):
            lines.insert(1, (f"  {intros[0]}", NONE))
        return lines
    name, private = names.function(), rng.random() < 0.2
    given = f"({', '.join(parameters)})" if parameters else ""
    head = f"{'defp' if private else 'def'} {name}{given} do"
    above = _above(name, len(parameters), names, rng) if not private else []
    body = [(f"  {intros[0]}", NONE)] if intro else []
    body += [(_indented(text), checks) for text, checks in lines]
    return [*((line, NONE) for line in above), (head, NONE), *body, ("end", NONE)]


def _above(name: str, arity: int, names: Names, rng: random.Random) -> list[str]:
    """Return what documents a function."""
    (lines,), _ = names.filled([f'@doc "Gives the $word of each {rng.choice(NOUNS)}."'])
    drawn = rng.random()
    spec = f"@spec {name}({', '.join(['term'] * arity)}) :: term"
    if drawn < 0.6:
        return []
    return lines if drawn < 0.8 else [spec] if drawn < 0.9 else [*lines, spec]


def _filled(use: Use, names: Names) -> tuple[list[Line], list[str]]:
    """Return a form's lines, each with what is violated on it, and its parameters."""
    (bad, good), parameters = names.filled(use.form.bad, use.form.good)
    if not use.bad:
        return [(line, NONE) for line in good], parameters
    marks, checks = use.form.marks, use.form.checks
    return [(line, checks if n in marks else NONE) for n, line in enumerate(bad)], parameters


def _plain(number: int, names: Names) -> list[str]:
    (lines,), _ = names.filled(PLAIN[number])
    return lines


def _indented(line: str) -> str:
    return f"  {line}" if line else ""


def _joined(parts: Sequence[list[Line]], doubled: int) -> Iterator[Line]:
    """Yield parts with an empty line between two, and two of them before one part."""
    for number, part in enumerate(parts):
        if number:
            yield "", NONE
        if doubled and number == min(doubled, len(parts) - 1):
            yield "", ("Readability.RedundantBlankLines",)
        yield from part


def _finished(plan: Plan, lines: Sequence[Line], rng: random.Random) -> File:
    """Return the text with what is wrong with its ends of lines.

    Credo allows white space at the end of a line of a text between triple quotes.
    """
    evidence = {(check, n) for n, (_, checks) in enumerate(lines, 1) for check in checks}
    texts = [text for text, _ in lines]
    quoted = [n for n, text in enumerate(texts) if text.endswith(QUOTES)]
    after = max(quoted, default=-1) + 1
    place = rng.choice([n for n, text in enumerate(texts) if n >= after and text])
    more = rng.choice((" ", "  "))
    if quoted and rng.random() < 0.2:
        texts[quoted[0] + 1] += more
    if "Readability.TrailingWhiteSpace" in plan.faults:
        texts[place] += more
        evidence.add(("Readability.TrailingWhiteSpace", place + 1))
    end = "\n"
    if "Readability.TrailingBlankLine" in plan.faults:
        end = ""
        evidence.add(("Readability.TrailingBlankLine", len(texts)))
    return File("\n".join(texts) + end, tuple(sorted(evidence)))

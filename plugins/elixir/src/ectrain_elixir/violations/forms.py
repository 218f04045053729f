"""Forms: a text that violates a check, and the nearest text that does not.

They are kept as Elixir in `forms/*.txt`. A heading `## Check scope` begins the forms of a check
(`Check+Other` where another one can't be avoided),
`=>` parts a violating text from its clean one, `--` parts forms. A line that begins with `^` is
one that Credo reports; in a violating text of one line it is that line. Names that begin with `$`
are drawn anew for each file (`names.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Literal, cast, get_args

import attrs

Scope = Literal["body", "def", "head"]
MARK = "^"


@attrs.frozen
class Form:
    """A violation and its clean twin.

    Attributes:
        checks: What `bad` violates: the check that it is of, and others that can't be avoided.
        number: Which of the check's forms it is.
        scope: What it is part of: a function's body, a module, or the head of a module.
        bad: Lines that violate the checks and no other one.
        good: Lines that violate none.
        marks: Places of the lines of `bad` that Credo reports, from 0.
        fixed: Whether nothing may be added to it.
    """

    checks: tuple[str, ...]
    number: int
    scope: Scope
    bad: tuple[str, ...]
    good: tuple[str, ...]
    marks: tuple[int, ...]
    fixed: bool

    @property
    def id(self) -> str:
        """A name for it."""
        return f"{self.check}/{self.number}"

    @property
    def check(self) -> str:
        """The check that it is of."""
        return self.checks[0]


def _table(name: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the heading and the texts of each part of a file of forms."""
    folder = resources.files("ectrain_elixir") / "violations" / "forms"
    for part in f"\n{(folder / name).read_text(encoding='utf-8')}".split("\n## ")[1:]:
        heading, _, texts = part.partition("\n")
        yield heading.split(), [text.strip("\n") for text in texts.split("\n--\n")]


def _form(heading: list[str], number: int, text: str) -> Form:
    check, scope, *more = heading
    assert scope in get_args(Scope), scope
    bad, good = (part.split("\n") for part in text.split("\n=>\n"))
    marks = [place for place, line in enumerate(bad) if line.startswith(MARK)]
    assert marks or len(bad) == 1, text
    lines = tuple(line.removeprefix(MARK) for line in bad)
    fixed = "fixed" in more
    checks = tuple(check.split("+"))
    return Form(checks, number, cast(Scope, scope), lines, tuple(good), tuple(marks or [0]), fixed)


FORMS: tuple[Form, ...] = tuple(
    _form(heading, number, text)
    for name in ("design.txt", "readability.txt", "refactor.txt", "warning.txt")
    for heading, texts in _table(name)
    for number, text in enumerate(texts)
)

PLAIN: tuple[tuple[str, ...], ...] = tuple(
    tuple(text.split("\n")) for _, texts in _table("plain.txt") for text in texts
)

# Checks whose violation is a property of the whole file (`files.py`).
WHOLE_FILE: tuple[str, ...] = (
    "Readability.ModuleDoc",
    "Readability.ModuleNames",
    "Readability.RedundantBlankLines",
    "Readability.TrailingBlankLine",
    "Readability.TrailingWhiteSpace",
)

BY_CHECK: dict[str, tuple[Form, ...]] = {
    check: tuple(form for form in FORMS if form.check == check)
    for check in sorted({form.check for form in FORMS})
}
CHECKED: tuple[str, ...] = tuple(sorted([*BY_CHECK, *WHOLE_FILE]))

"""Read `mix credo --format json`.

Checks are keyed by their module, not by their EX number: two checks share one of those. Credo's
exit status adds up the categories found, and says nothing about whether it ran well; a folder that
its settings leave out gives no issues and status 0, so compare the number of files yourself.
"""

import attrs

from ectrain_elixir.tools.documents import document, number_of, rows, text_of

CATEGORIES = ("consistency", "design", "readability", "refactor", "warning")
_PREFIX = "Credo.Check."


@attrs.frozen
class Issue:
    """One issue.

    Args:
        check: The check without "Credo.Check.", such as "Design.AliasUsage".
        category: One of `CATEGORIES`.
        file: As Credo names it; absolute where it was given an absolute folder.
        line: From 1, None where the issue has no line.
        column: From 1, None for a tenth of all issues.
        column_end: Behind the trigger, None as above.
        priority: Between about -10 and 30; below 0 is shown by `--strict` only.
        message: The sentence.
        scope: "Module.function", or empty.
        trigger: The text that it is about, or empty.
    """

    check: str
    category: str
    file: str
    line: int | None
    column: int | None
    column_end: int | None
    priority: int
    message: str
    scope: str
    trigger: str


def read_credo(text: str, source: str = "credo") -> list[Issue]:
    """Return the issues in Credo's JSON; other output around it is skipped.

    Raises:
        DataError: If there is no such JSON.
    """
    found = document(text, source, "issues")
    return [
        Issue(
            check=text_of(row, "check").removeprefix(_PREFIX),
            category=text_of(row, "category"),
            file=text_of(row, "filename"),
            line=number_of(row, "line_no"),
            column=number_of(row, "column"),
            column_end=number_of(row, "column_end"),
            priority=number_of(row, "priority") or 0,
            message=text_of(row, "message"),
            scope=text_of(row, "scope"),
            trigger=text_of(row, "trigger"),
        )
        for row in rows(found, "issues", source)
    ]


def categories(status: int) -> tuple[str, ...]:
    """Return the categories that Credo's exit status names: its bits, from the lowest."""
    return tuple(name for bit, name in enumerate(CATEGORIES) if status & (1 << bit))

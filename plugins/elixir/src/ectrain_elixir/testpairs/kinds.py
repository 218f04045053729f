"""Types of tests, told by what a suite uses, and what a model writes a suite or a program after.

A prompt is the given text, then the direction, then the type: `code <to_test> <exunit>`. What is
written after it ends with the end token.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from ectrain.tokenizer import Tokenizer
from ectrain_elixir.datasets.outline import Outline, outlined
from ectrain_elixir.syntax import tree

TestType = Literal["exunit", "streamdata", "liveview"]
Direction = Literal["to_test", "to_code"]

TYPES: tuple[TestType, ...] = get_args(TestType)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
CONTROL_TOKENS: tuple[str, ...] = tuple(f"<{word}>" for word in (*DIRECTIONS, *TYPES))

_PROPERTIES, _LIVEVIEW = "ExUnitProperties", "Phoenix.LiveViewTest"
_CASES = re.compile(r"(.+\.)?\w*Case")  # ExUnit.Case, and a project's own DataCase, ConnCase


def suite_type(text: str) -> TestType | None:
    """Return the type of a suite, None for what is no suite; read from its syntax tree.

    What uses `ExUnitProperties` has properties; else what imports or uses `Phoenix.LiveViewTest`
    tests a LiveView; else what uses a case template is plain ExUnit. A suite that doesn't parse
    has no type.
    """
    root = tree(text)
    if root.has_error:
        return None
    outline = outlined(root, text.encode("utf-8", "surrogatepass"))
    if not _uses_case(outline):
        return None
    if outline.uses(_PROPERTIES):
        return "streamdata"
    return "liveview" if outline.uses(_LIVEVIEW) else "exunit"


def _uses_case(outline: Outline) -> bool:
    links = [link for module in outline.modules for link in module.links]
    return any(word == "use" and _CASES.fullmatch(name) for word, name in links)


def suite_prompt(
    code: str, kind: TestType, tokenizer: Tokenizer, most: int | None = None
) -> list[int]:
    """Return the ids after which a suite of a type for some code is written.

    Args:
        code: What is tested.
        kind: Of the suite.
        tokenizer: Text to ids.
        most: Tokens of the code that are kept, the first ones; None for all.

    Raises:
        DataError: The tokenizer lacks a control token.
    """
    return _prompt(code, "to_test", kind, tokenizer, most)


def code_prompt(
    tests: str, kind: TestType, tokenizer: Tokenizer, most: int | None = None
) -> list[int]:
    """Return the ids after which code that passes a suite of a type is written.

    Arguments and errors are as of `suite_prompt`.
    """
    return _prompt(tests, "to_code", kind, tokenizer, most)


def _prompt(
    given: str, direction: Direction, kind: TestType, tokenizer: Tokenizer, most: int | None
) -> list[int]:
    marks = [tokenizer.token_id(f"<{word}>") for word in (direction, kind)]
    return [tokenizer.begin_id, *tokenizer.encode(given)[:most], *marks]

"""MultiPL-E's Elixir problems, from a file that the user points at.

Source: Cassano et al., MultiPL-E: a scalable and polyglot approach to benchmarking neural code
generation (2023). Its harness trusts exit codes and cuts answers at a blank line or at a second
`def`; here an answer ends where it parses, and a pass needs the record of the named tests.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from ectrain.errors import DataError
from ectrain_codegen.execution import Asked
from ectrain_elixir.continuing import first_whole
from ectrain_elixir.runner import Program

_TEST = re.compile(r"^\s*test\s+(?:\"([^\"]+)\"|'([^']+)')", re.MULTILINE)
_START = re.compile(r"^\s*ExUnit\.start\(.*\)\s*$", re.MULTILINE)
_HEAD = re.compile(r"^\s*def\s+\w+[?!]?\(([^()]*)\)\s+do\s*$", re.MULTILINE)
_FIELDS = ("name", "prompt", "tests")
FEWEST_LETTERS = 4  # parameters of one letter each from which a prompt is taken for broken


@attrs.frozen
class Problems:
    """What a file holds.

    Attributes:
        asked: Problems that can be measured.
        left_out: Names of the others, each with the reason.
    """

    asked: tuple[Asked, ...]
    left_out: tuple[tuple[str, str], ...]


def read_problems(path: Path) -> Problems:
    """Read a file of problems, one JSON object a line.

    Problems without a named test, and prompts of early releases whose parameters are the letters
    of one word, are left out and named.

    Raises:
        DataError: It can't be read, a line is no problem, or none can be measured.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read: {error}") from error
    asked: list[Asked] = []
    left_out: list[tuple[str, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _row(line, f"{path}:{number}")
        names = [double or single for double, single in _TEST.findall(row["tests"])]
        problem = _problem(row["prompt"], names)
        if problem:
            left_out.append((row["name"], problem))
            continue
        make = partial(_program, row["prompt"], _START.sub("", row["tests"]), tuple(names))
        asked.append(Asked(row["prompt"], make, partial(first_whole, row["prompt"])))
    if not asked:
        why = f"{left_out[0][0]}: {left_out[0][1]}" if left_out else "it is empty"
        raise DataError(f"{path}: holds no problem that can be measured ({why})")
    return Problems(tuple(asked), tuple(left_out))


def _row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{place}: no JSON: {error}") from None
    for field in _FIELDS:
        if not isinstance(row, dict) or not isinstance(row.get(field), str):
            raise DataError(f"{place}: expected an object with {field!r}, a text")
    return dict(row)


def _problem(prompt: str, names: list[str]) -> str:
    """Return why a problem can't be measured, "" where it can."""
    if not names or len(set(names)) < len(names):
        return "its tests have no names, or one twice"
    head = _HEAD.search(prompt)
    parameters = [word.strip() for word in head.group(1).split(",")] if head else []
    if len(parameters) >= FEWEST_LETTERS and all(len(word) == 1 for word in parameters):
        return f"its parameters are the letters of {''.join(parameters)!r}"
    return ""


def _program(prompt: str, tests: str, names: tuple[str, ...], answer: str) -> Program:
    return Program(prompt + answer, tests, names)

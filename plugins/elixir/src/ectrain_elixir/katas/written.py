"""A tier of problems written by hand, in the style of public benchmarks but none of theirs.

They lie in `problems/*.toml`, a file for each subject: name, doc, spec, code (the reference) and
tests, each of which is some lines of Elixir with `assert`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from textwrap import indent

from ectrain_elixir.katas.kata import Kata

FOLDER = files("ectrain_elixir.katas").joinpath("problems")


@cache
def written() -> tuple[Kata, ...]:
    """Return all problems as katas, in the order of their files."""
    found = sorted(FOLDER.iterdir(), key=lambda path: path.name)
    return tuple(
        kata
        for path in found
        if path.name.endswith(".toml")
        for kata in _problems(path.name.removesuffix(".toml"), tomllib.loads(path.read_text()))
    )


def _problems(subject: str, content: Mapping[str, Mapping[str, str]]) -> Iterator[Kata]:
    for name, problem in content.items():
        module = "".join(part.capitalize() for part in name.split("_"))
        prompt, answer = _cut(module, problem)
        cases = [case for case in problem["tests"].strip().split("\n\n") if case]
        names = tuple(f"case {number}" for number in range(1, len(cases) + 1))
        tests = "\n".join(
            f'  test "{title}" do\n{indent(case.strip(), "    ")}\n  end\n'
            for title, case in zip(names, cases, strict=True)
        )
        yield Kata(
            id=f"written-{name}",
            family=subject,
            steps=(name,),
            module=module,
            prompt=prompt,
            answer=answer,
            tests=f"defmodule {module}Test do\n  use ExUnit.Case, async: false\n"
            f"  import {module}\n\n{tests}end\n",
            test_names=names,
            near_misses=(),
        )


def _cut(module: str, problem: Mapping[str, str]) -> tuple[str, str]:
    """Return what a problem's program begins with, as far as it is given, and its rest.

    A function of one clause is given with its head; of others, the answer writes all clauses.
    """
    code = indent(problem["code"].strip("\n"), "  ") + "\nend\n"
    doc = indent(problem["doc"].strip("\n"), "  ")
    setup = indent(problem.get("setup", "").strip("\n"), "  ")
    setup = f"{setup}\n\n" if setup else ""
    spec = f"  @spec {problem['spec'].strip()}\n" if "spec" in problem else ""
    prompt = f'defmodule {module} do\n{setup}  @doc """\n{doc}\n  """\n{spec}'
    head = re.match(r"  def (\w+[?!]?)\(?.* do\n", code)
    if head and len(re.findall(rf"^  def {re.escape(head[1])}\b", code, re.MULTILINE)) == 1:
        return prompt + head[0], code[head.end() :]
    return prompt, code

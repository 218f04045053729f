"""How far a LiveView and its tests can be verified without Phoenix: they compile, no more.

Modules of Phoenix's names have the functions and macros that `Phoenix.LiveViewTest` and
`Phoenix.ConnTest` have, by name and number of arguments; each says that it is a stand-in when it
is called. So a misspelt function is found, and no test passes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from ectrain.errors import SandboxError
from ectrain_elixir.runner import PooledRunner, Program, Status

ABSENT = "a stand-in for Phoenix was called"
NOT_RUN = "tests of LiveViews were compiled against stand-ins for Phoenix, not run"

_VIEW = """defmodule Phoenix.LiveView do
  def assign(socket, _), do: socket
  def assign(socket, _, _), do: socket
  def assign_new(socket, _, _), do: socket
  def update(socket, _, _), do: socket
  def put_flash(socket, _, _), do: socket
  def push_event(socket, _, _), do: socket
  def push_patch(socket, _), do: socket
  def push_navigate(socket, _), do: socket
  def connected?(_), do: true
  defmacro sigil_H(text, _), do: quote(do: {var!(assigns), unquote(text)})
end
"""
_APP = """defmodule {app} do
  defmacro __using__(_), do: quote(do: import Phoenix.LiveView)
end
defmodule {app}.ConnCase do
  defmacro __using__(options) do
    quote do
      use ExUnit.Case, unquote(options)
      import Phoenix.ConnTest
      setup do: {{:ok, conn: build_conn()}}
    end
  end
end
"""


def uncompiled(
    items: Sequence[tuple[str, str, Sequence[str]]], runner: PooledRunner
) -> list[str | None]:
    """Return why each LiveView and its tests don't compile; "" where they do.

    Args:
        items: Code, tests and the names of the tests.
        runner: Whose machines compile.

    Returns:
        The reason, or None where the sandbox failed and nothing is known.

    Raises:
        SandboxError: The stand-ins themselves can't be compiled.
    """
    programs = [
        Program(stubs(code + tests) + code, tests, tuple(names)) for code, tests, names in items
    ]
    found: list[str | None] = []
    for verdict in runner.run_all(programs):
        if verdict.status is Status.INFRA:
            found.append(None)
        elif verdict.passed:
            raise SandboxError(f"stand-ins for Phoenix let tests pass: {verdict.output[:200]}")
        else:
            ran = "not run" not in verdict.tests.values()
            found.append("" if ran else verdict.message)
    return found


def stubs(text: str) -> str:
    """Return stand-ins for Phoenix, and for the web modules that a text uses."""
    apps = sorted(set(re.findall(r"\b[A-Z]\w*Web\b", text)))
    return _phoenix() + _VIEW + "".join(_APP.format(app=app) for app in apps)


@cache
def _phoenix() -> str:
    api = json.loads(files(__package__).joinpath("liveview_api.json").read_text())
    return "".join(_module(name, functions) for name, functions in api.items())


def _module(name: str, functions: dict[str, list[str]]) -> str:
    lines = []
    for function in functions["def"]:
        word, arity = function.split("/")
        body = "%{}" if word == "build_conn" else f'raise("{ABSENT}")'
        lines.append(f"def {word}({_arguments(int(arity))}), do: {body}")
    for macro in functions["defmacro"]:
        word, arity = macro.split("/")
        first = "unquote(a1)" if int(arity) else "nil"
        body = f'quote(do: if(is_nil({first}) or true, do: raise("{ABSENT}")))'
        names = ", ".join(f"{'_' if n else ''}a{n + 1}" for n in range(int(arity)))
        lines.append(f"defmacro {word}({names}), do: {body}")
    return f"defmodule {name} do\n" + "".join(f"  {line}\n" for line in lines) + "end\n"


def _arguments(arity: int) -> str:
    return ", ".join(f"_a{n + 1}" for n in range(arity))

"""What stands around the calls of a snippet: a module, and a function with the caller's text."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import attrs

from ectrain_elixir.twins.calls import NAMES, Words
from ectrain_elixir.twins.composition import Composition

APPS = ("Shop", "Blog", "Desk", "Fleet", "Studio", "Clinic", "Garden")
PARTS = ("Report", "Page", "Export", "Search", "Upload", "Setting", "Account", "Archive")
ACTIONS = ("show", "index", "create", "update", "export", "build")
HELPERS = ("load", "prepare", "respond", "finish")
FILLERS = (
    'def home(conn, _params), do: redirect(conn, to: "/")',
    "def list(kind), do: Repo.all(Item, prefix: kind)",
    'def link(item), do: "/items/" <> item.id',
    "def trim(text), do: String.trim(text)",
)


@attrs.frozen
class Function:
    """A function that gets the caller's text.

    Attributes:
        module: The module's first lines.
        head: Its name and parameters.
        variables: How the caller's text is written in it, by name.
        reply: Its last line where a call's result is named, with X for that name.
        ending: Its last line otherwise, "" where it ends with a call.
    """

    module: tuple[str, ...]
    head: str
    variables: dict[str, str]
    reply: str = "{:ok, X}"
    ending: str = ""


@attrs.frozen
class Frame:
    """A file without its calls.

    Attributes:
        words: How variables and constants are written in it.
        head: Lines down to the calls.
        tail: Lines after the function.
        reply: The function's last line where a call's result is named, with X for that name.
        ending: Its last line otherwise, "" where it ends with a call.
    """

    words: Words
    head: tuple[str, ...]
    tail: tuple[str, ...]
    reply: str
    ending: str

    def around(self, lines: Sequence[str]) -> str:
        """Return the file with these lines in its function."""
        return "\n".join([*self.head, *(f"    {line}" for line in lines), *self.tail, ""])


def controller(rng: random.Random, names: Sequence[str]) -> Function:
    """An action of a controller."""
    app, action = rng.choice(APPS), rng.choice(ACTIONS)
    module = (
        f"defmodule {app}Web.{rng.choice(PARTS)}Controller do",
        f"  use {app}Web, :controller",
    )
    reply = "json(conn, X)"
    if rng.random() < 0.2:
        fetched = {name: f'params["{name}"]' for name in names}
        return Function(module, f"{action}(conn, params)", fetched, reply)
    pattern = ", ".join(f'"{name}" => {name}' for name in names)
    return Function(module, f"{action}(conn, %{{{pattern}}})", _plain(names), reply)


def plug(rng: random.Random, names: Sequence[str]) -> Function:
    """A plug."""
    module = (f"defmodule {rng.choice(APPS)}Web.{rng.choice(PARTS)}Plug do", "  import Plug.Conn")
    fetched = {name: f'conn.params["{name}"]' for name in names}
    return Function(module, "call(conn, _opts)", fetched, "assign(conn, :item, X)")


def context(rng: random.Random, names: Sequence[str]) -> Function:
    """A function of a context."""
    module = (f"defmodule {rng.choice(APPS)}.{rng.choice(PARTS)} do",)
    action, parameters = rng.choice(ACTIONS), ", ".join(names)
    if rng.random() < 0.3:
        return Function(module, f"{action}(item)", {name: f"item.{name}" for name in names})
    guard = f" when is_binary({names[0]})" if rng.random() < 0.2 else ""
    return Function(module, f"{action}({parameters}){guard}", _plain(names))


def server(rng: random.Random, names: Sequence[str]) -> Function:
    """A callback of a server."""
    module = (f"defmodule {rng.choice(APPS)}.{rng.choice(PARTS)}Server do", "  use GenServer")
    head = f"handle_cast({{:{rng.choice(ACTIONS)}, {', '.join(names)}}}, state)"
    return Function(module, head, _plain(names), "{:noreply, [X | state]}", "{:noreply, state}")


def view(rng: random.Random, names: Sequence[str]) -> Function:
    """A function of a view."""
    app, helper = rng.choice(APPS), rng.choice(("badge", "headline", "crumb"))
    module = (f"defmodule {app}Web.{rng.choice(PARTS)}View do", f"  use {app}Web, :view")
    if rng.random() < 0.5:
        assigned = {name: f"assigns.{name}" for name in names}
        return Function(module, f"{helper}(assigns)", assigned, "[X]")
    return Function(module, f"{helper}({', '.join(names)})", _plain(names), "[X]")


def _plain(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}


Place = Callable[[random.Random, Sequence[str]], Function]
PLACES: dict[str, tuple[Place, ...]] = {
    "conn": (controller, controller, controller, plug),
    "view": (view, context),
    "": (controller, context, context, server),
}


def drawn_frame(rng: random.Random, composition: Composition) -> Frame:
    """Draw what stands around a composition's calls."""
    names, needs = composition.variables, composition.needs
    function = rng.choice(PLACES[needs])(rng, names)
    attributes = not composition.literal and rng.random() < 0.05
    above = [*function.module[1:]]
    above += [f'  @{word} "{rng.choice(NAMES)}"' for word in composition.constants if attributes]
    above += [f"  {rng.choice(FILLERS)}"] if rng.random() < 0.15 else []
    way = rng.choice((_direct, *[_local] * 6, _made, _helper))
    lines, variables = way(rng, function, composition)
    return Frame(
        Words(variables, attributes),
        (function.module[0], *above, *([""] if above else []), *lines),
        ("  end", "end"),
        function.reply,
        function.ending if way is not _helper else "",
    )


Lines = tuple[list[str], dict[str, str]]


def _direct(rng: random.Random, function: Function, composition: Composition) -> Lines:
    """Calls use the caller's text as the function gets it."""
    return [f"  def {function.head} do"], function.variables


def _local(rng: random.Random, function: Function, composition: Composition) -> Lines:
    """Text that is part of something gets a name first; calls use names."""
    taken = {name: text for name, text in function.variables.items() if text != name}
    assigned = [f"    {name} = {text}" for name, text in taken.items()]
    return [f"  def {function.head} do", *assigned], _plain(composition.variables)


def _made(rng: random.Random, function: Function, composition: Composition) -> Lines:
    """One variable is made of the caller's text."""
    lines, variables = _local(rng, function, composition)
    name = composition.variables[0]
    made = rng.choice([other for other in NAMES if other not in composition.variables])
    ways = (f'"new-" <> {name}', f"String.trim({name})", f"{name} |> String.trim()")
    value = f"to_charlist({name})" if composition.charlist else rng.choice(ways)
    return [*lines, f"    {made} = {value}"], {**variables, name: made}


def _helper(rng: random.Random, function: Function, composition: Composition) -> Lines:
    """A private function gets the caller's text from the public one."""
    helper = rng.choice(HELPERS)
    own = rng.sample([n for n in NAMES if n not in composition.variables], 2)
    conn = ["conn"] if composition.needs == "conn" else []
    given = ", ".join([*conn, *function.variables.values()])
    lines = [f"  def {function.head} do", f"    {helper}({given})"]
    lines += [f"    {function.ending}"] if function.ending else []
    lines += ["  end", "", f"  defp {helper}({', '.join([*conn, *own])}) do"]
    return lines, dict(zip(composition.variables, own, strict=True))

"""Features of small LiveViews: what they hold, show and answer, and several tests of each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import attrs

from ectrain_elixir.katas.values import WORDS

Lines = tuple[str, ...]


@attrs.frozen
class Feature:
    """A part of a page.

    Attributes:
        title: Of its test.
        assigns: With their first values.
        template: Lines of HEEx.
        events: Clauses of `handle_event/3`.
        shows: Texts that the page shows at first.
        tests: Ways to test it; `view` is the page.
    """

    title: str
    assigns: Lines
    template: Lines
    events: tuple[Lines, ...]
    shows: Lines
    tests: tuple[Lines, ...]


def _word(rng: random.Random) -> str:
    return rng.choice(WORDS).lower()


def _event(event: str, params: str, update: str) -> Lines:
    head = f'def handle_event("{event}", {params}, socket) do'
    return (head, f"  {{:noreply, {update}}}", "end")


def counter(rng: random.Random) -> Feature:
    """A number that a button changes."""
    name, start, by = rng.choice(("count", "score", "total")), rng.randint(0, 5), rng.randint(1, 4)
    event, label = rng.choice((("inc", "More"), ("add", "Add"), ("up", "Up")))
    first, second = start + by, start + 2 * by
    button = f'element("button", "{label}")'
    return Feature(
        title=f"adds {by} to the {name}",
        assigns=(f"{name}: {start}",),
        template=(
            f'<p id="{name}">{name}: <%= @{name} %></p>',
            f'<button phx-click="{event}">{label}</button>',
        ),
        events=(_event(event, "_params", f"update(socket, :{name}, &(&1 + {by}))"),),
        shows=(f"{name}: {start}",),
        tests=(
            (f'assert view |> {button} |> render_click() =~ "{name}: {first}"',),
            (
                f"view |> {button} |> render_click()",
                f'assert view |> {button} |> render_click() =~ "{name}: {second}"',
            ),
            (f'assert render_click(view, "{event}") =~ "{name}: {first}"',),
        ),
    )


def limited(rng: random.Random) -> Feature:
    """A number that a button lowers, but not below a limit."""
    name, least = rng.choice(("stock", "seats", "tries")), rng.randint(0, 2)
    start = least + rng.randint(1, 2)
    clicks = ('render_click(view, "take")',) * (start - least)
    return Feature(
        title=f"keeps the {name} at {least} or more",
        assigns=(f"{name}: {start}",),
        template=(
            f'<p id="{name}">{name}: <%= @{name} %></p>',
            '<button phx-click="take">Take</button>',
        ),
        events=(_event("take", "_params", f"update(socket, :{name}, &max(&1 - 1, {least}))"),),
        shows=(f"{name}: {start}",),
        tests=(
            (*clicks, f'assert render_click(view, "take") =~ "{name}: {least}"'),
            (
                f'assert view |> element("button", "Take") |> render_click() =~ '
                f'"{name}: {start - 1}"',
            ),
        ),
    )


def toggle(rng: random.Random) -> Feature:
    """A text that a button shows and hides."""
    name, text = rng.choice(("details", "help", "menu")), _word(rng)
    element = f'has_element?(view, "#{name}", "{text}")'
    button = f'view |> element("button", "{name.capitalize()}") |> render_click()'
    return Feature(
        title=f"shows and hides the {name}",
        assigns=(f"{name}: false",),
        template=(
            f'<button phx-click="toggle_{name}">{name.capitalize()}</button>',
            f'<p :if={{@{name}}} id="{name}">{text}</p>',
        ),
        events=(_event(f"toggle_{name}", "_params", f"update(socket, :{name}, &not/1)"),),
        shows=(),
        tests=(
            (f"refute {element}", button, f"assert {element}", button, f"refute {element}"),
            (f'assert render_click(view, "toggle_{name}") =~ "{text}"', f"assert {element}"),
        ),
    )


def entries(rng: random.Random) -> Feature:
    """A list that a form adds to."""
    name, field = rng.choice(("items", "notes", "names")), rng.choice(("text", "title", "label"))
    form, word, other = f"new-{name}", _word(rng), _word(rng)
    listed = f'has_element?(view, "#{name} li", "{word}")'
    submit = f'view |> form("#{form}", %{{{field}: "{word}"}}) |> render_submit()'
    add = f'%{{"{field}" => {field}}}'
    return Feature(
        title=f"adds to the {name}",
        assigns=(f"{name}: []",),
        template=(
            f'<form id="{form}" phx-submit="save_{name}"><input name="{field}" /></form>',
            f'<ul id="{name}"><li :for={{x <- @{name}}}><%= x %></li></ul>',
        ),
        events=(_event(f"save_{name}", add, f"update(socket, :{name}, &[{field} | &1])"),),
        shows=(),
        tests=(
            (f"refute {listed}", submit, f"assert {listed}"),
            (f'assert {submit} =~ "{word}"',),
            (
                submit,
                f'html = render_submit(view, "save_{name}", %{{"{field}" => "{other}"}})',
                f'assert html =~ "{word}"',
                f'assert html =~ "{other}"',
            ),
        ),
    )


def greeting(rng: random.Random) -> Feature:
    """A text that follows what is typed."""
    word, name = rng.choice(("Hello", "Welcome", "Dear")), _word(rng)
    change = f'view |> form("#who", %{{name: "{name}"}}) |> render_change()'
    return Feature(
        title="greets by name",
        assigns=('name: "you"',),
        template=(
            '<form id="who" phx-change="rename"><input name="name" /></form>',
            f'<h1 id="greeting">{word} <%= @name %></h1>',
        ),
        events=(_event("rename", '%{"name" => name}', "assign(socket, name: name)"),),
        shows=(f"{word} you",),
        tests=(
            (f'assert {change} =~ "{word} {name}"',),
            (change, f'assert has_element?(view, "#greeting", "{word} {name}")'),
        ),
    )


def tabs(rng: random.Random) -> Feature:
    """Tabs, one of which is open."""
    one, other = rng.sample(("first", "second", "news", "files", "people"), 2)
    opened = f'has_element?(view, "#tab", "{other}")'
    button = f'element("button[phx-value-tab={other}]")'
    return Feature(
        title=f"opens the tab {other}",
        assigns=(f'tab: "{one}"',),
        template=(
            f'<button :for={{tab <- ~w({one} {other})}} phx-click="open" phx-value-tab={{tab}}>',
            "  <%= tab %>",
            "</button>",
            '<p id="tab">tab <%= @tab %></p>',
        ),
        events=(_event("open", '%{"tab" => tab}', "assign(socket, tab: tab)"),),
        shows=(f"tab {one}",),
        tests=(
            (f"refute {opened}", f"view |> {button} |> render_click()", f"assert {opened}"),
            (f'assert render_click(view, "open", %{{"tab" => "{other}"}}) =~ "tab {other}"',),
        ),
    )


def removal(rng: random.Random) -> Feature:
    """A list whose entries buttons remove."""
    name = rng.choice(("fruits", "colours", "cities"))
    words = [word.lower() for word in rng.sample(WORDS, 3)]
    gone, *left = words
    listed = f'has_element?(view, "#{name} li", "{gone}")'
    click = f'view |> element("#{name} button[phx-value-name={gone}]") |> render_click()'
    kept = tuple(f'assert has_element?(view, "#{name} li", "{word}")' for word in left[:1])
    return Feature(
        title=f"removes from the {name}",
        assigns=(f"{name}: ~w({' '.join(words)})",),
        template=(
            f'<ul id="{name}">',
            f'  <li :for={{x <- @{name}}}><%= x %><button phx-click="drop_{name}" '
            "phx-value-name={x}>x</button></li>",
            "</ul>",
        ),
        events=(
            _event(
                f"drop_{name}",
                '%{"name" => name}',
                f"update(socket, :{name}, &List.delete(&1, name))",
            ),
        ),
        shows=tuple(words[:2]),
        tests=(
            (f"assert {listed}", click, f"refute {listed}", *kept),
            (
                f'html = render_click(view, "drop_{name}", %{{"name" => "{gone}"}})',
                f'refute html =~ "{gone}"',
                f'assert html =~ "{left[0]}"',
            ),
        ),
    )


def notice(rng: random.Random) -> Feature:
    """A button that only shows a message."""
    event, said = rng.choice((("save", "Saved"), ("send", "Sent"), ("book", "Booked")))
    word = _word(rng)
    label = event.capitalize()
    return Feature(
        title=f"says that it was {said.lower()}",
        assigns=('message: ""',),
        template=(
            f'<button phx-click="{event}">{label}</button>',
            '<p id="message"><%= @message %></p>',
        ),
        events=(_event(event, "_params", f'assign(socket, message: "{said} {word}")'),),
        shows=(),
        tests=(
            (f'assert view |> element("button", "{label}") |> render_click() =~ "{said} {word}"',),
            (
                f'refute render(view) =~ "{said}"',
                f'render_click(view, "{event}")',
                f'assert has_element?(view, "#message", "{said} {word}")',
            ),
        ),
    )


FEATURES: Mapping[str, Callable[[random.Random], Feature]] = {
    "counter": counter,
    "limited": limited,
    "toggle": toggle,
    "entries": entries,
    "greeting": greeting,
    "tabs": tabs,
    "removal": removal,
    "notice": notice,
}

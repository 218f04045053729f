"""Small projects that tests of datasets read."""

from __future__ import annotations

from pathlib import Path

WORDS = ("basket", "garage", "meter", "player", "depot", "harbor", "studio", "ticket", "wallet")


def module(name: str, number: int = 0) -> str:
    """Return a module that is like no other of another name and number."""
    body = "".join(
        f"  def {word}{number}(x, y) do\n    z = x * {number * 31 + len(word)} + y\n"
        f"    {{:{word}_{name.lower().replace('.', '_')}, z - {number}, {name!r:s}}}\n  end\n\n"
        for word in WORDS[number % 4 : number % 4 + 4]
    ).replace("'", '"')
    return f"defmodule {name} do\n{body}end\n"


def suite(name: str, number: int) -> str:
    """Return the ExUnit module of a module."""
    return (
        f"defmodule {name}Test do\n  use ExUnit.Case\n\n"
        f'  test "it is {number}" do\n    assert {name}.{WORDS[number % 4]}{number}(1, 2)\n'
        f"    refute {name} == :other_{number}\n  end\nend\n"
    )


def project(root: Path, app: str, files: int = 4) -> Path:
    """Write a Mix project with sources and their tests."""
    name = app.capitalize()
    texts = {
        "mix.exs": f"defmodule {name}.MixProject do\n  use Mix.Project\n\n"
        f'  def project, do: [app: :{app}, package: [licenses: ["MIT"]]]\nend\n'
    }
    for number in range(files):
        part = f"{name}.{WORDS[number].capitalize()}"
        mark = number + len(app) * 7
        texts[f"lib/{app}/{WORDS[number]}.ex"] = module(part, mark)
        texts[f"test/{app}/{WORDS[number]}_test.exs"] = suite(part, mark)
    return write(root / app, texts)


def write(root: Path, texts: dict[str, str | bytes]) -> Path:
    """Write files below a folder and return that."""
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def projects(root: Path, count: int = 4) -> Path:
    """Write several Mix projects."""
    for app in ("alpha", "bravo1", "charlie", "deltas22")[:count]:
        project(root, app)
    return root

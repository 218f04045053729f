"""What the documentation shows runs: every block of it, in order, in a folder of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blocks import Block, Page, blocks_of, matches

from ectrain.errors import SandboxError

ROOT = Path(__file__).parent.parent
NAMES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "examples/README.md",
)
GENERATED = ROOT / "docs" / "reference"  # compared with the code in test_reference.py
WRITTEN = [path for path in sorted(ROOT.glob("docs/**/*.md")) if GENERATED not in path.parents]
DOCUMENTS = [*(ROOT / name for name in NAMES), *WRITTEN]

MOST_NOT_RUN = 3  # blocks that can't be run in a test; more need a good reason


def _cases() -> Iterator[Any]:
    for path in DOCUMENTS:
        blocks = list(blocks_of(path))
        marks = [pytest.mark.slow] if any("small" in block.notes for block in blocks) else []
        yield pytest.param(blocks, id=str(path.relative_to(ROOT)), marks=marks)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Yield a page in a folder with copies of what pages name: nothing they do can reach more."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / ".venv").symlink_to(sys.prefix)
    page = Page(folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(page.site))
    before = set(sys.modules)
    yield page
    for name in set(sys.modules) - before:  # the next page may install another of the same name
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def no_elixir() -> str | None:
    """Return why no Elixir can be run, or None."""
    from ectrain_elixir.runner import find_runner

    try:
        find_runner()
    except SandboxError as error:
        return str(error)
    return None


@pytest.mark.parametrize("blocks", list(_cases()))
def test_every_block_runs(blocks: list[Block], checkout: Page) -> None:
    """Commands succeed and say what is shown, code runs, data is well-formed."""
    why_not = no_elixir() if any("needs" in block.notes for block in blocks) else None
    for block in blocks:
        if why_not and "needs" in block.notes:
            pytest.skip(f"from {block.place} on blocks need Elixir: {why_not}")
        if "not run" not in block.notes:
            checkout.run(block)


def test_few_blocks_are_not_run() -> None:
    """What can't be run in a test is marked with the reason, and is the exception."""
    marked = [b for path in DOCUMENTS for b in blocks_of(path) if "not run" in b.notes]
    assert len(marked) <= MOST_NOT_RUN, [block.place for block in marked]
    assert all(len(block.notes["not run"].split()) >= 3 for block in marked)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```sh\nfalse\n```", "exit 1"),
        ("```python\nassert 1 == 2\n```", "1 == 2|^$"),
        ("```toml\nkey = \n```", "Invalid value"),
        ("```console\n$ echo one\ntwo\n```", "echo one"),
        ("```ruby\nputs 1\n```", "nothing runs blocks of 'ruby'"),
        ("    indented\n", "nothing runs blocks of ''"),
        ("```elixir\ndef do end end\n```", "page.md:1"),
        ("```text\n$ ectrain run\n```", "shown as text"),
    ],
)
def test_a_block_that_fails_is_found(
    text: str, problem: str, checkout: Page, tmp_path: Path
) -> None:
    """A block that does not do what it shows fails, whatever its language."""
    document = tmp_path / "page.md"
    document.write_text(text)
    (block,) = blocks_of(document)
    with pytest.raises((AssertionError, ValueError), match=problem):
        checkout.run(block)


def test_output_is_compared_but_for_its_numbers() -> None:
    """Words and their order must be there; numbers may differ, and "..." stands for any text."""
    assert matches("loss 1,204.5 -> 0.3\n...\nmet", "so\nloss 7 ->   12.25\nand so on\nnot met\n")
    assert not matches("loss 1\n...\nmet", "loss one\nmet\n")
    assert not matches("first\n...\nsecond", "second first")


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    """Every link leads somewhere and every page is in the table of contents."""
    from sphinx.cmd.build import main

    words = ["--quiet", "--fail-on-warning", "--keep-going", "-b", "html"]
    assert main([*words, "-d", str(tmp_path / "trees"), str(ROOT / "docs"), str(tmp_path)]) == 0
    assert "Exit codes" in (tmp_path / "reference" / "exit-codes.html").read_text(encoding="utf-8")

"""The code blocks of a Markdown document, and what runs each of them.

Own code, since a tool that looks for the blocks of languages it knows passes over all others in
silence; here every block is found by the Markdown parser, and one that nothing runs is a failure.

A comment in front of a block, `<!-- block: WHAT VALUE -->`, says what a reader need not see:

    file NAME       the block is written to a file, for later blocks
    small RULES     words that make commands quick: "run --set scale=0.1; eval --examples 2"
    needs elixir    the page ends here where there is no sandbox to run Elixir in
    not run REASON  the block can't be run in a test
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from click.testing import CliRunner
from markdown_it import MarkdownIt

from ectrain.phases import Curriculum
from ectrain.structure import structured
from ectrain_cli.main import main

_NOTE = re.compile(r"<!-- block: (file|small|needs|not run) (.+?) -->", re.DOTALL)
_SHELL = set("|&;<>()$`\\\"'*?[]#~!{}")  # what makes a line more than words

ECTRAIN = """#!{python}
import json, os, sys
from ectrain_cli.main import main
words = sys.argv[1:]
for command, more in json.loads(os.environ["SMALL"]):
    words += more if words[:1] == [command] else []
main(words, prog_name="ectrain")
"""

# Installs what lies here into a folder of the page's own, without an index.
PIP = """#!/bin/sh
shift
[ "$1" = -e ] && shift
exec {python} -m pip install -q --no-deps --no-index --no-build-isolation --target {site} "$1"
"""


@attrs.frozen
class Block:
    """A code block.

    Attributes:
        place: Document and line.
        line: Of its first line of code, from 1.
        language: First word of the fence.
        text: What is in it.
        notes: What comments in front of it say.
    """

    place: str
    line: int
    language: str
    text: str
    notes: Mapping[str, str]


def blocks_of(document: Path) -> Iterator[Block]:
    """Yield every code block of a document, fenced or indented."""
    notes: dict[str, str] = {}
    for token in MarkdownIt().parse(document.read_text(encoding="utf-8")):
        if token.type == "html_block":
            notes |= {what: " ".join(value.split()) for what, value in _NOTE.findall(token.content)}
        elif token.type in ("fence", "code_block"):
            assert token.map is not None
            line = token.map[0] + 1
            language = token.info.partition(" ")[0]
            yield Block(f"{document.name}:{line}", line + 1, language, token.content, notes)
            notes = {}


class Page:
    """Runs the blocks of a document one after another in a folder of its own.

    Args:
        folder: Where they run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, Any] = {"__name__": "document"}
        self._bin, self.site = folder / ".bin", folder / ".site"
        self._bin.mkdir()
        self.site.mkdir()
        for name, text in (
            ("ectrain", ECTRAIN),
            ("pip", PIP),
            ("python", '#!/bin/sh\nexec {python} "$@"\n'),
        ):
            (self._bin / name).write_text(text.format(python=sys.executable, site=self.site))
            (self._bin / name).chmod(0o755)

    def run(self, block: Block) -> None:
        """Run a block.

        Raises:
            AssertionError: It fails, or nothing runs blocks of its language.
        """
        if block.language == "{toctree}":
            return  # the build reads it
        if "file" in block.notes:
            path = self._folder / block.notes["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        runner = getattr(self, f"_run_{block.language}", None)
        assert runner is not None, f"{block.place}: nothing runs blocks of {block.language!r}"
        if "file" not in block.notes or block.language in ("toml", "json"):
            runner(block)

    def _run_sh(self, block: Block) -> None:
        lines = block.text.splitlines()
        if not all(map(is_plain, lines)):
            self._shell(block.text, block)
            return
        for line in lines:
            self._here(line, block)

    def _run_console(self, block: Block) -> None:
        parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
        assert not parts[0].strip(), f"{block.place}: the first line is no command"
        for part in parts[1:]:
            line, _, expected = part.partition("\n")
            found = (self._here if is_plain(line) else self._shell)(line, block)
            assert matches(expected, found), f"{block.place}: {line}\n{found}"

    def _run_python(self, block: Block) -> None:
        code = compile("\n" * (block.line - 1) + block.text, block.place, "exec")
        exec(code, self._names)

    def _run_toml(self, block: Block) -> None:
        data = tomllib.loads(block.text)
        if "phases" in data:
            structured(data, Curriculum, block.place)

    def _run_json(self, block: Block) -> None:
        for line in block.text.splitlines():
            json.loads(line)

    def _run_elixir(self, block: Block) -> None:
        from ectrain_elixir.syntax import parses

        assert parses(block.text), block.place

    def _run_text(self, block: Block) -> None:
        """Run nothing: a picture, or what a command in the sentence before it says."""
        commands = re.search(r"^\$ |^ *(ectrain|pip|python) ", block.text, re.MULTILINE)
        assert not commands, f"{block.place}: a command is shown as text, so nothing runs it"

    def _here(self, line: str, block: Block) -> str:
        """Run a command of ectrain in this process, which has torch already."""
        words = shlex.split(line, comments=True)[1:]
        for command, more in rules(block):
            words += more if words[:1] == [command] else []
        done = CliRunner().invoke(main, words, prog_name="ectrain")
        assert done.exit_code == 0, f"{block.place}: {line}\n{done.output}"
        return done.output

    def _shell(self, script: str, block: Block) -> str:
        """Run a script, in which `ectrain` and `pip` are those of the page."""
        paths = [str(self._bin), str(Path(sys.executable).parent), os.environ["PATH"]]
        own = {
            "PATH": os.pathsep.join(paths),
            "PYTHONPATH": str(self.site),
            "SMALL": json.dumps(rules(block)),
        }
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            cwd=self._folder,
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.place}: exit {done.returncode}\n{done.stdout}"
        return done.stdout


def is_plain(line: str) -> bool:
    """Return whether a line is a command of ectrain and nothing that a shell would act upon."""
    bare = re.sub(r"'[^']*'|\"[^\"$`]*\"|\s#.*", "", line)
    return line.startswith("ectrain ") and not _SHELL & set(bare)


def rules(block: Block) -> list[tuple[str, list[str]]]:
    """Return the words that make each command of a block quick."""
    parts = (shlex.split(part) for part in block.notes.get("small", "").split(";"))
    return [(command, more) for command, *more in filter(None, parts)]


def matches(expected: str, found: str) -> bool:
    """Return whether output is as expected: any text for "...", any number for a number."""
    wanted = (_words(part) for part in re.split(r"\.\.\.", expected))
    pattern = ".*".join(re.escape(part) for part in wanted)
    return re.search(pattern, _words(found), re.DOTALL) is not None


def _words(text: str) -> str:
    """Return a text with single spaces, and # for every number; units may differ with it."""
    numbers = re.sub(r"(?<![a-z])[\d,.]*\d( [KM]\b)?", "#", text)
    return re.sub(r"\s+", " ", numbers).strip()

"""Laws of twins: the same always, the same words in both, and labelled as Sobelow would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tree_sitter_elixir
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter import Language, Node, Parser

from ectrain_elixir.findings import SNIPPET_FINDINGS
from ectrain_elixir.syntax import parses
from ectrain_elixir.twins import Snippet, snippets
from ectrain_elixir.twins.calls import NAMES
from ectrain_elixir.twins.composition import Split
from ectrain_elixir.twins.forms import HARMLESS, LOOK_ALIKES, SINKS
from ectrain_elixir.twins.frames import ACTIONS, APPS, HELPERS, PARTS
from ectrain_elixir.twins.snippets import LEAST

SPLITS: tuple[Split, ...] = ("train", "val", "test")
SIZE = 1500


def everything(size: int = SIZE) -> list[Snippet]:
    """Return the snippets of all splits."""
    return [snippet for split in SPLITS for snippet in snippets(split, size)]


def test_counts_and_ids() -> None:
    """Each split has its size; no id and no text occurs twice over all splits."""
    assert [len(snippets(split, SIZE)) for split in SPLITS] == [SIZE, 225, 225]
    assert len(snippets("val", 100)) == LEAST
    found = everything()
    assert len({s.id for s in found}) == len({s.code for s in found}) == len(found)


def test_a_seed_is_repeatable_in_another_process(tmp_path: Path) -> None:
    """Another process with an empty cache draws the same; another seed draws others."""
    code = (
        "from ectrain_elixir.twins import snippets; print([s.id for s in snippets('val', 50, 3)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ECTRAIN_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == repr([s.id for s in snippets("val", 50, 3)])
    assert [*snippets("val", 50, 3)] != [*snippets("val", 50, 4)]


def anonymous(code: str) -> str:
    """Return code with every drawn name and word made equal."""
    drawn = (*NAMES, *APPS, *PARTS, *ACTIONS, *HELPERS)
    return re.sub(rf"(?<![a-zA-Z])({'|'.join(drawn)})(?![a-z])", "x", code)


def test_nothing_is_in_two_splits() -> None:
    """No pair, and no program whatever its names are, occurs in two splits."""
    marks: tuple[Callable[[Snippet], str], ...] = (lambda s: s.group, lambda s: anonymous(s.code))
    for mark in marks:
        owners: dict[str, str] = {}
        for split in SPLITS:
            for snippet in snippets(split, SIZE):
                assert owners.setdefault(mark(snippet), split) == split


def test_twins_are_the_same_words_in_another_order() -> None:
    """Both twins have the same words equally often, and one finding that tells them apart."""
    pairs = defaultdict(list)
    for snippet in everything():
        pairs[snippet.group].append(snippet)
    twins = [pair for pair in pairs.values() if len(pair) > 1]
    assert len(twins) > SIZE / 3
    for one, other in twins:
        words = [Counter(re.findall(r"[a-zA-Z]+", snippet.code)) for snippet in (one, other)]
        assert words[0] == words[1]
        assert len(set(one.findings) ^ set(other.findings)) == 1


def test_every_finding_is_in_every_split() -> None:
    """Each finding that a snippet can show occurs in each split, and so do clean snippets."""
    names = {finding.id for finding in SNIPPET_FINDINGS}
    assert set(SINKS) == set(LOOK_ALIKES) == names
    for split in SPLITS:
        found = Counter(name for s in snippets(split, SIZE) for name in s.findings)
        assert set(found) == names
        clean = sum(not s.findings for s in snippets(split, SIZE))
        assert 0.35 < clean / len(snippets(split, SIZE)) < 0.65


@given(st.sampled_from(everything()))
def test_texts_are_elixir(snippet: Snippet) -> None:
    """Each snippet parses, and no gap of a form is left open."""
    assert parses(snippet.code), snippet.code
    assert not re.search(r"(?<!\w)[EA](?!\w)|\b[PSTV]\b", snippet.code), snippet.code


# What Sobelow 0.13 looks at: the name of a call, and which of its arguments holds the danger.
WATCHED: dict[str, tuple[str, int]] = {
    ":os.cmd": ("CI.OS", 0),
    "System.cmd": ("CI.System", 0),
    ":erlang.binary_to_atom": ("DOS.BinToAtom", 0),
    "List.to_atom": ("DOS.ListToAtom", 0),
    "String.to_atom": ("DOS.StringToAtom", 0),
    ":erlang.binary_to_term": ("Misc.BinToTerm", 0),
    "Code.eval_string": ("RCE.CodeModule", 0),
    "Code.eval_file": ("RCE.CodeModule", 0),
    "EEx.eval_string": ("RCE.EEx", 0),
    "EEx.eval_file": ("RCE.EEx", 0),
    "Repo.query": ("SQL.Query", 0),
    "SQL.query": ("SQL.Query", 1),
    "SQL.stream": ("SQL.Stream", 1),
    **{
        f"File.{f}": ("Traversal.FileModule", 0) for f in ("read", "write", "rm", "open", "mkdir_p")
    },
    "send_download": ("Traversal.SendDownload", 1),
    "send_file": ("Traversal.SendFile", 2),
    "put_resp_content_type": ("XSS.ContentType", 1),
    "html": ("XSS.HTML", 1),
    "raw": ("XSS.Raw", 0),
    "Phoenix.HTML.raw": ("XSS.Raw", 0),
    "send_resp": ("XSS.SendResp", 2),
}


def judged(code: str) -> set[str]:
    """Return what Sobelow's rules find in a file, read off its syntax tree anew."""
    root = Parser(Language(tree_sitter_elixir.language())).parse(code.encode()).root_node
    return {name for node in every(root) if (name := finding_of(node, code))}


def every(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    for child in node.children:
        yield from every(child)


def finding_of(node: Node, code: str) -> str:
    """Return what a node is reported as, "" for nothing."""
    if node.type == "quoted_atom":
        return "DOS.BinToAtom" if holds_variable(node) else ""
    if node.type != "call":
        return ""
    name, arguments = (node.children[0].text or b"").decode(), arguments_of(node)
    if name == "File.cp":
        return "Traversal.FileModule" if any(map(holds_variable, arguments)) else ""
    finding, place = WATCHED.get(name, ("", 0))
    if not finding or not holds_variable(arguments[place]):
        return ""
    if finding == "XSS.SendResp" and '"text/plain"' in code:
        return ""
    return "" if ":binary" in (arguments[place].text or b"").decode() else finding


def arguments_of(call: Node) -> list[Node]:
    """Return a call's arguments, what is piped into it first; a `|>` is judged as a call."""
    own = [c for part in call.children if part.type == "arguments" for c in part.named_children]
    above = call.parent
    if above is not None and above.type == "binary_operator" and above.children[1].text == b"|>":
        return [above.children[0], *own] if above.children[2] == call else own
    return own


def holds_variable(node: Node) -> bool:
    """Return whether a variable is in an expression; a module attribute is none."""
    if node.type == "unary_operator" and node.children[0].text == b"@":
        return False
    if node.type == "identifier":
        return True
    return any(holds_variable(child) for child in node.named_children)


@pytest.mark.parametrize("seed", [0, 1])
def test_labels_are_what_the_syntax_tree_says(seed: int) -> None:
    """Findings are exactly the sinks that have a variable where Sobelow looks for one."""
    for split in SPLITS:
        for snippet in snippets(split, SIZE, seed):
            assert judged(snippet.code) == set(snippet.findings), snippet.code


def test_harmless_calls_are_harmless() -> None:
    """With a variable in the gap, no look-alike and no harmless call is reported."""
    forms = {form for forms in LOOK_ALIKES.values() for form in forms} | set(HARMLESS)
    for form in forms:
        call = re.sub(r"(?<!\w)A(?!\w)", "name", form)
        assert judged(f"def f(conn, name) do\n  {call}\nend\n") == set(), call


def test_snippets_are_realistic_in_kind() -> None:
    """Controllers, plugs, contexts, servers, views, helpers, assignments, attributes, pipes."""
    code = "\n".join(snippet.code for snippet in snippets("train", SIZE))
    for mark in (
        "Controller do", "Plug do", "Server do", "View do", "defp ", " |> ", " = params[", "  @",
        "case ", " when is_binary", "assigns.", "conn.params[", "item.", "#{",
    ):  # fmt: skip
        assert code.count(mark) > 10, mark

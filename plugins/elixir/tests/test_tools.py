"""Readers of real tools' output take what the tools print, and say what they cannot read."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import DataError, SandboxError
from ectrain_elixir.tools import (
    FileCoverage,
    find_tool,
    muzak_rate,
    read_cover,
    read_credo,
    read_muzak,
    read_sarif,
    read_sobelow,
    run_tool,
)
from ectrain_elixir.tools.credo import categories

CREDO = """Compiling 2 files (.ex)
warning: {:unused, 1}
{ "issues": [
  { "category": "readability", "check": "Credo.Check.Readability.ModuleDoc", "column": 11,
    "column_end": 14, "filename": "lib/a.ex", "line_no": 1, "priority": 1,
    "message": "Modules should have a @moduledoc tag.", "scope": "A", "trigger": "A" },
  { "category": "design", "check": "Credo.Check.Design.TagTODO", "column": null,
    "column_end": null, "filename": "/abs/lib/b.ex", "line_no": 7, "priority": -5,
    "message": "Found a TODO tag in a comment: # TODO: {later}", "scope": null, "trigger": null }
] }
done
"""
SOBELOW = {
    "findings": {
        "high_confidence": [
            {"file": "lib/a.ex", "line": 3, "type": "SQL.Query: SQL injection", "variable": "q"}
        ],
        "medium_confidence": [],
        "low_confidence": [
            {"file": "lib/b.ex", "line": 0, "type": "Config.HTTPS: HTTPS Not Enabled"}
        ],
    },
    "sobelow_version": "0.13.0",
    "total_findings": 2,
}
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "Credo", "rules": [{"id": "EX3009", "name": "ModuleDoc"}]}},
            "results": [
                {
                    "ruleId": "EX3009",
                    "level": "note",
                    "message": {"text": "Modules should have a @moduledoc tag."},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "lib/a.ex"},
                                "region": {"startLine": 1, "startColumn": 11},
                            },
                            "logicalLocations": [{"fullyQualifiedName": "A.f"}],
                        }
                    ],
                },
                {"ruleId": "EX9999", "message": {"text": "nowhere"}},
            ],
        }
    ],
}
MUZAK = """Beginning mutation testing - 5 mutations generated

\x1b[31mF\x1b[0m
05:44:57.225 [notice] Application shop exited: :stopped
\x1b[32m.\x1b[0m

     lib/price.ex:4
     original: @limit 10\x1b[32m0\x1b[0m
     mutation: @limit 10\x1b[31m3\x1b[0m

     lib/words.ex:8
     original: |> String.split(~r/\x1b[32m[^a-z]+\x1b[0m/, trim: true)
     mutation: |> String.split(~r/\x1b[31mword\x1b[0m/, trim: true)


Finished in 0.4 seconds (0.00s async, 0.4s sync)
\x1b[31m5 mutations run
2 survived 60.00% of mutations were found\x1b[0m
"""
COVER = """....
Finished in 0.1 seconds
Generating cover results ...

Percentage | Module
-----------|--------------------------
    85.71% | Shop.Cart
\x1b[31m   100.00%\x1b[0m | String.Chars.Shop.Cart
-----------|--------------------------
    90.00% | Total

Coverage test failed, threshold not met
"""


def test_credo() -> None:
    """Issues come out of the noise around them; columns and scopes may be missing."""
    doc, todo = read_credo(CREDO)
    assert (doc.check, doc.category, doc.line, doc.column) == (
        "Readability.ModuleDoc",
        "readability",
        1,
        11,
    )
    assert (todo.column, todo.scope, todo.priority) == (None, "", -5)
    assert categories(2 | 4) == ("design", "readability")
    assert categories(0) == ()


def test_sobelow() -> None:
    """Findings are keyed by the words before the colon; line 0 is no line."""
    query, https = read_sobelow(json.dumps(SOBELOW))
    assert (query.type, query.confidence, query.variable) == ("SQL.Query", "high", "q")
    assert (https.type, https.line, https.variable) == ("Config.HTTPS", None, "")
    assert len(read_sobelow(f'{{"event": "compiled"}}\n{json.dumps(SOBELOW)}\n{{}}')) == 2
    with pytest.raises(DataError, match="--strict"):
        read_sobelow("{}")


def test_sarif() -> None:
    """Results have rule, place and scope where the document has them."""
    doc, nowhere = read_sarif("[warning]\n" + json.dumps(SARIF, indent=1))
    assert (doc.tool, doc.rule, doc.rule_name, doc.level) == (
        "Credo",
        "EX3009",
        "ModuleDoc",
        "note",
    )
    assert (doc.file, doc.line, doc.column, doc.scope) == ("lib/a.ex", 1, 11, "A.f")
    assert (nowhere.line, nowhere.file, nowhere.level) == (None, "", "warning")


def test_muzak() -> None:
    """Colours and notices are skipped; survivors have their two lines."""
    report = read_muzak(MUZAK)
    assert (report.run, report.survived, report.rate) == (5, 2, 0.6)
    first, second = report.survivors
    assert (first.file, first.line) == ("lib/price.ex", 4)
    assert (first.original, first.mutation) == ("@limit 100", "@limit 103")
    assert second.original == "|> String.split(~r/[^a-z]+/, trim: true)"
    assert read_muzak("\x1b[32m62 run - 0 mutations survived\x1b[0m").rate == 1.0
    assert read_muzak("0 run - 0 mutations survived").rate is None


def test_cover() -> None:
    """Rows and the total come out of the table."""
    rows, total = read_cover(COVER)
    assert rows == [FileCoverage("Shop.Cart", 0.8571), FileCoverage("String.Chars.Shop.Cart", 1.0)]
    assert total == 0.9


@given(st.text())
def test_what_cannot_be_read_is_an_error(text: str) -> None:
    """No reader answers to noise, and none fails in another way than with its own error."""
    for reader in (read_credo, read_sobelow, read_sarif, read_muzak, read_cover):
        with pytest.raises(DataError):
            reader(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["issues", "findings", "runs", "results", "locations", "tool", "line"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["issues", "findings", "runs"]), JSON))
def test_odd_documents_are_read_or_refused(document: dict[str, object]) -> None:
    """Whatever stands in the fields, a reader returns what it knows or refuses the document."""
    for reader in (read_credo, read_sobelow, read_sarif):
        try:
            reader(json.dumps(document))
        except DataError:
            continue


def project(folder: Path, tools: str = "") -> Path:
    """Return a Mix project without code."""
    (folder / "mix.exs").write_text(
        "defmodule A.MixProject do\n use Mix.Project\n"
        f' def project, do: [app: :a, version: "0.1.0", deps: [{tools}]]\nend\n'
    )
    return folder


@pytest.mark.requires_elixir
class TestTools:
    """With Elixir, without any of the tools."""

    @pytest.fixture(autouse=True)
    def _mix(self) -> None:
        try:
            find_tool("test", Path(__file__).parent)
        except SandboxError as error:
            if "mix is not in PATH" in str(error):
                pytest.skip(str(error))

    def test_absent_tools_say_how_to_install_them(self, tmp_path: Path) -> None:
        """A project without the tool is told the line to add; a folder that is none, too."""
        with pytest.raises(SandboxError, match="no Mix project"):
            find_tool("credo", tmp_path)
        project(tmp_path)
        for name in ("credo", "sobelow", "muzak"):
            with pytest.raises(SandboxError, match=rf"add \{{:{name}, .*mix deps.get"):
                find_tool(name, tmp_path)
        with pytest.raises(SandboxError, match=r"add \{:muzak"):
            muzak_rate(tmp_path)
        with pytest.raises(ValueError, match="there are: credo, sobelow"):
            find_tool("lint", tmp_path)

    def test_versions_are_the_lock_s(self, tmp_path: Path) -> None:
        """The version is what the project has locked."""
        (project(tmp_path) / "mix.lock").write_text(
            '%{\n  "credo": {:hex, :credo, "1.7.9", "07b", [:mix], [], "hexpm", "f8"},\n}\n'
        )
        assert find_tool("credo", tmp_path).version == "1.7.9"

    def test_real_coverage_is_read(self, tmp_path: Path) -> None:
        """`mix test --cover` runs in a project, and its table is read."""
        root = project(tmp_path)
        for name, text in {
            "lib/a.ex": "defmodule A do\n def f, do: 1\n def g, do: 2\nend\n",
            "test/test_helper.exs": "ExUnit.start()\n",
            "test/a_test.exs": "defmodule ATest do\n use ExUnit.Case\n"
            ' test "f", do: assert A.f() == 1\nend\n',
        }.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        done = run_tool("test", root, time_limit_s=120)
        assert read_cover(done.output) == ([FileCoverage("A", 0.5)], 0.5)

    def test_a_tool_that_hangs_is_ended(self, tmp_path: Path) -> None:
        """The time limit ends the tool and all that it started."""
        root = project(tmp_path)
        (root / "test").mkdir()
        (root / "test" / "test_helper.exs").write_text("Process.sleep(:infinity)")
        (root / "test" / "a_test.exs").write_text("")
        with pytest.raises(SandboxError, match="more than 3 s"):
            run_tool("test", root, time_limit_s=3)
        left = subprocess.run(["pgrep", "-f", str(root)], capture_output=True, text=True)
        assert left.stdout == ""

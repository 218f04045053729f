"""Laws of building datasets: nothing lost in silence, whole or not at all, the same every time."""

from __future__ import annotations

import errno
import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_files import module, project, projects, write

from ectrain.errors import BusyError, ConfigError, DataError, Interrupted, ResourceError
from ectrain.shards import hash_problems, read_manifest
from ectrain.storage import Storage
from ectrain.task import SPLITS
from ectrain_elixir.datasets import Row, labelled, open_split, work
from ectrain_elixir.datasets.assembly import Choices
from ectrain_elixir.datasets.build import BuildOptions, build
from ectrain_elixir.datasets.checking import check
from ectrain_elixir.datasets.reading import Filters, is_generated
from ectrain_elixir.katas import Fact


def rows_of(folder: Path) -> dict[str, Row]:
    """Return all rows of a dataset by id."""
    return {row.id: row for split in SPLITS for row in open_split(folder, split)}


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_projects_become_rows_with_package_licence_and_pairs(tmp_path: Path) -> None:
    """Every file has its package, path, licence, kind, modules and tests; splits share no group."""
    out = tmp_path / "out"
    built = build(BuildOptions((projects(tmp_path / "code"),), out))
    rows = rows_of(out)
    assert len(rows) == built.manifest.counts["files"] == 4 * 9
    source = rows["alpha/lib/alpha/basket.ex"]
    test = rows["alpha/test/alpha/basket_test.exs"]
    assert (source.package, source.licence, source.kind) == ("alpha", "MIT", "source")
    assert (test.kind, test.style) == ("test", "exunit")
    assert (source.pairs, test.pairs) == ((test.id,), (source.id,))
    assert source.modules == ("Alpha.Basket",)
    assert source.code == (tmp_path / "code" / source.id).read_text()
    assert rows["alpha/mix.exs"].kind == "support"
    assert not list(check(out))
    groups = [{row.group for row in open_split(out, split)} for split in SPLITS]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 4


def test_the_same_input_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of processes and the order of the paths, the files are equal."""
    monkeypatch.setattr(work, "POOL_BYTES", 0)
    roots = [project(tmp_path / name, name * 3) for name in "abc"]
    build(BuildOptions(tuple(roots), tmp_path / "one"))
    build(BuildOptions(tuple(reversed(roots)), tmp_path / "two", jobs=2))
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    one.pop("dataset.json"), two.pop("dataset.json")
    assert one == two
    assert read_manifest(tmp_path / "one").shards == read_manifest(tmp_path / "two").shards


class Stops(Storage):
    """A storage whose n-th operation fails or is interrupted."""

    def __init__(self, at: int, error: BaseException) -> None:
        self.left, self._error = at, error

    def before(self, operation: str, path: Path) -> None:
        """Count down, then raise once."""
        self.left -= 1
        if self.left == 0:
            raise self._error


def full() -> OSError:
    """Return what a full disk raises."""
    return OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [KeyboardInterrupt, full])
def test_an_interrupted_build_leaves_nothing_and_goes_on(
    tmp_path: Path, error: Callable[[], BaseException]
) -> None:
    """Wherever it stops there is no dataset or all of it; the same call then gives its bytes."""
    options = BuildOptions((projects(tmp_path / "code", 3),), tmp_path / "out")
    build(options)
    whole = contents(tmp_path / "out")
    reused = set()
    for at in range(1, 200, 5):
        shutil.rmtree(tmp_path / "out")
        storage = Stops(at, error())
        try:
            build(options, storage=storage)
        except (Interrupted, ResourceError):
            if not (tmp_path / "out").exists():
                reused.add(build(options).reused)
        assert contents(tmp_path / "out") == whole
        if storage.left > 0:
            break
    assert max(reused) == 3


def test_what_changed_since_an_interruption_is_read_anew(tmp_path: Path) -> None:
    """Kept work is used for units that are as they were, and for no others."""
    code = projects(tmp_path / "code", 3)
    options = BuildOptions((code,), tmp_path / "out")

    def stop(done: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="the same command goes on"):
        build(options, progress=stop)
    (code / "alpha/lib/alpha/basket.ex").write_text(module("Alpha.Changed", 77))
    built = build(options)
    assert built.reused == 0
    assert rows_of(tmp_path / "out")["alpha/lib/alpha/basket.ex"].modules == ("Alpha.Changed",)


def test_nothing_is_overwritten_and_two_builds_never_meet(tmp_path: Path) -> None:
    """A place that is taken is refused, and so is a build that another process does."""
    code = projects(tmp_path / "code", 3)
    options = BuildOptions((code,), tmp_path / "out")

    def again(done: object) -> None:
        with pytest.raises(BusyError):
            build(options)

    build(options, progress=again)
    with pytest.raises(ConfigError, match="is there already"):
        build(options)
    assert not (tmp_path / ".out.building").exists()


def test_every_file_is_kept_or_named_with_its_reason(tmp_path: Path) -> None:
    """F65, F70: what can't be used is counted by reason and listed; dependencies are not read."""
    code = projects(tmp_path / "code", 3)
    write(
        code / "alpha/lib",
        {
            "latin.ex": b"# caf\xe9\n",
            "nul.ex": "x = 1\x00\n",
            "big.ex": module("Big", 50) + "#" * 9000,
            "empty.ex": " \n",
            "broken.ex": "defmodule X do",
            "made.ex": "# Generated by protoc. DO NOT EDIT.\n" + module("Made", 51),
            "copy.ex": (code / "alpha/lib/alpha/basket.ex").read_bytes(),
            "marked.ex": "\ufeff" + module("Marked", 52).replace("\n", "\r\n"),
            "deps/dep.ex": module("Dep", 53),
        },
    )
    out = tmp_path / "out"
    built = build(BuildOptions((code,), out, Filters(most_bytes=8000)))
    left = [json.loads(line) for line in (out / "left_out.jsonl").read_text().splitlines()]
    assert {(x["package"] + "/" + x["path"], x["why"]) for x in left} == {
        ("alpha/lib/latin.ex", "not UTF-8"),
        ("alpha/lib/nul.ex", "holds NUL"),
        ("alpha/lib/big.ex", "too large"),
        ("alpha/lib/empty.ex", "empty"),
        ("alpha/lib/broken.ex", "does not parse"),
        ("alpha/lib/made.ex", "generated"),
        ("alpha/lib/copy.ex", "exact duplicate of alpha/lib/alpha/basket.ex"),
    }
    counts = built.manifest.counts
    assert counts["left out: not UTF-8"] == counts["left out: exact duplicate"] == 1
    assert counts["byte order mark removed"] == counts["CRLF made LF"] == 1
    assert rows_of(out)["alpha/lib/marked.ex"].code == module("Marked", 52)
    assert "1 folders of dependencies" in " ".join(built.notes)


def test_licences_can_be_allowed(tmp_path: Path) -> None:
    """Only files under allowed licences stay; a file's own line counts before its package."""
    code = projects(tmp_path / "code", 4)
    write(code, {"alpha/lib/own.ex": "# SPDX-License-Identifier: ISC\n" + module("Own", 60)})
    mix = code / "bravo1/mix.exs"
    mix.write_text(mix.read_text().replace("MIT", "Apache 2.0"))
    out = tmp_path / "out"
    build(BuildOptions((code,), out, Filters(licences=frozenset({"MIT"}))))
    assert {row.package for row in rows_of(out).values()} == {"alpha", "charlie", "deltas22"}
    assert "alpha/lib/own.ex" not in rows_of(out)


@pytest.mark.parametrize(
    ("path", "code", "made"),
    [
        ("a.ex", "# Code generated by x. DO NOT EDIT.\n", True),
        ("a.pb.ex", "x", True),
        ("a.ex", "x\n" * 40 + "# generated by\n", False),
        ("a.ex", '"generated by"', False),
    ],
)
def test_generated_files_say_so(path: str, code: str, made: bool) -> None:
    """A comment near the top or the name of the file tells."""
    assert is_generated(path, code) == made


def archive(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    """Write a tar archive."""
    with tarfile.open(path, mode) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def hex_package(folder: Path, app: str) -> Path:
    """Write a package as Hex keeps it."""
    texts = {f"lib/{n}.ex": module(f"{app.capitalize()}.M{n}", n).encode() for n in range(3)}
    inner = archive(folder / "inner.tar", texts | {"../../out.ex": b"x", "deps/d.ex": b"y"})
    metadata = f'{{<<"name">>,<<"{app}">>}}.\n{{<<"licenses">>,[<<"Apache-2.0">>]}}.\n'
    parts = {
        "VERSION": b"3",
        "metadata.config": metadata.encode(),
        "contents.tar.gz": gzip.compress(inner.read_bytes()),
    }
    inner.unlink()
    return archive(folder / f"{app}-1.2.0.tar", parts)


def test_archives_are_read_without_unpacking(tmp_path: Path) -> None:
    """Hex packages and plain archives give rows; names that lead outside give none."""
    folder = tmp_path / "archives"
    folder.mkdir()
    hex_package(folder, "jar")
    hex_package(folder, "vessel")
    plain = {f"pot-2.0/lib/{n}.ex": module(f"Pot.M{n}", n).encode() for n in range(2)}
    archive(
        folder / "pot-2.0.tar.gz",
        plain | {"pot-2.0/LICENSE": b"Apache License Version 2.0"},
        "w:gz",
    )
    build(BuildOptions((folder,), tmp_path / "out"))
    rows = rows_of(tmp_path / "out")
    assert {(r.package, r.licence) for r in rows.values()} == {
        ("jar", "Apache-2.0"),
        ("vessel", "Apache-2.0"),
        ("pot", "Apache-2.0"),
    }
    assert len(rows) == 8
    (folder / "bad.tar").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"bad\.tar: not an archive"):
        build(BuildOptions((folder,), tmp_path / "two"))


def test_tables_are_read_by_their_columns(tmp_path: Path) -> None:
    """JSON Lines with our fields, or any with `columns`."""
    texts = [
        {"code": module(f"T.M{n}", n), "package": f"p{n % 3}", "path": f"{n}.ex"} for n in range(6)
    ]
    one = tmp_path / "one.jsonl"
    one.write_text("\n".join(map(json.dumps, texts)))
    other = tmp_path / "other.jsonl"
    lines = [
        {"content": t["code"], "repo": t["package"], "file": t["path"], "stars": 3} for t in texts
    ]
    other.write_text("\n".join(map(json.dumps, lines)))
    build(BuildOptions((one,), tmp_path / "a"))
    columns = {"code": "content", "package": "repo", "path": "file"}
    build(BuildOptions((other,), tmp_path / "b", columns=columns))
    a, b = rows_of(tmp_path / "a"), rows_of(tmp_path / "b")
    assert {k: (r.code, r.group) for k, r in a.items()} == {
        k: (r.code, r.group) for k, r in b.items()
    }
    assert len(a) == 6


def test_parquet_is_read_like_json_lines(tmp_path: Path) -> None:
    """A Parquet file gives the same rows; a missing column is named."""
    arrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    texts = [
        {"code": module(f"T.M{n}", n), "package": f"p{n % 3}", "path": f"{n}.ex"} for n in range(6)
    ]
    parquet.write_table(arrow.Table.from_pylist(texts), tmp_path / "t.parquet")
    build(BuildOptions((tmp_path / "t.parquet",), tmp_path / "out"))
    assert len(rows_of(tmp_path / "out")) == 6
    with pytest.raises(DataError, match="no column 'kode'; did you mean 'code'"):
        build(BuildOptions((tmp_path / "t.parquet",), tmp_path / "o", columns={"code": "kode"}))


CREDO = {
    "issues": [
        {
            "check": "Credo.Check.Readability.ModuleDoc",
            "category": "readability",
            "filename": "/somewhere/alpha/lib/alpha/basket.ex",
            "line_no": 1,
            "message": "no doc",
        },
        {"check": "Credo.Check.Design.TagTODO", "category": "design", "filename": "lib/gone.ex"},
    ]
}
SOBELOW = {
    "findings": {
        "high_confidence": [
            {"type": "SQL.Query: text", "file": "x/alpha/lib/alpha/basket.ex", "line": 3}
        ]
    }
}


def test_saved_output_of_tools_becomes_labels(tmp_path: Path) -> None:
    """Labels go to their files; files the tool passed over are unknown, others clean."""
    code = projects(tmp_path / "code", 3)
    write(code / "alpha", {"credo.json": "compiling\n" + json.dumps(CREDO)})
    write(code, {"alpha.sobelow.json": json.dumps(SOBELOW)})
    built = build(BuildOptions((code,), tmp_path / "out"))
    rows = rows_of(tmp_path / "out")
    row = rows["alpha/lib/alpha/basket.ex"]
    assert [(x.name, x.line) for x in row.issues] == [("Readability.ModuleDoc", 1)]
    assert [(x.name, x.grade) for x in row.findings] == [("SQL.Query", "high")]
    assert row.checked == ("credo", "sobelow")
    assert rows["alpha/test/alpha/basket_test.exs"].checked == ("credo",)
    assert rows["charlie/lib/charlie/basket.ex"].checked == ()
    assert built.manifest.counts["credo labels of files that are not here"] == 1
    found = [
        row
        for split in SPLITS
        if (open_split(tmp_path / "out", split).marks & 16).any()
        for row in labelled(tmp_path / "out", split, "sobelow", lambda row: row)
    ]
    assert {r.package for r in found} == {"alpha"}
    assert {r.kind for r in found} == {"source"}


def test_facts_are_of_the_surroundings_alone(tmp_path: Path) -> None:
    """A file's facts are of modules that it calls, one hop or two, never of its own."""
    code = projects(tmp_path / "code", 3)
    texts = {
        "lib/a.ex": "defmodule Net.A do\n  alias Net.B\n  def go(x), do: B.run(x) + 1\nend\n",
        "lib/b.ex": "defmodule Net.B do\n  import Net.C\n  defstruct [:port]\n"
        "  def run(x), do: help(x)\n  def other(x, y), do: {x, y}\nend\n",
        "lib/c.ex": "defmodule Net.C do\n  def help(z), do: [z, z]\nend\n",
    }
    write(code / "alpha", texts)
    build(BuildOptions((code,), tmp_path / "out"))
    row = rows_of(tmp_path / "out")["alpha/lib/a.ex"]
    assert set(row.facts) == {
        Fact("Net.B", "containsFunction", "run/1"),
        Fact("Net.B", "hasField", "port"),
        Fact("Net.B", "importsFrom", "Net.C"),
        Fact("Net.C", "containsFunction", "help/1"),
    }
    assert row.level == 2


TURTLE = """@prefix s: <https://w3id.org/elixir-code/structure#> .
@prefix c: <https://example.org/code#> .
<https://example.org/code#Net.B> s:containsFunction <https://example.org/code#Net.B/run/1> ;
  s:moduleName "Net.B" .
<https://example.org/code#Net.A> s:containsFunction <https://example.org/code#Net.A/go/1> .
"""


def test_facts_can_come_from_turtle(tmp_path: Path) -> None:
    """Triples of elixir-ontologies take the place of what the syntax says."""
    pytest.importorskip("pyoxigraph", reason="the extra ontology is not installed")
    code = projects(tmp_path / "code", 3)
    text = "defmodule Net.A do\n  def go(x), do: Net.B.run(x) + 1\nend\n"
    write(code / "alpha", {"lib/a.ex": text})
    turtle = write(tmp_path, {"net.ttl": TURTLE}) / "net.ttl"
    build(BuildOptions((code,), tmp_path / "out", ontologies=(turtle,)))
    facts = rows_of(tmp_path / "out")["alpha/lib/a.ex"].facts
    assert facts == (Fact("Net.B", "containsFunction", "run/1"),)
    turtle.write_text("no turtle")
    with pytest.raises(DataError, match=r"net\.ttl: not Turtle"):
        build(BuildOptions((code,), tmp_path / "two", ontologies=(turtle,)))


def test_one_package_is_split_by_its_folders(tmp_path: Path) -> None:
    """A module and its test stay together, and every split has some."""
    root = project(tmp_path, "alpha", files=9)
    build(BuildOptions((root,), tmp_path / "out"))
    rows = rows_of(tmp_path / "out")
    for row in rows.values():
        assert all(rows[other].group == row.group for other in row.pairs)
    assert not list(check(tmp_path / "out"))


def test_too_little_is_refused_with_what_was_left_out(tmp_path: Path) -> None:
    """F70: what can't be split three ways is an error that names the filters."""
    write(tmp_path, {"in/a.ex": module("A"), "in/b.ex": "defmodule X do", "in/c.ex": " "})
    with pytest.raises(DataError, match=r"1 usable Elixir files.*1 does not parse, 1 empty"):
        build(BuildOptions((tmp_path / "in",), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="no such file or folder"):
        build(BuildOptions((tmp_path / "none",), tmp_path / "out"))
    with pytest.raises(DataError, match="can't be split three ways"):
        build(
            BuildOptions((project(tmp_path, "x"),), tmp_path / "o", choices=Choices(by="package"))
        )


def test_copies_stay_in_one_split_where_they_are_kept(tmp_path: Path) -> None:
    """With duplicates kept, a file and its copy in another package have one group."""
    code = projects(tmp_path / "code", 4)
    text = (code / "alpha/lib/alpha/basket.ex").read_text()
    write(code, {"charlie/lib/copy.ex": "# copied\n" + text.replace("z", "zz")})
    out = tmp_path / "out"
    build(BuildOptions((code,), out, choices=Choices(keep_duplicates=True)))
    rows = rows_of(out)
    one, other = rows["alpha/lib/alpha/basket.ex"], rows["charlie/lib/copy.ex"]
    assert one.group == other.group
    assert not list(hash_problems(out, read_manifest(out)))

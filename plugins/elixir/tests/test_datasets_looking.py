"""Laws of looking at datasets: planted leaks are found, damage is named, every task is shown."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from click.testing import CliRunner, Result
from dataset_files import module, projects
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from torch import Tensor, nn

from ectrain.errors import DataError
from ectrain.parts import TokenHead, TokenOutput, token_loss
from ectrain.records import Faults
from ectrain.shards import FORMAT, DatasetManifest, ShardWriter, write_manifest
from ectrain.storage import Storage
from ectrain.task import NO_TARGET, SPLITS, Metric, Segment, Split, Targets, Task, TrunkShape
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.datasets import Piece, Pieces, Row, open_split
from ectrain_elixir.datasets.audit import benchmark_leaks, split_leaks
from ectrain_elixir.datasets.build import BuildOptions, build
from ectrain_elixir.datasets.checking import check
from ectrain_elixir.datasets.commands import data
from ectrain_elixir.datasets.reader import boundary
from ectrain_elixir.datasets.row import (
    KIND,
    VERSION,
    Label,
    checked_row,
    made_row,
    mark_of,
    plain_row,
)
from ectrain_elixir.datasets.tables import parse_columns, read_table
from ectrain_elixir.datasets.views import learned, losses
from ectrain_elixir.katas import Fact


def row(name: str, code: str, **more: Any) -> Row:
    """Return a row with little in it."""
    whole = {"group": name, "package": name, "path": "a.ex", "licence": "MIT", "source": "s"}
    return Row(id=name, kind="source", code=code, **{**whole, **more})


def dataset(folder: Path, splits: Mapping[Split, Sequence[Row]]) -> Path:
    """Write rows as a dataset, whatever is wrong with them."""
    folder.mkdir()
    shards = {}
    for split in SPLITS:
        writer = ShardWriter(folder, split, Storage())
        for found in splits.get(split, ()):
            writer.add(plain_row(found), len(found.code), mark_of(found))
        writer.flush()
        shards[split] = tuple(writer.shards)
    write_manifest(folder, DatasetManifest(FORMAT, KIND, VERSION, shards), Storage())
    return folder


names = st.text(min_size=1).filter(str.strip)
labels = st.lists(
    st.builds(Label, st.text(), st.none() | st.integers(1, 99), st.text(), st.text()), max_size=3
).map(tuple)
rows = st.builds(
    Row,
    id=names,
    group=names,
    package=st.text(),
    path=st.text(),
    licence=st.text(),
    source=st.text(),
    kind=st.sampled_from(["source", "test", "support"]),
    code=names,
    modules=st.lists(st.text()).map(tuple),
    issues=labels,
    findings=labels,
    facts=st.lists(st.builds(Fact, st.text(), st.text(), st.text()), max_size=3).map(tuple),
    level=st.integers(0, 2),
)


@given(rows)
def test_rows_round_trip(found: Row) -> None:
    """A row, labels and facts in it, comes back equal from JSON, checked or not."""
    text = json.loads(json.dumps(plain_row(found)))
    assert made_row(text) == checked_row(text) == found


@hypothesis(max_examples=15)
@given(
    st.sets(st.integers(0, 29), max_size=6),
    st.sampled_from(["exact", "renamed", "laid out", "near"]),
)
def test_planted_leaks_are_found_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, planted: set[int], how: str
) -> None:
    """F71: k copies in another split, in whatever dress, are k leaks with both ids."""
    codes = [module(f"M{n}", n) for n in range(30)]
    dress = {
        "exact": lambda code: code,
        "renamed": lambda code: code.replace("z", "zed").replace("(x,", "(first,"),
        "laid out": lambda code: "# new\n" + code.replace("\n", "\n\n  "),
        "near": lambda code: code.replace("end\nend", "end\n  def more, do: 1\nend", 1),
    }
    if how == "renamed":
        dress["renamed"] = lambda code: code.replace("z ", "zed ").replace(" z", " zed")
    folder = tmp_path_factory.mktemp("leaks") / "d"
    copies = [row(f"copy{n}", dress[how](codes[n])) for n in sorted(planted)]
    train = [row(f"train{n}", code) for n, code in enumerate(codes)]
    dataset(folder, {"train": train, "test": copies, "val": [row("v", module("V", 99))]})
    found = list(split_leaks(folder))
    assert {(leak.one, leak.other) for leak in found} == {
        (f"copy{n}", f"train{n}") for n in planted
    }


def test_a_benchmark_in_training_is_found(tmp_path: Path) -> None:
    """Equal code and code inside a larger file are leaks; prompts in prose are not."""
    solution = module("Bench", 5)
    inside = module("Outer", 8).removesuffix("end\n") + solution.split("\n", 1)[1]
    folder = dataset(
        tmp_path / "d",
        {"train": [row("equal", solution), row("inside", inside), row("other", module("O", 9))]},
    )
    problem = {"task_id": "p1", "prompt": "Write it well.", "solution": solution}
    path = tmp_path / "bench.jsonl"
    path.write_text(json.dumps(problem) + "\n")
    found = {(leak.one, leak.how) for leak in benchmark_leaks(folder, path)}
    assert found == {("equal", "equal to benchmark"), ("inside", "contains benchmark")}
    assert not list(benchmark_leaks(folder, path, ["prompt"]))
    with pytest.raises(DataError, match=r"bench\.jsonl:1: no text in .*'nothing'"):
        list(benchmark_leaks(folder, path, ["nothing"]))


WRONG: list[tuple[dict[Split, list[Row]], str]] = [
    ({"train": [row("a", "x"), row("a", "y")]}, "train-00000.jsonl:2: id: 'a' is already at"),
    (
        {"train": [row("a", "x")], "val": [row("b", "y", group="a")]},
        "val-00000.jsonl:1: group: 'a'",
    ),
    ({"train": [row("a", "x", pairs=("z",))]}, "train-00000.jsonl:1: pairs: 'z'"),
    ({"train": [row("a", "x")]}, "split val is empty"),
    (
        {"train": [row("a", "x", findings=(Label("SQL.Qery", 1),), checked=("sobelow",))]},
        "train-00000.jsonl:1: findings: no finding is named 'SQL.Qery'; did you mean 'SQL.Query'?",
    ),
    (
        {"train": [row("a", "x", issues=(Label("A.B", 9),), checked=("credo",))]},
        "train-00000.jsonl:1: A.B: line 9 of a file of 1 lines",
    ),
    ({"train": [row("a", "x", level="1")]}, "train-00000.jsonl:1: level: expected an integer"),
    ({"train": [row("a", "x", modules=("A", 3))]}, "train-00000.jsonl:1: modules[1]: expected a"),
]


@pytest.mark.parametrize(("splits", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_check_names_what_is_wrong(
    tmp_path: Path, splits: dict[Split, list[Row]], said: str
) -> None:
    """F67 to F70: each problem has its path, line and field."""
    assert any(said in problem for problem in check(dataset(tmp_path / "d", splits)))


TABLE: list[tuple[bytes, str]] = [
    (b'{"code": "a", "path": 3}', "2: path: expected a string, found 3"),
    (b'{"code": "a", "pth": "x"}', "2: unknown key 'pth'; did you mean 'path'?"),
    (b'{"path": "x"}', "2: code is missing"),
    (b'{"code": "  "}', "2: code: blank"),
    (b'{"code": "b", "path": "same"}', "2: '/same' is already in row 1"),
    (b'{"code": 1, "id": "seven"}', "2: code: expected a string, found 1 (id 'seven')"),
    (b'{"code": "a\xff"}', "2: not UTF-8 at byte 12"),
    (b'{"code": "\\ud800"}', "2: 'code': half of a surrogate pair"),
    (b'{"code": "a", "code": "b"}', "2: code: given twice"),
    (b'{"code": "a", "licence": NaN}', "2: NaN is not JSON"),
    (b'{"code": ' + b"[" * 99_999, "2: not JSON that can be read: too deeply nested"),
]


@pytest.mark.parametrize(("line", "said"), TABLE, ids=[said for _, said in TABLE])
def test_a_bad_row_of_a_table_is_named_and_may_be_skipped(
    tmp_path: Path, line: bytes, said: str
) -> None:
    """F65, F67, F68, F72: path:line:field; a budget lets the rest be read."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"code": "x", "path": "same"}\n' + line + b'\n{"code": "z"}\n')
    faults = Faults(budget=1)
    assert [r.code for _, r in read_table(path, {}, faults)] == ["x", "z"]
    assert faults.listed == [f"{path}:{said}"] or faults.listed[0].startswith(f"{path}:{said}")
    faults.settle()


@pytest.mark.parametrize("text", ["cod=x", "code", "path=x", "code="])
def test_columns_that_mean_nothing_are_refused(text: str) -> None:
    """A field that rows don't have, or no column for the code, is an error."""
    with pytest.raises(Exception, match="--columns"):
        parse_columns(text)


@given(st.text(alphabet="ab\n", max_size=200), st.integers(1, 40))
def test_pieces_are_the_file(text: str, limit: int) -> None:
    """Pieces are never empty and give the text when joined."""
    count = max(1, -(-len(text) // limit))
    cuts = [boundary(text, number, limit) for number in range(count)] + [len(text)]
    parts = [text[a:b] for a, b in pairwise(cuts)]
    assert "".join(parts) == text
    assert all(parts) or not text
    assert all(len(part) < 2 * limit for part in parts)


def test_pieces_of_rows_are_made_when_asked_for(tmp_path: Path) -> None:
    """Every file is covered by its pieces, in order."""
    found = [row(str(n), module(f"M{n}", n)) for n in range(5)]
    folder = dataset(tmp_path / "d", {"train": found})

    def example(piece: Piece) -> tuple[str, int, str, bool]:
        return piece.row.id, piece.number, piece.text, piece.whole

    pieces = Pieces(open_split(folder, "train"), 60, example)
    for given_row in found:
        mine = [p for p in pieces if p[0] == given_row.id]
        assert "".join(text for _, _, text, _ in mine) == given_row.code
        assert [whole for *_, whole in mine] == [False] * (len(mine) - 1) + [True]


@attrs.frozen
class Toy:
    """An example that is its text."""

    id: str
    group: str
    text: str


class ToyTask(Task[Toy, None]):
    """Predicts the first eight tokens of a text, and nothing of short ones."""

    name = "toy"
    config_type = Toy

    def examples(self, split: Split) -> Sequence[Toy]:
        """Return a short, a fitting and a long one."""
        return [Toy(str(n), str(n), "ab " * n) for n in (1, 2, 40)]

    def encode(self, example: Toy, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Cut at eight tokens."""
        ids = np.array(tokenizer.encode(example.text)[:8], dtype=np.int64)
        targets = ids if len(example.text) > 3 else np.full(len(ids), NO_TARGET)
        return Segment(ids, labels=targets)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Predict tokens."""
        return TokenHead(trunk)

    def loss(self, output: TokenOutput, targets: Targets) -> Tensor:
        """Return cross-entropy."""
        return token_loss(output, targets)

    def metrics(self) -> Mapping[str, Metric]:
        """Return none."""
        return {}

    def texts(self, example: Toy) -> Sequence[str]:
        """Return the text."""
        return [example.text]


def test_what_a_task_cuts_off_is_counted() -> None:
    """F74: examples above the length, and such without a target, are counted by task."""
    task = ToyTask(None)
    tokenizer = learned(task, task.examples("train"))
    found = losses("toy", task, "train", tokenizer, 64)
    assert (found.examples, found.cut, found.targetless) == (3, 1, 1)


def call(*words: object, code: int = 0) -> Result:
    """Run `ectrain data`; errors meant for people are raised where a code is not expected."""
    result = CliRunner().invoke(data, [str(word) for word in words])
    if code == 0:
        assert result.exception is None, result.output
    return result


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of four projects."""
    root = tmp_path_factory.mktemp("built")
    build(BuildOptions((projects(root / "code"),), root / "out"))
    return root / "out"


def test_commands_build_check_and_tell(tmp_path: Path) -> None:
    """The command builds, its JSON is one document, and the dataset is whole."""
    code, out = projects(tmp_path / "code"), tmp_path / "out"
    document = json.loads(call("build", code, "--out", out, "--jobs", 1, "--json").stdout)
    assert document["schema_version"] == 1
    assert document["counts"]["files"] == 36
    assert document["files_per_second"] > 0
    assert "is whole" in call("check", out).output
    shard = next(out.glob("train*.jsonl"))
    shard.write_bytes(shard.read_bytes()[:-2] + b"]\n")
    wrong = call("check", out, "--json", code=3)
    assert wrong.exit_code == 3
    assert "SHA-256" in json.loads(wrong.stdout)["problems"][0]


def test_figures_are_told_and_drawn(built: Path, tmp_path: Path) -> None:
    """Splits, labels and coverage, as text, JSON and a page without script."""
    page = tmp_path / "page.html"
    assert "tokens known" in call("stats", built, "--html", page).output
    text = page.read_text()
    assert "<svg" in text
    assert "<script" not in text
    document = json.loads(call("stats", built, "--json").stdout)
    splits = document["splits"]
    assert sum(part["files"] for part in splits.values()) == 36
    assert splits["train"]["known_tokens"] is None
    assert 0 < splits["test"]["known_tokens"] <= 1
    assert sum(splits["train"]["histogram"]) == splits["train"]["files"]


def test_a_row_is_shown_by_name_or_place(built: Path) -> None:
    """Its text and what is known of it; a wrong name has the nearest."""
    shown = call("show", built, "alpha/lib/alpha/basket.ex").output
    assert "defmodule Alpha.Basket do" in shown
    assert "pair     alpha/test/alpha/basket_test.exs" in shown
    assert json.loads(call("show", built, "train:0", "--json").stdout)["place"] == 0
    failed = call("show", built, "basket.ex", code=3)
    assert "there are" in str(failed.exception)


def test_labels_and_facts_are_shown_with_what_they_mean(tmp_path: Path) -> None:
    """A label comes with its rule; facts come as a prompt has them."""
    fact = Fact("Tolls", "containsFunction", "levy/1")
    found = attrs.evolve(
        row("one", module("M", 3)),
        checked=("credo",),
        issues=(Label("Warning.Dbg", 3),),
        facts=(fact,),
        level=1,
    )
    folder = dataset(tmp_path / "d", {"train": [found], "val": [row("v", module("V", 7))]})
    shown = call("show", folder, "one").output
    assert "rule     Warning.Dbg: Calls of dbg should not stay" in shown
    assert "as text  [ONTO] Tolls <containsFunction>levy/1</containsFunction> [/ONTO]" in shown


def test_datasets_are_split_anew_and_cleaned(built: Path, tmp_path: Path) -> None:
    """The same files, other splits; without copies; leaks are refused until then."""
    call("split", built, "--out", tmp_path / "s", "--seed", 7, "--shares", "50,25,25")
    assert not list(check(tmp_path / "s"))
    ids = [sorted(r.id for s in SPLITS for r in open_split(d, s)) for d in (built, tmp_path / "s")]
    assert ids[0] == ids[1]
    one = row("one", module("M", 3))
    leaky = dataset(
        tmp_path / "leaky",
        {"train": [one], "val": [row("two", "# c\n" + one.code), row("v", module("V", 7))]},
    )
    assert call("leaks", leaky, code=3).exception is not None
    call("leaks", leaky, "--most", 1)
    call("dedup", leaky, "--out", tmp_path / "clean")
    assert [r.id for r in open_split(tmp_path / "clean", "val")] == ["v"]
    assert not list(split_leaks(tmp_path / "clean"))

"""What is learned: directions and types by exact shares, targets alone, pairs of real code."""

from __future__ import annotations

import random
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import ConfigError, DataError
from ectrain.packing import pack
from ectrain.parts import TokenOutput
from ectrain.structure import structured
from ectrain.task import NO_TARGET, SPLITS, Segment
from ectrain.testing import Subject
from ectrain_elixir.datasets.build import BuildOptions, build
from ectrain_elixir.runner import availability, find_runner
from ectrain_elixir.testpairs import TYPES, Direction, TestType, stored_pairs
from ectrain_elixir.testpairs.verification import QUARANTINE, verified, write_quarantine
from ectrain_tests import TestsConfig, TestsTask
from ectrain_tests.data import TestSample
from ectrain_tests.figures import PairFigures

TASK = TestsTask(TestsConfig(size=96))
TOKENIZER = Subject(TASK, examples=48).tokenizer
CONTROLS = {TOKENIZER.token_id(token) for token in TASK.control_tokens()}


def encoded(sample: TestSample, task: TestsTask = TASK) -> Segment:
    """Return a sample's segment."""
    return task.encode(sample, TOKENIZER, random.Random(0))


def test_5_5_1_2_each_pair_gives_both_directions_in_one_split() -> None:
    """What is given and what is wanted change places; no group is in two splits."""
    for sample in TASK.examples("val")[:6]:
        there, back = (attrs.evolve(sample, direction=d) for d in ("to_test", "to_code"))
        assert (there.given, there.wanted) == (back.wanted, back.given)
        assert there.wanted == sample.pair.tests
    groups = [{sample.group for sample in TASK.examples(split)} for split in SPLITS]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]


@given(share=st.integers(0, 20).map(lambda n: n / 20), start=st.integers(0, 10**6))
def test_5_5_2_2_each_direction_has_its_share_of_any_window(share: float, start: int) -> None:
    """Of any 40 draws, tests are written in their share, off by at most one, and alike always."""
    task = TestsTask(attrs.evolve(TASK.config, to_test=share))
    sample = TASK.examples("val")[0]
    found = [task.in_turn(sample, turn).direction for turn in range(start, start + 40)]
    assert abs(found.count("to_test") - 40 * share) <= 1
    assert task.in_turn(sample, start).direction == found[0]


def test_5_5_1_3_each_type_has_its_share_of_the_data() -> None:
    """Within one percent of the samples of each split."""
    for split in SPLITS:
        kinds = [sample.pair.kind for sample in TASK.examples(split)]
        for kind in TYPES:
            assert abs(kinds.count(kind) / len(kinds) - 1 / 3) < 0.01


@pytest.mark.parametrize("direction", ["to_test", "to_code"])
def test_5_5_2_1_only_what_is_written_is_predicted(direction: Direction) -> None:
    """The targets are the wanted text and its end; given text and marks are seen, not predicted."""
    whole = TestsTask(attrs.evolve(TASK.config, fresh=False, max_tokens=4096))
    for sample in TASK.examples("train")[:9]:
        sample = attrs.evolve(sample, direction=direction)
        segment = encoded(sample, whole)
        assert segment.labels is not None
        targets = segment.labels[segment.labels != NO_TARGET].tolist()
        assert targets == [*TOKENIZER.encode(sample.wanted), TOKENIZER.end_id]
        given_ids = segment.tokens[: len(segment.tokens) - len(targets)].tolist()
        marks = [TOKENIZER.token_id(f"<{word}>") for word in (direction, sample.pair.kind)]
        assert given_ids == [TOKENIZER.begin_id, *TOKENIZER.encode(sample.given), *marks]


def test_5_5_1_4_control_tokens_are_never_in_the_loss() -> None:
    """Each is one id, and no target."""
    assert len(CONTROLS) == 5
    for turn, sample in enumerate(TASK.examples("train")[:30]):
        labels = encoded(TASK.in_turn(sample, turn)).labels
        assert labels is not None
        assert not CONTROLS & set(labels.tolist())


def test_long_texts_are_cut_where_a_prompt_is_cut_too() -> None:
    """A segment holds `max_tokens` at most; a cut answer has no end to learn."""
    task = TestsTask(attrs.evolve(TASK.config, max_tokens=64))
    sample = TASK.examples("train")[0]
    segment = encoded(sample, task)
    assert len(segment.tokens) == 64
    assert segment.labels is not None
    assert TOKENIZER.end_id not in segment.labels
    prompt = task.typed_prompt(sample.given, sample.pair.kind, TOKENIZER)
    assert segment.tokens[: len(prompt)].tolist() == prompt
    assert len(prompt) == 32 + 3


def test_a_pair_has_another_suite_when_it_is_drawn_again() -> None:
    """With `fresh`, the code stays and the suite differs; without, both stay."""
    sample = TASK.examples("train")[0]
    still = TestsTask(attrs.evolve(TASK.config, fresh=False))
    for task, differs in ((TASK, True), (still, False)):
        drawn = [task.encode(sample, TOKENIZER, random.Random(seed)) for seed in range(6)]
        texts = {TOKENIZER.decode(segment.tokens.tolist()) for segment in drawn}
        assert (len(texts) > 1) == differs
        assert all(text.startswith(sample.pair.code) for text in texts)


def test_figures_tell_types_and_directions_apart() -> None:
    """An oracle for one type has accuracy 1 there alone."""
    samples = [TASK.in_turn(s, turn) for turn, s in enumerate(TASK.examples("train")[:24])]
    batch = pack([("tests", encoded(sample)) for sample in samples]).tasks["tests"].targets
    assert batch.notes_m is not None
    right = batch.notes_m // 2 == TYPES.index("streamdata")
    tokens = torch.where(right, batch.tokens_m, (batch.tokens_m + 1) % TOKENIZER.size)
    vocabulary = torch.eye(TOKENIZER.size)
    made = PairFigures(TYPES)
    made.update(TokenOutput(20 * vocabulary[tokens], vocabulary), batch)
    found = made.compute()
    assert (found["accuracy.streamdata"], found["accuracy.exunit"]) == (1.0, 0.0)
    assert found["accuracy"] == pytest.approx(float(right.float().mean()))
    assert found["nats.exunit"] == pytest.approx(20.0, rel=0.01)
    assert set(made.compute()) >= {"accuracy.to_test", "nats.to_code"}


def test_settings_are_checked() -> None:
    """Types are some of the known ones, each once, and the nearest choice is named."""
    for types in ([], ["exunit", "exunit"], ["junit"]):
        with pytest.raises(ConfigError, match="types"):
            structured({"types": types}, TestsConfig, "[tasks.tests]")
    assert structured({"types": ["exunit"]}, TestsConfig, "x").types == ("exunit",)


SUITES: dict[TestType, str] = {
    "exunit": "use ExUnit.Case",
    "streamdata": "use ExUnit.Case\n  use ExUnitProperties",
    "liveview": "use ExUnit.Case\n  import Phoenix.LiveViewTest",
}
NAMES = ("apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel", "iris")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of nine packages, in each a file with its tests and one without."""
    return written(tmp_path_factory.mktemp("code"))


def written(root: Path, wrong: str = "") -> Path:
    """Write projects below a folder and build a dataset; one of them may have a test that fails."""
    for number, name in enumerate(NAMES):
        module = name.capitalize()
        uses, result = SUITES[TYPES[number % 2]], 2 if name == wrong else 1
        texts = {
            "mix.exs": f"defmodule {module}.MixProject do\n"
            f"  def project, do: [app: :{name}]\nend\n",
            f"lib/{name}.ex": f"defmodule {module} do\n  def {name}(x), do: {{:{name}, x}}\nend\n",
            "lib/bare.ex": f"defmodule {module}.Bare do\n  def no_{name}, do: {number}\nend\n",
            f"test/{name}_test.exs": f"defmodule {module}Test do\n  {uses}\n\n"
            f'  test "{name}" do\n    assert {module}.{name}(1) == {{:{name}, {result}}}\n'
            "  end\nend\n",
        }
        for place, text in texts.items():
            path = root / "in" / name / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    build(BuildOptions((root / "in",), root / "out"))
    return root / "out"


def test_5_5_1_1_a_dataset_gives_its_pairs(dataset: Path) -> None:
    """Each suite with the file whose module it names; types of few pairs come more often."""
    task = TestsTask(TestsConfig(data=str(dataset)))
    seen = []
    for split in SPLITS:
        found = task.examples(split)
        assert len({sample.id for sample in found}) == len(found)
        for sample in found:
            name = sample.group
            assert name.capitalize() in sample.pair.code
            assert sample.pair.test_names == (name,)
            assert SUITES[sample.pair.kind].splitlines()[-1].strip() in sample.pair.tests
            seen.append(name)
    assert set(seen) == set(NAMES)
    assert encoded(task.examples("train")[0], task).target_count > 0


def test_a_dataset_without_such_pairs_is_refused(dataset: Path) -> None:
    """The message names the folder, the split and the types."""
    task = TestsTask(TestsConfig(data=str(dataset), types=("liveview",)))
    with pytest.raises(DataError, match=r"no file of split train has tests of type liveview"):
        task.examples("train")


def test_labels_and_notes_have_the_length_of_tokens() -> None:
    """Notes say type and direction of each token."""
    segment = encoded(attrs.evolve(TASK.examples("train")[1], direction="to_code"))
    assert segment.notes is not None
    assert set(np.unique(segment.notes)) == {TYPES.index("streamdata") * 2 + 1}


@pytest.mark.requires_elixir
def test_5_5_1_1_a_pair_whose_test_fails_is_reported_and_kept_out(tmp_path: Path) -> None:
    """What fails by execution is written down, with the reason, and not learned any more."""
    if missing := availability().why:
        pytest.skip(missing)
    folder = written(tmp_path, wrong="cherry")
    every = [pair for split in SPLITS for pair in stored_pairs(folder, split)]
    checked = list(verified(every, find_runner(mode="warm")))
    (bad,) = {each.pair.group for each in checked if each.state == "fails"}
    assert bad == "cherry"
    assert {each.state for each in checked if each.pair.group != bad} == {"right"}
    assert write_quarantine(folder, checked) == 1
    left = [pair.group for split in SPLITS for pair in stored_pairs(folder, split)]
    assert set(left) == set(NAMES) - {bad}
    assert "assertion" in (folder / QUARANTINE).read_text().lower()

"""A task with labels from training to prediction: what is chosen, kept, measured and said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import call, make_plugin, on_path, tiny, trained
from marks import LABELS, Marking, texts

from ectrain.events import read_events
from ectrain.label_balance import Balanced
from ectrain.label_calibration import Calibration
from ectrain.label_places import Part, Place, cut_at_random, judged
from ectrain.label_reading import windows
from ectrain.model import Model, load_model
from ectrain.report import make_report
from ectrain.task import Budget

SETTINGS = ("tokenizer.size=360", "scale=0.8", "optimizer.rate=0.03")
LONG = "alpha beta\n" * 30 + "alpha !! beta\n" + "gamma delta\n" * 30


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Put the task among the installed ones."""
    folder = tmp_path_factory.mktemp("marking")
    made = make_plugin(folder, "from marks import ectrain_register_tasks", ["marking"])
    yield from on_path(made, ["marking"])


@pytest.fixture(scope="module")
def run(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run that was trained to its end."""
    out: Path = tmp_path_factory.mktemp("labels") / "run"
    trained(tiny(*SETTINGS, tasks=["marking"]), out)
    return out


@pytest.fixture(scope="module")
def model(run: Path) -> Model:
    """Return the trained model."""
    return load_model(run)


@pytest.fixture(scope="module")
def measured(run: Path) -> dict[str, Any]:
    """Return the run's last word on its test split."""
    events = [event for event in read_events(run / "events.jsonl") if event["event"] == "evaluated"]
    return dict(events[-1])


def task_of(model: Model) -> Marking:
    """Return the task of a model."""
    task = model.tasks["marking"]
    assert isinstance(task, Marking)
    return task


# --- what is chosen -------------------------------------------------------------------------------


def test_what_was_chosen_on_val_is_kept_and_used(model: Model, measured: dict[str, Any]) -> None:
    """Thresholds and temperature of the log are those of val, by name, and a loaded model's."""
    kept = measured["choices"]["marking"]
    task = task_of(model)
    assert kept == Calibration.chosen(*task.scores(model, "val")).to_dict(LABELS)
    assert model.choices["marking"] == kept
    moved = {**kept, "thresholds": dict.fromkeys(LABELS, 99.0)}
    strict = load_model_with(model, moved)
    assert task.calibration(strict).threshold_w.tolist() == [99.0] * 3
    assert all(not p.given for p in task.predict(strict, [LONG]))


def load_model_with(model: Model, chosen: dict[str, Any]) -> Any:
    """Return a model with the same weights and other choices."""
    other = Model(model.trunk.config, model.tasks, model.tokenizer, model.seed)
    other.restore(model.state_dict())
    other.choices = {"marking": chosen}
    return other.eval()


@pytest.mark.parametrize(
    "broken",
    [{}, {"thresholds": {"Loud": 0.0}, "temperature": 1.0}, {"thresholds": 3, "temperature": 1.0}],
)
def test_choices_of_other_labels_are_not_used(broken: dict[str, Any]) -> None:
    """What does not name exactly these labels is as if nothing had been kept."""
    assert Calibration.from_dict(LABELS, broken) is None


# --- what is measured -----------------------------------------------------------------------------


def test_lines_and_unfinished_texts_are_measured(measured: dict[str, Any]) -> None:
    """The line named is one of the label's far more often than a random one; cut texts count."""
    estimates = measured["estimates"]
    assert estimates["marking/macro_f1"]["value"] > 0.8
    random = estimates["marking/evidence_hit_random"]["value"]
    assert 0.1 < random < 0.5
    assert estimates["marking/evidence_hit"]["value"] > 1.8 * random
    cut = estimates["marking/incomplete_macro_f1"]
    assert cut["value"] > 0.6
    assert cut["why"].endswith("reading it is better")


def test_baselines_are_in_every_report(run: Path, measured: dict[str, Any]) -> None:
    """Majority, n-grams, and a head alone on a trunk that learns nothing, each with its figure."""
    found = measured["baselines"]
    assert set(found) == {f"marking/{b}_macro_f1" for b in ("majority", "ngram", "frozen")}
    assert all(estimate["value"] is not None for estimate in found.values())
    assert r"frozen\_macro\_f1" in make_report(read_events(run / "events.jsonl"))


def test_category_figures_follow_both_rules_beside_the_base_rate(
    measured: dict[str, Any],
) -> None:
    """Any label of a group, all labels of it pooled, and accuracy beside the commoner answer's."""
    names = ("kind_macro_f1", "kind_pooled_macro_f1", "kind_accuracy", "kind_base_rate")
    assert all(0 <= measured["estimates"][f"marking/{name}"]["value"] <= 1 for name in names)


def test_evaluation_leaves_the_weights_alone(model: Model) -> None:
    """Measuring lines takes slopes; no weight gets one, and the figures are the same again."""
    task = task_of(model)
    first, again = (task.evaluate(model, "test", Budget()) for _ in range(2))
    assert first == again
    assert all(weight.grad is None for weight in model.parameters())


# --- balance and parts ----------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0, 50.0])
def test_positives_and_negatives_are_balanced_in_training_alone(ratio: float) -> None:
    """So many texts without a label to each with one, within one; none twice, order kept."""
    whole = texts("train", 240)
    kept = list(Balanced(whole, ratio))
    has = [text for text in kept if text.values.any()]
    clean = len(kept) - len(has)
    assert len(has) == sum(text.values.any() for text in whole)
    assert abs(clean - min(ratio * len(has), len(whole) - len(has))) <= 1
    places = [whole.index(text) for text in kept]
    assert places == sorted(set(places))


def test_a_label_counts_where_all_of_its_place_is_seen() -> None:
    """One that stands outside a part or is cut through is unknown; what was absent is absent."""
    values = np.array([1, 1, 1, 0, 1, np.nan], dtype=np.float32)
    places = [Place(0, 2, 3), Place(1, 2, 5), Place(2, 9, 9), Place(2, 4, 4)]
    found = judged(values, places, Part(2, 4), ends=(3,))
    assert found[[0, 2]].tolist() == [1, 1]
    assert np.isnan(found[[1, 3, 4, 5]]).all()
    assert judged(values, places, Part(2, 4, whole=True), ends=(3,)) is values
    assert np.nansum(values) == 4


def test_cuts_are_the_same_always_and_anywhere() -> None:
    """A text's key decides; over many keys every point is cut at; whole lines alone are seen."""
    text = "one\ntwo\nthree"
    cuts = [cut_at_random(text, str(n)) for n in range(300)]
    assert cuts == [cut_at_random(text, str(n)) for n in range(300)]
    assert {len(cut) for cut, _ in cuts} == set(range(1, len(text)))
    assert all(part == Part(1, cut.count("\n")) for cut, part in cuts)
    assert not any(part.whole for _, part in cuts)


# --- windows and lines ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "x", "a\n\nb\n", "\u00e9\u4e2d\n" * 40, "word " * 90, LONG])
@pytest.mark.parametrize("room", [5, 12, 40])
def test_windows_cover_a_text(model: Model, text: str, room: int) -> None:
    """Every token is in a window, in order, within the room; lines are where they stand."""
    found = windows(text, model.tokenizer, room)
    assert all(len(window.ids) <= room for window in found)
    seen = {line for window in found for line in window.line_n.tolist()}
    assert seen == set(range(len(text.removesuffix("\n").split("\n")))) or not text
    lines = text.split("\n")
    for window in found:
        part = model.tokenizer.decode(window.ids)
        assert part in text
        for line in range(window.part.first, window.part.last + 1):
            assert lines[line - 1] in part
    assert (len(found) == 1) == found[0].part.whole


def test_a_long_text_is_read_to_its_end(model: Model) -> None:
    """A mark in the middle of many windows is found, with its line; without it there is none."""
    task = task_of(model)
    long, clean = task.predict(model, [LONG, LONG.replace(" !! ", " ")])
    assert long.windows == clean.windows > 5
    (loud,) = (said for said in long.given if said.label == "Loud")
    assert loud.lines[0].line == 31
    assert LONG[loud.lines[0].start : loud.lines[0].end] == "alpha !! beta"
    assert loud.probability >= loud.threshold
    assert "Loud" not in {said.label for said in clean.given}


def test_predictions_do_not_depend_on_what_is_beside_them(model: Model) -> None:
    """Alone, in another order, or among others, a text is said to have the same."""
    task = task_of(model)
    chosen = [text.code for text in texts("test", 60)[:12]]
    together = list(task.predict(model, chosen))
    backwards = list(task.predict(model, chosen[::-1]))[::-1]
    for text, one, other in zip(chosen, together, backwards, strict=True):
        (alone,) = task.predict(model, [text])
        for said in (one, other):
            assert [s.label for s in said.given] == [s.label for s in alone.given]
            assert [s.probability for s in said.said] == pytest.approx(
                [s.probability for s in alone.said], abs=1e-4
            )


def test_long_training_texts_are_learned_by_windows(model: Model) -> None:
    """A window's labels are those that it shows; which window is drawn by the example's key."""
    import random

    import attrs

    values = np.array([1, 0, 1], dtype=np.float32)
    place = (Place(0, 31, 31), Place(2, 61, 61))
    long = attrs.evolve(texts("train", 240)[0], code=LONG, values=values, places=place)
    task = task_of(model)
    drawn = [task.encode(long, model.tokenizer, random.Random(n)) for n in range(40)]
    assert len({segment.tokens.tobytes() for segment in drawn}) > 3
    for segment in drawn:
        text = model.tokenizer.decode(segment.tokens.tolist())
        assert segment.values is not None
        assert np.isnan(segment.values[0]) == ("!!" not in text)
        assert segment.values[1] == 0
        assert np.isnan(segment.values[2])  # about the text's end, which no window shows


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with texts, some of which can't be read."""
    (tmp_path / "deps").mkdir()
    (tmp_path / "in").mkdir()
    for name, text in (
        ("a.txt", "beta gamma\nalpha !! beta\ndelta alpha\n"),
        ("b.txt", "beta gamma\ndelta delta\n"),
        ("in/c [x].txt", "beta \x1b[31m gamma\ntodo gamma\n"),
        ("deps/d.txt", "alpha !! beta\n"),
        ("e.md", "alpha !! beta\n"),
        ("empty.txt", " \n"),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    return tmp_path


def test_the_listing_marks_the_lines(run: Path, files: Path) -> None:
    """Files with labels are shown with marked lines, brackets and all; bad ones are counted."""
    done = call("predict", str(files), "--run", str(run))
    assert done.exit_code == 0, done.stderr
    assert f"{files}/a.txt\n  A marking Loud CWE-9" in done.stdout
    assert "  A 2 | alpha !! beta" in done.stdout
    assert "1 | beta gamma" in done.stdout
    assert "c [x].txt" in done.stdout
    assert "beta \\x1b[31m gamma" in done.stdout
    assert "b.txt" not in done.stdout
    assert f"{files}/binary.txt is skipped: not UTF-8 at byte 1" in done.stderr
    assert "3 files read, 2 with labels, 2 skipped" in done.stderr


def test_the_document_has_probabilities_thresholds_and_lines(run: Path, files: Path) -> None:
    """One document: what is given, with its lines; with --all also what is not."""
    done = call("predict", str(files / "a.txt"), str(files / "b.txt"), "--run", str(run), "--json")
    found = json.loads(done.stdout)
    a, b = found["files"]
    said = a["labels"][0]
    assert (said["task"], said["label"], said["level"], said["taxa"]) == (
        *("marking", "Loud", "error"),
        ["CWE-9"],
    )
    assert said["probability"] >= said["threshold"]
    assert said["lines"][0]["line"] == 2
    assert b["labels"] == []
    more = call("predict", str(files / "b.txt"), "--run", str(run), "--json", "--all")
    labels = json.loads(more.stdout)["files"][0]["labels"]
    assert [(row["label"], row["given"]) for row in labels] == [(name, False) for name in LABELS]


def test_exit_codes_follow_the_level(run: Path, files: Path) -> None:
    """--fail-on asks about a level and graver ones; without it, what is found is no failure."""
    loud, todo = str(files / "a.txt"), str(files / "in")
    for path, level, code in (
        *((loud, "error", 10), (loud, "note", 10), (todo, "error", 0), (todo, "warning", 10)),
        (str(files / "b.txt"), "note", 0),
    ):
        assert call("predict", path, "--run", str(run), "--fail-on", level).exit_code == code


def test_text_comes_from_stdin_too(run: Path) -> None:
    """- is stdin."""
    done = call("predict", "-", "--run", str(run), stdin="alpha !! beta\n")
    assert done.stdout.startswith("stdin\n  A marking Loud")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["e.md", "--tasks", "markin"], 2, "did you mean 'marking'"),
        (["deps/none.txt"], 2, "does not exist"),
        (["empty.txt"], 3, "empty.txt: empty"),
        (["e.md", "--json", "--sarif"], 2, "either --json or --sarif"),
    ],
)
def test_mistakes_are_named(
    run: Path, files: Path, words: list[str], code: int, message: str
) -> None:
    """Unknown tasks, absent files, nothing to read, two formats: a sentence and an exit code."""
    done = call("predict", str(files / words[0]), *words[1:], "--run", str(run))
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr

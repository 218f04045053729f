"""Laws of the report and of the verdicts it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.claims import judge, verdict
from ectrain.digest import digest
from ectrain.markdown import escaped, figure, sparkline
from ectrain.report import make_report
from ectrain.task import Estimate, Goal

SHARE = st.floats(0, 1)
GOAL = Goal("pass@1", 0.7, ("bigram",))


def estimate(value: float, low: float | None) -> Estimate:
    """Return a figure with this lower bound."""
    return Estimate(value, 10, low, 1.0 if low is not None else None)


def events() -> list[dict[str, Any]]:
    """Return the events of a small run of two tasks."""
    claim = {"task": "codegen", "metric": "pass@1", "above": 0.7, "value": 0.1, "low": 0.05}
    claim |= {"high": 0.2, "n": 64, "verdict": "not met", "baselines": {"bigram": 0.02}, "why": "x"}
    unknown = {"task": "security", "metric": "f1", "above": 0.8, "value": None, "low": None}
    unknown |= {"high": None, "n": 0, "verdict": "not shown", "baselines": {}, "why": "no data"}
    data = {"train": 4812, "val": 60, "test": 61}
    offer = {"distribution": "ectrain-codegen", "version": "0.1.0"}
    return [
        {
            "event": "run_started",
            "ectrain": "0.1.0",
            "torch": "2.13.0",
            "device": "cpu",
            "dtype": "float32",
            "seed": 7,
            "tasks": {"codegen": offer, "security": offer},
            "parameters": {"trunk": 1000000, "heads": {"security": 500}, "total": 1000500},
            "tokenizer": {"size": 8192, "fingerprint": "53aa"},
            "data": {"codegen": data, "security": data},
            "total_steps": 4,
            "resumed_from": None,
        },
        {"event": "epoch_started", "epoch": 1, "phase": "warm", "phase_epoch": 1, "steps": 2},
        {"event": "step", "step": 1, "epoch": 1, "losses": {"codegen": 4.0}, "tokens_per_s": 10.0},
        {"event": "step", "step": 2, "epoch": 1, "losses": {"codegen": 2.0}, "tokens_per_s": 30.0},
        {"event": "evaluated", "epoch": 1, "split": "val", "metrics": {"codegen/loss": 2.5}},
        {"event": "epoch_started", "epoch": 2, "phase": "all", "phase_epoch": 1, "steps": 2},
        {"event": "step", "step": 3, "epoch": 2, "losses": {"codegen": 1.0, "security": 0.5}},
        {"event": "phase_ended", "phase": "warm", "epoch": 1, "reason": "gate met"},
        {"event": "warning", "message": "slow input"},
        {"event": "checkpoint_saved", "step": 3, "epoch": 2, "path": "c/3", "best": True},
        {
            "event": "evaluated",
            "epoch": 2,
            "split": "test",
            "metrics": {"codegen/loss": 2.25, "security/f1": None},
            "estimates": {
                "codegen/pass@1": {"value": 0.1, "n": 64, "low": 0.05, "high": 0.2, "why": ""},
                "codegen/compiles": {"value": None, "n": 0, "why": "elixir not found"},
            },
            "baselines": {"codegen/pass@1": {"value": 0.02, "n": 64}},
        },
        {
            "event": "run_ended",
            "status": "finished",
            "reason": "",
            "steps": 3,
            "epochs": 2,
            "seconds": 12.5,
            "tokens": 60000,
            "claims": [claim, unknown],
        },
    ]


def test_report_says_what_the_events_say() -> None:
    """Every figure of a section is the one that the events hold."""
    text = make_report(events())
    assert "Status: finished" in text
    assert "| codegen | ectrain-codegen 0.1.0 | 4,812 | 60 | 61 |" in text
    assert "| warm | 1 to 1 | 1 | gate met |" in text
    assert "| all | 2 to 2 | 1 | not ended |" in text
    assert (
        "| codegen | pass@1 | > 0.7 | 0.1 | 0.05 to 0.2 | 64 | bigram 0.02 | not met | x |" in text
    )
    assert "| codegen | train | 3 | 1 | 1 |" in text  # (4 + 2) / 2, then 1
    assert "| codegen | val | 2.5 | 2.5 | 2.5 |" in text
    assert "- 1 x: slow input" in text
    assert "| c/3 | 3 | 2 | yes |" in text


def test_missing_figures_are_said_to_be_missing() -> None:
    """A figure that no event holds is never a number, and its reason stands beside it."""
    text = make_report(events())
    assert "not measured: elixir not found" in text
    assert "| security | f1 | > 0.8 | not measured | - | - | - | not shown | no data |" in text
    empty = make_report([])
    assert "Status: never started" in empty
    assert "not measured" in empty
    assert not re.search(r"\d", re.sub(r"95 %", "", empty))


def test_a_cut_log_claims_nothing() -> None:
    """A log cut after any event gives a report, and one without an end claims no verdict."""
    whole = events()
    for n in range(len(whole)):
        text = make_report(whole[:n])
        assert "| met |" not in text
        assert "| not met |" not in text
        assert "Seconds: not measured: the run has no end" in text


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "met"),
        ({"value": None}, "not shown"),
        ({"low": None}, "not shown"),
        ({"low": 0.7}, "not met"),
        ({"baselines": {"bigram": 0.9}}, "not met"),
        ({"baselines": {"bigram": None}}, "not shown"),
    ],
)
def test_met_is_not_believed_without_figures(change: dict[str, Any], verdict: str) -> None:
    """A log that says "met" is believed only if the claim's own figures bear it."""
    log = events()
    good = {"value": 0.9, "low": 0.8, "high": 1.0, "verdict": "met", "why": "y"}
    log[-1]["claims"] = [{**log[-1]["claims"][0], **good, **change}]
    assert f"| {verdict} | y |" in make_report(log)


def test_a_repeated_epoch_counts_once() -> None:
    """A run that resumes at an epoch's start reports that epoch's second course alone."""
    log = events()
    step = {"event": "step", "step": 3, "epoch": 2, "losses": {"codegen": 9.0}}
    again = [log[0], log[5], step]
    found = digest([*log[:7], *again])
    assert found.train[2] == {"codegen": [9.0]}
    assert found.starts == 2


def test_a_resumed_run_has_not_ended() -> None:
    """The end of an earlier start does not stand for the run's."""
    assert "not ended" in make_report([*events(), events()[0]])


HOSTILE = st.text(
    alphabet=st.sampled_from(list("a|[]`*_<>\\&~!#${}\n\r\x1b\x00\u202e\u2028 ")), min_size=1
)


@given(HOSTILE)
def test_hostile_names_stay_in_their_cell(name: str) -> None:
    """Whatever a task, phase or message is called, tables keep their width and no tag appears."""
    log = events()
    log[0]["tasks"] = {name: {"distribution": name, "version": name}}
    log[1]["phase"] = name
    log.append({"event": "warning", "message": name})
    log[-2]["claims"][0] |= {"task": name, "metric": name, "why": name, "baselines": {name: 1.0}}
    text = make_report(log)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not re.search(r"(?<!\\)<", text)
    width = 0
    for line in text.split("\n"):
        if not line.startswith("| "):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        assert width in (0, cells)
        width = cells


@given(st.text())
def test_escaping_keeps_the_text(text: str) -> None:
    """Escaped text is one line and, unescaped, has the same visible characters."""
    found = escaped(text)
    assert "\n" not in found
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    assert re.sub(r"\\([\\`*_{}\[\]<>|~$&!])", r"\1", found) == plain


NUMBER = st.one_of(st.none(), st.floats())
JSON = st.recursive(
    st.one_of(NUMBER, st.booleans(), st.text(max_size=3), st.integers(-5, 10**6)),
    lambda x: st.one_of(
        st.lists(x, max_size=2), st.dictionaries(st.text(max_size=2), x, max_size=2)
    ),
    max_leaves=4,
)


@given(st.data())
def test_any_field_may_be_anything(data: st.DataObject) -> None:
    """A field of the wrong type never breaks the report."""
    log = events()
    event = data.draw(st.sampled_from(log))
    key = data.draw(st.sampled_from(sorted(event)))
    if key != "event":
        event[key] = data.draw(JSON)
    assert make_report(log).startswith("# Training report")


@given(st.lists(NUMBER, max_size=200))
def test_sparkline_is_bounded_and_ordered(values: list[float | None]) -> None:
    """A sparkline is at most 40 wide, and in a short one a greater value has no lower bar."""
    line = sparkline(values)
    assert len(line) <= 40
    if line and len(values) <= 40:
        known = [
            (v, bar) for v, bar in zip(values, line, strict=True) if v is not None and bar != "\xb7"
        ]
        known.sort()
        assert [bar for _, bar in known] == sorted(bar for _, bar in known)


def test_figures_that_are_no_numbers() -> None:
    """NaN, infinity, booleans and text are not figures."""
    for value in (None, float("nan"), float("inf"), True, "3"):
        assert figure(value, "why") == "not measured: why"
    assert figure(4812) == "4,812"
    assert figure(0.123456) == "0.1235"


@given(SHARE, SHARE, SHARE, SHARE)
def test_met_needs_bound_and_baselines(
    value: float, low: float, above: float, rival: float
) -> None:
    """A goal is met exactly if the lower bound is above it and the value beats the baseline."""
    low = min(low, value)
    found = verdict(Goal("m", above, ("b",)), estimate(value, low), {"b": Estimate(rival, 5)})
    assert found == ("met" if low > above and value > rival else "not met")


@given(SHARE, SHARE, SHARE, SHARE)
def test_a_better_figure_never_loses(value: float, low: float, more: float, above: float) -> None:
    """Raising value and bound never turns a met goal into one that isn't."""
    goal, low = Goal("m", above), min(low, value)
    if verdict(goal, estimate(value, low), {}) == "met":
        assert verdict(goal, estimate(value + more, low + more), {}) == "met"


@given(SHARE, st.sampled_from([None, float("nan"), float("inf"), float("-inf")]))
def test_unmeasured_is_not_shown(above: float, value: float | None) -> None:
    """Without a finite value nothing is shown, and the reason is passed on."""
    goal = Goal("m", above)
    assert verdict(goal, None, {}) == "not shown"
    assert judge(goal, Estimate(value, why="no elixir"), {}) == ("not shown", "no elixir")


@given(SHARE, SHARE)
def test_no_interval_or_baseline_is_not_shown(value: float, above: float) -> None:
    """Without an interval or a named baseline a goal is never met; it may be refuted."""
    refuted = value <= above
    bare = verdict(Goal("m", above), estimate(value, None), {})
    assert bare == ("not met" if refuted else "not shown")
    alone = verdict(Goal("m", above, ("b",)), estimate(value, value), {})
    assert alone == ("not met" if refuted else "not shown")


@given(st.integers(1, 500), st.data())
def test_wilson_interval_meets_honestly(n: int, data: st.DataObject) -> None:
    """No share of few trials meets a goal that its own interval includes."""
    found = Estimate.share(data.draw(st.integers(0, n)), n)
    above = data.draw(SHARE)
    if verdict(Goal("m", above), found, {}) == "met":
        assert found.low is not None
        assert found.low > above


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_torn_log_is_reported(tmp_path: Path, cut: int) -> None:
    """A log whose last line was cut off in the middle gives the report of the lines before it."""
    from ectrain.events import read_events

    lines = [json.dumps(event) for event in events()]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(lines)[:-cut], encoding="utf-8")
    assert make_report(read_events(path)) == make_report(events()[:-1])

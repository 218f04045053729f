"""The contract kit: sound tasks pass, each seeded fault is caught by the law that forbids it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from faulty_data import (
    Aimless,
    BareFigure,
    Endless,
    Hashed,
    Impure,
    Leaky,
    LostGoal,
    OddConfig,
    OddFacet,
    OddName,
    OneId,
    PlainControl,
    Restless,
    Unshifted,
    UnusedControl,
    Wide,
)
from faulty_figures import (
    AskedOnce,
    Blank,
    Crowd,
    EmptyBatch,
    FirstFirst,
    Forgetful,
    Guess,
    Homebound,
    MeanLoss,
    NaNFirst,
    Noisy,
    OnlyFloat32,
    SharedMetric,
    Smoother,
    Spread,
    TensorFigure,
    Unmerged,
)
from faulty_heads import (
    Detached,
    FirstRows,
    FixedWidth,
    HalfDeaf,
    Hooked,
    Renorming,
    SharedHead,
    Stiff,
    Turned,
    Unseeded,
)
from faulty_manners import Chatty, Draws, Environ, Freezing, Remembering, Seeds, Slow, Verbose
from reads_at_import import ReadsAtImport
from toys import Echo, Letters, ToyConfig

from ectrain.testing import (
    LAWS,
    Subject,
    held_to,
    task_contract,
)

test_echo = task_contract(Echo(ToyConfig()))
test_sorting = task_contract(Letters(ToyConfig()))

# A fault; the law that catches it; a word of what to change; laws that can't but break, too.
FAULTS: list[tuple[type[Any], str, str, tuple[str, ...]]] = [
    (OddName, "name_is_usable", "lower-case", ()),
    (OddConfig, "config_round_trips", "use numbers, strings", ()),
    (PlainControl, "control_tokens_are_out_of_reach", "angle brackets", ()),
    (UnusedControl, "control_tokens_are_used", "drop it", ()),
    (LostGoal, "goals_can_be_measured", "it gives accuracy", ()),
    (BareFigure, "evaluation_gives_estimates", "Estimate(value", ()),
    (Restless, "examples_repeat", "seeded from the config", ()),
    (OneId, "examples_have_ids", "give each example its own", ()),
    (Endless, "examples_end", "raise IndexError", ()),
    (Leaky, "splits_share_nothing", "split by group", ()),
    (OddFacet, "texts_and_facets_are_plain", "a finite number", ()),
    (Impure, "encoding_is_pure", "the `rng` that encode gets", ()),
    (Hashed, "another_process_agrees", "no hash()", ()),
    (Wide, "values_have_one_width", "NaN where one is unknown", ()),
    (Aimless, "segments_have_targets", "set labels or values", ()),
    (Unshifted, "labels_look_ahead", "shift labels by one", ()),
    (FixedWidth, "heads_fit_any_width", "use TrunkShape.width", ()),
    (SharedHead, "heads_share_nothing", "new modules in head()", ()),
    (Turned, "heads_survive_files", "memory of its own", ()),
    (Unseeded, "heads_repeat", "torch's own generator", ()),
    (Detached, "gradient_reaches_trunk", "don't detach", ()),
    (Hooked, "weight_zero_is_absence", "no hooks", ()),
    (FirstRows, "loss_ignores_neighbours", "Rows.hidden_nd", ()),
    (Stiff, "a_batch_can_be_learned", "check that targets belong", ()),
    (Renorming, "a_run_beside_it_is_unchanged", "write into nothing", ()),
    (HalfDeaf, "bfloat16_learns", "detach and round nothing", ()),
    # the mean of a batch is a fraction of its targets' losses, so no guess costs that
    (
        MeanLoss,
        "loss_is_additive",
        "a sum over targets",
        ("a_guess_costs_what_is_said",),
    ),
    # what depends on the place in a batch depends on how batches are cut
    (
        FirstFirst,
        "loss_ignores_order",
        "in the order they come",
        ("loss_is_additive",),
    ),
    (Noisy, "loss_repeats", "draw nothing in loss", ()),
    (Blank, "nothing_to_predict_costs_nothing", "divide by no count", ()),
    (Crowd, "one_segment_is_enough", "less one", ()),
    (Smoother, "inputs_are_left_alone", "make a new tensor", ()),
    (Guess, "a_guess_costs_what_is_said", "log 2 for yes or no", ()),
    (Forgetful, "metrics_stream", "divide in compute alone", ()),
    (Unmerged, "metrics_merge", "add all that the other", ()),
    (NaNFirst, "metrics_know_nothing_yet", "return None", ()),
    (Spread, "metrics_take_little", "too little to measure", ()),
    (EmptyBatch, "metrics_take_little", "too little to measure", ()),
    (Homebound, "two_processes_agree", "neither functions nor files", ()),
    (AskedOnce, "metrics_compute_again", "leave them", ()),
    (TensorFigure, "metrics_are_json", ".item()", ()),
    (OnlyFloat32, "bfloat16_is_taken", ".float() before .numpy()", ()),
    (SharedMetric, "metrics_are_fresh", "make it in metrics()", ()),
    (Draws, "globals_stay", "generators", ()),
    (Seeds, "globals_stay", "torch's random numbers", ()),
    (Environ, "globals_stay", "os.environ", ()),
    (Verbose, "globals_stay", "logging", ()),
    (Chatty, "stdout_stays_clean", "the logging module", ()),
    (Freezing, "refresh_leaves_the_model", "put its mode back", ()),
    (Remembering, "refresh_repeats", "keep nothing from one epoch", ()),
    (Slow, "time_is_kept", "do it once", ()),
    (ReadsAtImport, "import_is_quiet", "do it in examples()", ()),
]


@pytest.fixture
def _put_back() -> Iterator[None]:
    """Undo what broken tasks do to the process."""
    environ, level = dict(os.environ), logging.getLogger().level
    with torch.random.fork_rng(devices=[]):
        yield
    os.environ.clear()
    os.environ.update(environ)
    logging.getLogger().setLevel(level)


@pytest.mark.usefixtures("_put_back")
@pytest.mark.parametrize(
    ("fault", "law", "remedy", "consequences"),
    FAULTS,
    ids=[fault.__name__ for fault, *_ in FAULTS],
)
def test_each_fault_is_caught_by_the_law_that_forbids_it(
    fault: type[Letters], law: str, remedy: str, consequences: tuple[str, ...]
) -> None:
    """Of all laws only the one that forbids the fault fails, and it says what to change."""
    subject = Subject(fault(ToyConfig()), examples=12, seconds=0.1)
    found = [held_to(one, subject) for one in LAWS]
    caught = {one.law: one.message for one in found if one.outcome == "broken"}
    odd = {one.law: (one.outcome, one.message) for one in found if one.law in (law, *caught)}
    assert sorted(caught) == sorted({law, *consequences}), odd
    assert remedy in caught[law]


def test_every_law_catches_something() -> None:
    """No law is there without a task that breaks it."""
    assert {law.__name__ for law in LAWS} == {law for _, law, _, _ in FAULTS}

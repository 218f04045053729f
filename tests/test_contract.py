"""The contract kit: sound tasks pass, each seeded fault is caught by the law that forbids it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import broken
import pytest
import torch
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
    (broken.OddName, "name_is_usable", "lower-case", ()),
    (broken.OddConfig, "config_round_trips", "use numbers, strings", ()),
    (broken.PlainControl, "control_tokens_are_out_of_reach", "angle brackets", ()),
    (broken.UnusedControl, "control_tokens_are_used", "drop it", ()),
    (broken.LostGoal, "goals_can_be_measured", "it gives accuracy", ()),
    (broken.BareFigure, "evaluation_gives_estimates", "Estimate(value", ()),
    (broken.Restless, "examples_repeat", "seeded from the config", ()),
    (broken.OneId, "examples_have_ids", "give each example its own", ()),
    (broken.Endless, "examples_end", "raise IndexError", ()),
    (broken.Leaky, "splits_share_nothing", "split by group", ()),
    (broken.OddFacet, "texts_and_facets_are_plain", "a finite number", ()),
    (broken.Impure, "encoding_is_pure", "the `rng` that encode gets", ()),
    (broken.Hashed, "another_process_agrees", "no hash()", ()),
    (broken.Wide, "values_have_one_width", "NaN where one is unknown", ()),
    (broken.Aimless, "segments_have_targets", "set labels or values", ()),
    (broken.Unshifted, "labels_look_ahead", "shift labels by one", ()),
    (broken.FixedWidth, "heads_fit_any_width", "use TrunkShape.width", ()),
    (broken.SharedHead, "heads_share_nothing", "new modules in head()", ()),
    (broken.Turned, "heads_survive_files", "memory of its own", ()),
    (broken.Unseeded, "heads_repeat", "torch's own generator", ()),
    (broken.Detached, "gradient_reaches_trunk", "don't detach", ()),
    (broken.Hooked, "weight_zero_is_absence", "no hooks", ()),
    (broken.FirstRows, "loss_ignores_neighbours", "Rows.hidden_nd", ()),
    (broken.Stiff, "a_batch_can_be_learned", "check that targets belong", ()),
    # the mean of a batch is a fraction of its targets' losses, so no guess costs that
    (broken.MeanLoss, "loss_is_additive", "a sum over targets", ("a_guess_costs_what_is_said",)),
    # what depends on the place in a batch depends on how batches are cut
    (broken.FirstFirst, "loss_ignores_order", "in the order they come", ("loss_is_additive",)),
    (broken.Noisy, "loss_repeats", "draw nothing in loss", ()),
    (broken.Blank, "nothing_to_predict_costs_nothing", "divide by no count", ()),
    (broken.Crowd, "one_segment_is_enough", "less one", ()),
    (broken.Smoother, "inputs_are_left_alone", "make a new tensor", ()),
    (broken.Guess, "a_guess_costs_what_is_said", "log 2 for yes or no", ()),
    (broken.Forgetful, "metrics_stream", "divide in compute alone", ()),
    (broken.Unmerged, "metrics_merge", "add all that the other", ()),
    (broken.NaNFirst, "metrics_know_nothing_yet", "return None", ()),
    (broken.AskedOnce, "metrics_compute_again", "leave them", ()),
    (broken.TensorFigure, "metrics_are_json", ".item()", ()),
    (broken.OnlyFloat32, "bfloat16_is_taken", ".float() before .numpy()", ()),
    (broken.SharedMetric, "metrics_are_fresh", "make it in metrics()", ()),
    (broken.Draws, "globals_stay", "generators", ()),
    (broken.Seeds, "globals_stay", "torch's random numbers", ()),
    (broken.Environ, "globals_stay", "os.environ", ()),
    (broken.Verbose, "globals_stay", "logging", ()),
    (broken.Chatty, "stdout_stays_clean", "the logging module", ()),
    (broken.Freezing, "refresh_leaves_the_model", "put its mode back", ()),
    (broken.Slow, "time_is_kept", "do it once", ()),
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
    subject = Subject(fault(ToyConfig()), examples=12, seconds=0.05)
    found = [held_to(one, subject) for one in LAWS]
    caught = {one.law: one.message for one in found if one.outcome == "broken"}
    assert sorted(caught) == sorted({law, *consequences}), caught
    assert remedy in caught[law]


def test_every_law_catches_something() -> None:
    """No law is there without a task that breaks it."""
    assert {law.__name__ for law in LAWS} == {law for _, law, _, _ in FAULTS}

"""The contract: every law, and what holds a task to them, in a test or from the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Literal

import attrs

from ectrain.model import AnyTask
from ectrain.testing.law import BrokenLawError, Law, NotApplicable, promise, title
from ectrain.testing.laws import (
    data,
    encoding,
    heads,
    learning,
    loss,
    metrics,
    neighbours,
    process,
    processes,
    settings,
)
from ectrain.testing.subject import EXAMPLES, SECONDS, Subject

LAWS: tuple[Law, ...] = (
    settings.name_is_usable,
    settings.config_round_trips,
    process.import_is_quiet,
    data.examples_repeat,
    data.examples_have_ids,
    data.examples_end,
    data.splits_share_nothing,
    data.texts_and_facets_are_plain,
    encoding.encoding_is_pure,
    encoding.segments_have_targets,
    encoding.values_have_one_width,
    encoding.labels_look_ahead,
    process.another_process_agrees,
    settings.control_tokens_are_out_of_reach,
    settings.control_tokens_are_used,
    heads.heads_fit_any_width,
    heads.heads_share_nothing,
    heads.heads_survive_files,
    heads.heads_repeat,
    loss.loss_is_additive,
    loss.loss_ignores_order,
    loss.loss_repeats,
    loss.gradient_reaches_trunk,
    loss.nothing_to_predict_costs_nothing,
    loss.one_segment_is_enough,
    loss.inputs_are_left_alone,
    loss.a_guess_costs_what_is_said,
    loss.bfloat16_is_taken,
    neighbours.loss_ignores_neighbours,
    neighbours.weight_zero_is_absence,
    neighbours.a_run_beside_it_is_unchanged,
    metrics.metrics_know_nothing_yet,
    metrics.metrics_take_little,
    metrics.metrics_are_fresh,
    metrics.metrics_stream,
    metrics.metrics_merge,
    metrics.metrics_compute_again,
    metrics.metrics_are_json,
    settings.evaluation_gives_estimates,
    settings.goals_can_be_measured,
    process.refresh_leaves_the_model,
    process.refresh_repeats,
    process.globals_stay,
    process.stdout_stays_clean,
    process.time_is_kept,
    learning.a_batch_can_be_learned,
    learning.bfloat16_learns,
    processes.two_processes_agree,
)

Outcome = Literal["kept", "broken", "does not apply"]


@attrs.frozen
class Finding:
    """What came of holding a task to a law.

    Attributes:
        law: Its name.
        promise: What it says.
        outcome: Whether it is kept.
        message: What is wrong and what to change, or why the law does not apply.
        seconds: How long that took.
    """

    law: str
    promise: str
    outcome: Outcome
    message: str
    seconds: float


def task_contract(
    task: AnyTask, *, examples: int = EXAMPLES, seconds: float = SECONDS
) -> Callable[..., None]:
    """Return a pytest test that holds a task to every law, one case each.

    A law about something that the task does not have is skipped, with the reason.

    Args:
        task: The task, with settings that keep its data small.
        examples: How many of each split laws look at.
        seconds: How long one example may take to encode, and a batch to be measured.
    """
    import pytest

    subject = Subject(task, examples, seconds)

    @pytest.mark.parametrize("law", LAWS, ids=title)
    def test_contract(law: Law) -> None:
        check_law(law, subject)

    test_contract.__doc__ = f"Task {task.name} keeps each law of the contract."
    return test_contract


def check_law(law: Law, subject: Subject) -> None:
    """Hold a subject to a law inside a pytest test; skip it, with the reason, if it can't apply."""
    import pytest

    try:
        law(subject)
    except NotApplicable as reason:
        pytest.skip(f"{subject.name}: {reason}")


def findings(
    task: AnyTask, *, examples: int = EXAMPLES, seconds: float = SECONDS
) -> Iterator[Finding]:
    """Hold a task to every law, and yield what came of each as it is known.

    Args:
        task: The task, with settings that keep its data small.
        examples: How many of each split laws look at.
        seconds: How long one example may take to encode, and a batch to be measured.
    """
    subject = Subject(task, examples, seconds)
    for law in LAWS:
        yield held_to(law, subject)


def held_to(law: Law, subject: Subject) -> Finding:
    """Return what comes of holding a subject to one law; whatever the task raises breaks it."""
    started = time.perf_counter()
    outcome: Outcome = "kept"
    message = ""
    try:
        law(subject)
    except NotApplicable as reason:
        outcome, message = "does not apply", str(reason)
    except BrokenLawError as error:
        outcome, message = "broken", str(error)
    except Exception as error:
        outcome, message = "broken", f"it fails with {type(error).__name__}: {error}"
    return Finding(title(law), promise(law), outcome, message, time.perf_counter() - started)

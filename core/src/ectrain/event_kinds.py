"""What each kind of event in `events.jsonl` says: the reference, and what readers may rely on."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

COMMON: Mapping[str, str] = {
    "event": "the kind",
    "time": "when it was written, UTC, ISO 8601",
}


@attrs.frozen
class Kind:
    """A kind of event.

    Attributes:
        when: When it is written.
        fields: What each of its fields holds, with its unit; all of them are always there.
        sometimes: The same of fields that only some of these events have.
    """

    when: str
    fields: Mapping[str, str]
    sometimes: Mapping[str, str] = attrs.field(factory=dict)


KINDS: Mapping[str, Kind] = {
    "run_started": Kind(
        "Everything is built, no step is taken yet; once more each time that a run goes on.",
        {
            "ectrain": "version",
            "torch": "version",
            "python": "version",
            "device": "where it computes, as torch names it",
            "dtype": "precision of the trunk's arithmetic",
            "compiled": "whether the trunk's layers are compiled",
            "tasks": "`distribution` and `version` of each task's plugin, by task",
            "parameters": "weights: `trunk`, each of `heads`, `total`, `trainable`",
            "tokenizer": "`size` in tokens, `fingerprint`",
            "data": "examples by task and split",
            "total_steps": "steps of the whole plan",
            "seed": "the run's seed",
            "resumed_from": "path of the checkpoint that it goes on from; null for a new run",
        },
        {
            "init": "what a new run began with (`--init`): `run`, `step` of its checkpoint, and "
            "`parts`, what became of the trunk and of each head"
        },
    ),
    "epoch_started": Kind(
        "An epoch is planned, and tasks have made their new data.",
        {
            "epoch": "its number, from 1",
            "phase": "name of its phase",
            "phase_epoch": "its number in the phase, from 1",
            "shares": "how often each task is drawn, summing to 1",
            "weights": "how much each task's loss counts",
            "steps": "steps of the epoch",
        },
    ),
    "guard_decided": Kind(
        "The regression guard changed a task's weight; once more when the effect is known.",
        {
            "phase": "name of the phase",
            "epoch": "after which it was decided",
            "task": "whose weight",
            "before": "what the guard multiplied the weight with",
            "after": "what it multiplies it with from then on",
            "why": "what was measured, in words",
            "effect": "what came of it, in words; empty while that isn't known",
        },
    ),
    "step": Kind(
        "Steps were taken: one, or all since the last of these events (`log_seconds`).",
        {
            "step": "steps taken so far",
            "epoch": "the epoch's number",
            "phase": "name of the phase",
            "losses": "mean loss of these steps by task, nats a target",
            "rate": "learning rate of the last step",
            "grad_norm": "norm of the last step's gradient before it is clipped",
            "tokens": "real tokens trained on so far",
            "tokens_per_s": "real tokens a second over these steps",
            "targets": "things predicted in these steps, by task",
            "encoding": "seconds in `encode`, beside the steps, by those of the steps, by task",
        },
        {"factors": "what the balancer made of each task's weight, on average; unless it is fixed"},
    ),
    "cosines_measured": Kind(
        "The tasks' gradients of the trunk were compared in a step (`balancer.cosines_every`).",
        {
            "step": "steps taken so far",
            "epoch": "the epoch's number",
            "phase": "name of the phase",
            "cosines": 'from -1 to 1 by "task/task"; null where a gradient is zero',
        },
    ),
    "evaluated": Kind(
        "Held-out data was measured: `val` after an epoch, `test` at the end (best weights).",
        {
            "step": "step of the weights that were measured",
            "epoch": "their epoch",
            "phase": "their phase",
            "split": "`val` or `test`",
            "metrics": 'figures by "task/metric"; null where undefined',
            "estimates": "what was measured by generating and executing: `value`, `n`, `low`, "
            '`high`, `why`, by "task/metric"',
        },
        {
            "baselines": 'of `test` only: estimates of simpler means, by "task/metric"',
            "choices": "of `test` only: what tasks chose on validation data, such as thresholds",
        },
    ),
    "measuring": Kind(
        "A measurement that may take a while begins.",
        {"what": "the task and what is measured"},
    ),
    "phase_ended": Kind(
        "A phase of the curriculum is over.",
        {
            "phase": "its name",
            "epoch": "its last epoch",
            "reason": "as planned, a gate, or a plateau, in words",
        },
    ),
    "checkpoint_saved": Kind(
        "A checkpoint is whole on the disk.",
        {
            "step": "step of its weights",
            "epoch": "their epoch",
            "path": "its directory",
            "best": "whether no checkpoint has a lower validation loss",
            "seconds": "how long saving took",
        },
    ),
    "warning": Kind(
        "Something is not as it should be and training goes on; each text is written once.",
        {"message": "what, and what to do"},
    ),
    "run_ended": Kind(
        "The run is over, also by a failure or a stop.",
        {
            "status": "`finished`, `interrupted` or `failed`",
            "reason": "why, in words",
            "steps": "steps taken",
            "epochs": "epochs taken",
            "seconds": "time spent in steps, over all starts",
            "tokens": "real tokens trained on",
            "claims": "each goal with its measurement and verdict; empty unless finished",
        },
    ),
}

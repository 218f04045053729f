"""Laws about settings, names, control tokens and goals."""

from __future__ import annotations

import json
import re

from ectrain.errors import ConfigError, PluginError
from ectrain.plugins import problem_of
from ectrain.structure import plain, structured
from ectrain.task import Estimate, Task
from ectrain.testing.law import BrokenLawError, NotApplicable, require
from ectrain.testing.subject import Subject


def config_round_trips(subject: Subject) -> None:
    """Settings survive JSON, have defaults, and refuse a key that they don't know."""
    kind = subject.task.config_type
    try:
        kind()
        data = plain(subject.task.config)
        again = structured(json.loads(json.dumps(data)), kind, "settings")
    except Exception as error:
        require(
            False,
            f"settings don't survive JSON: {error}; use numbers, strings, booleans, tuples and "
            "nested attrs classes, each with a default",
        )
    require(
        again == subject.task.config,
        f"settings come back as {again!r}; let the config class compare by value (attrs.frozen) "
        "and change no value when it is made",
    )
    refused = ""
    try:
        structured({**data, "no_such_key": 1}, kind, "settings")
    except ConfigError as error:
        refused = str(error)
    require("no_such_key" in refused, "an unknown key is taken, or not named; use an attrs class")


def name_is_usable(subject: Subject) -> None:
    """The name, the contract's version and the class's parts are what loading asks for."""
    problem = problem_of(type(subject.task))
    require(problem is None, f"{problem}; change the class as it says")


def control_tokens_are_out_of_reach(subject: Subject) -> None:
    """Each control token is one id, and no text is encoded to it."""
    tokens = subject.task.control_tokens()
    if not tokens:
        raise NotApplicable("it has no control tokens")
    try:
        tokenizer = subject.train_tokenizer()
    except PluginError as error:
        raise BrokenLawError(f"{error}; rename it") from None
    for token in tokens:
        require(
            tokenizer.token_id(token) not in tokenizer.encode(f"x {token} y"),
            f"{token!r} can be written in plain text; name it in angle brackets, like '<mask>'",
        )


def control_tokens_are_used(subject: Subject) -> None:
    """Each control token occurs in segments; one that never does is learned by nobody."""
    tokens = subject.task.control_tokens()
    if not tokens:
        raise NotApplicable("it has no control tokens")
    seen = {int(number) for segment in subject.segments for number in segment.tokens}
    unused = [token for token in tokens if subject.tokenizer.token_id(token) not in seen]
    require(not unused, f"no segment holds {unused}; put it there in encode, or drop it")


def goals_can_be_measured(subject: Subject) -> None:
    """Every goal names a figure that the task gives, and baselines that it gives, too."""
    goals = subject.task.goals
    if not goals:
        raise NotApplicable("it has no goals")
    own = {
        ".".join(part for part in (name, inner) if part)
        for name, metric in subject.task.metrics().items()
        for inner in metric.compute()
    }
    for goal in goals:
        if goal.metric not in own:
            offered = sorted(own | set(subject.estimates))
            require(
                goal.metric in subject.estimates,
                f"goal {goal.metric!r} is no figure of this task; it gives {', '.join(offered)}: "
                "name one of them",
            )
        for rival in goal.baselines:
            require(
                rival in {**subject.baselines, **subject.estimates},
                f"goal {goal.metric!r} must beat {rival!r}, which baselines() doesn't give; give "
                "it, or take it out of the goal",
            )


def evaluation_gives_estimates(subject: Subject) -> None:
    """`evaluate` gives estimates by name, each with a value or the reason why there is none."""
    if type(subject.task).evaluate is Task.evaluate:
        raise NotApplicable("it does not implement evaluate")
    for name, found in subject.estimates.items():
        require(
            isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.@-]{1,60}", name) is not None,
            f"an estimate is named {name!r}; use letters, digits and _ . @ -",
        )
        require(
            isinstance(found, Estimate), f"{name} is {found!r}; wrap it: Estimate(value, n=...)"
        )
        require(
            found.value is not None or bool(found.why),
            f"{name} was not measured and does not say why; use Estimate.missing(reason)",
        )

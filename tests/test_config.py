"""Laws of settings: what is said comes back, what can't be meant is named by its key."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.changes import changes
from ectrain.config import (
    RATES,
    SIZES,
    CheckpointConfig,
    DeviceConfig,
    EvaluationConfig,
    OptimizerConfig,
    RunConfig,
    Size,
    StepConfig,
    TokenizerConfig,
    TrunkConfig,
    from_dict,
    load_config,
    to_dict,
)
from ectrain.errors import ConfigError

counts = st.integers(1, 10**6)
positive = st.floats(1e-9, 1e9)
shares = st.floats(0, 1, exclude_max=True)
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
plain = st.none() | st.booleans() | st.integers() | words
configs = st.builds(
    RunConfig,
    tasks=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True),
        st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), plain | st.lists(plain)),
        min_size=1,
        max_size=3,
    ),
    seed=st.integers(),
    data=words,
    size=st.sampled_from(get_args(Size)),
    trunk=st.builds(
        TrunkConfig,
        layers=counts,
        width=st.integers(1, 50).map(lambda n: 8 * n),
        heads=st.sampled_from((2, 4)),
        kv_heads=st.sampled_from((1, 2)),
        rope_base=positive,
    ),
    step=st.builds(StepConfig, examples=counts, max_tokens=counts),
    optimizer=st.builds(
        OptimizerConfig,
        rate=positive,
        betas=st.tuples(shares, shares),
        weight_decay=st.floats(0, 1),
        warmup=st.integers(0, 10**6),
        schedule=st.sampled_from(("cosine", "wsd")),
        scale_losses=st.sampled_from(("auto", "on", "off")),
    ),
    curriculum=words,
    scale=positive,
    evaluation=st.builds(EvaluationConfig, examples=st.integers(0, 10**6)),
    checkpoints=st.builds(CheckpointConfig, every_minutes=st.floats(0, 1e6), keep_best=counts),
    device=st.builds(DeviceConfig, name=words, dtype=st.sampled_from(("auto", "float32"))),
    tokenizer=st.builds(TokenizerConfig, size=st.integers(300, 10**6)),
    log_seconds=st.floats(0, 1e6),
)

DEFAULT = RunConfig(tasks={"a": {}})


def leaves(data: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every setting of core's own."""
    for key, value in data.items():
        if isinstance(value, dict) and key != "tasks":
            yield from leaves(value, (*path, key))
        elif key != "tasks":
            yield (*path, key)


PATHS = list(leaves(to_dict(DEFAULT)))
NAMES = [".".join(path) for path in PATHS]


def at(data: Any, path: tuple[str, ...]) -> Any:
    """Return what lies under a path."""
    for key in path:
        data = data[key]
    return data


def replaced(path: tuple[str, ...], value: Any, name: str = "") -> dict[str, Any]:
    """Return the default settings with one changed, or one more."""
    data: dict[str, Any] = json.loads(json.dumps(to_dict(DEFAULT)))
    at(data, path[:-1])[name or path[-1]] = value
    return data


def toml(value: Any) -> str:
    """Write a value as TOML has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def said(data: dict[str, Any]) -> str:
    """Return the sentence with which data is refused."""
    with pytest.raises(ConfigError) as raised:
        from_dict(data)
    message = str(raised.value)
    assert "\n" not in message
    return message.removeprefix("stored configuration: ")


@given(config=configs)
def test_settings_survive_json(config: RunConfig) -> None:
    """What is stored with a run is the configuration, exactly."""
    assert from_dict(json.loads(json.dumps(to_dict(config), allow_nan=False))) == config


@given(config=configs.map(lambda c: attrs.evolve(c, tasks={"a": {"x": 1, "y": ["b", True]}})))
def test_every_setting_can_be_set(config: RunConfig) -> None:
    """`--set` reaches every key with a TOML value, whatever the file says."""
    data = to_dict(config)
    overrides = [f"{'.'.join(path)}={toml(at(data, path))}" for path in PATHS]
    overrides += [f" tasks.a.{key} = {toml(value)} " for key, value in data["tasks"]["a"].items()]
    assert load_config(None, overrides, ["a"]) == config


# --- what can't be meant --------------------------------------------------------------------------

OTHER_TYPES: dict[type, tuple[Any, ...]] = {
    bool: (None, 1, "true", []),
    int: (None, 1.5, True, "1", {}),
    float: (None, True, "1", math.nan, math.inf, 10**400, [1.0]),
    str: (None, 1, True, ["x"], {}),
    tuple: (None, 1, "0.9", [0.9], [0.9, 0.9, 0.9], [0.9, "x"], [0.9, 1.0], [-0.1, 0.5], {}),
}


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_wrong_value_is_named_by_its_key(path: tuple[str, ...]) -> None:
    """Another type, a number that is none, a value out of range: refused at their path."""
    right = at(to_dict(DEFAULT), path)
    wrong = [*OTHER_TYPES[type(right)]]
    if isinstance(right, int | float) and not isinstance(right, bool) and path != ("seed",):
        wrong.append(type(right)(-1))
    if path[-1] in ("size", "schedule", "dtype", "compile"):
        wrong.append("no such word")
    for value in wrong:
        assert said(replaced(path, value)).startswith(".".join(path)), value


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_an_unknown_key_is_suggested(path: tuple[str, ...]) -> None:
    """A key with a letter too many is named with its table, and the right one is offered."""
    wrong = ".".join((*path[:-1], f"{path[-1]}z"))
    message = said(replaced(path, 1, f"{path[-1]}z"))
    assert message == f"unknown key {wrong!r}; did you mean {path[-1]!r}?"


@pytest.mark.parametrize("path", sorted({path[:-1] for path in PATHS if len(path) > 1}))
def test_a_table_must_be_one(path: tuple[str, ...]) -> None:
    """What should be a table and isn't is named."""
    values: tuple[object, ...] = (None, 1, "x", [])
    for value in values:
        assert said(replaced(path, value)) == f"{path[0]}: expected a table, found {value!r}"


def test_every_problem_is_listed_at_once() -> None:
    """Three mistakes in three tables are one message."""
    data = replaced(("optimizer", "rate"), -1.0)
    data["step"]["exampels"], data["trunk"]["kv_heads"] = 8, 3
    problems = said(data).split("; ")
    assert problems == [
        "trunk: kv_heads 3 does not divide heads 2",
        "unknown key 'step.exampels'",
        "did you mean 'examples'?",
        "optimizer.rate: expected more than 0, found -1.0",
    ]


def test_a_trunk_that_cannot_be_built_is_refused() -> None:
    """Heads of an odd size are named with the next width that fits."""
    with pytest.raises(ConfigError, match=r"trunk: width 6 does not give 2 heads .* multiple of 4"):
        load_config(None, ["trunk.width=6"], ["a"])


# --- overrides and files --------------------------------------------------------------------------

BAD_OVERRIDES = [
    ("seed", "--set 'seed' is not KEY=VALUE"),
    ("=1", "is not KEY=VALUE"),
    ("step..examples=1", "is not KEY=VALUE"),
    ("seed=1.5", "seed: expected an integer, found 1.5"),
    ("seed=nine", "seed: expected an integer, found 'nine'"),
    ("data=3", "data: expected a string, found 3"),
    ("tasks=a", "tasks: expected a table, found 'a'"),
    ("tasks.a=1", "tasks.a: expected a table, found 1"),
    ("tasks.b.x=1", "--set names task 'b', which is not in --tasks"),
    ("size=[1]", "size: expected one of 'tiny', 'small', 'base', 'full', found [1]"),
    ("size=huge", "size: expected one of"),
    ("optimiser.rate=1", "unknown key 'optimiser'; did you mean 'optimizer'?"),
]


@pytest.mark.parametrize(("override", "message"), BAD_OVERRIDES)
def test_a_bad_override_is_named(override: str, message: str) -> None:
    """An override that is none, or sets what can't be set, is refused in one line."""
    with pytest.raises(ConfigError) as raised:
        load_config(None, [override], ["a"])
    assert message in str(raised.value)


def test_a_value_is_no_table() -> None:
    """A key below a value is refused with the override that asked for it."""
    with pytest.raises(ConfigError, match=r"--set 'seed\.x=1': 'seed' is a value, not a table"):
        load_config(None, ["seed=1", "seed.x=1"], ["a"])


@given(text=st.text())
def test_any_text_can_be_a_value(text: str) -> None:
    """What is no TOML value is the text itself; what is one is taken or refused by its type."""
    refusals = []
    for value in (
        text,
        "[" * 3000 + text,
        "9" * 5000 + text,
        f"1\n{text}",
    ):
        try:
            found = load_config(None, [f"data={value}"], ["a"]).data
        except ConfigError as error:
            refusals.append(str(error))
        else:
            assert found == value.strip() or value.strip()[0] in "\"'"
    assert all(refusal.startswith("settings: data: expected a string") for refusal in refusals)


def test_a_bare_word_is_text() -> None:
    """A path, and a date that TOML would make something else of, are what they say."""
    for word in ("data/mine.jsonl", "~/code #1", "1979-05-27", "07:32:00"):
        assert load_config(None, [f"data={word}"], ["a"]).data == word


def test_sizes_are_presets_under_what_is_said() -> None:
    """A size gives shape and rate; a file's own keys, then --set, win over it."""
    for size, shape in SIZES.items():
        config = load_config(None, ["trunk.layers=1"], ["a"], size)
        assert config.trunk == attrs.evolve(shape, layers=1)
        assert config.optimizer.rate == RATES[size]


def test_later_words_win(tmp_path: Path) -> None:
    """Flags over the file, --set over flags; tasks of the file where no flag names them."""
    path = tmp_path / "run.toml"
    path.write_text("seed = 1\nsize = 'base'\n[tasks.a]\nx = 1\n[tasks.b]\n[trunk]\nlayers = 3\n")
    config = load_config(path, ["seed=2"], ["a"], "small")
    assert (config.seed, config.size, config.tasks) == (2, "small", {"a": {"x": 1}})
    assert config.trunk == attrs.evolve(SIZES["small"], layers=3)
    assert load_config(path).tasks == {"a": {"x": 1}, "b": {}}
    with pytest.raises(ConfigError, match="no task was named"):
        load_config(None)


BAD_FILES = [
    (None, "no such file or directory"),
    (b"seed = 1\nstep = {", "at the end, line 2"),
    (b"seed = 1\nseed: 2", "at line 2, column 5"),
    (b"seed = 1\nseed = 2", "at the end, line 2"),
    (b"\xff", "can't decode byte 0xff in position 0"),
    (b"x = " + b"[" * 3000, "too deeply nested"),
    (b"seed = " + b"9" * 5000, "4300"),
    (b"seed = 'a'", "seed: expected an integer, found 'a'"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_bad_file_is_named_with_its_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """A file that is missing or no TOML is named, with the line that is wrong."""
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_config(path, tasks=["a"])
    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)


# --- what a change means --------------------------------------------------------------------------

FREE = {"balancer.cosines_every", "checkpoints", "device", "evaluation", "log_seconds"}
IDENTITY = {"init", "size", "tokenizer", "trunk", "tasks"}


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_change_has_its_kind(path: tuple[str, ...]) -> None:
    """Each setting alone is one change: free, of the trajectory, or another model."""
    before = attrs.evolve(DEFAULT, trunk=TrunkConfig(heads=4, kv_heads=4))
    value = at(to_dict(before), path)
    words = {
        "size": "small",
        "schedule": "wsd",
        "dtype": "float32",
        "compile": "off",
        "scale_losses": "on",
    }
    other = {bool: not value, str: words.get(path[-1], "x"), tuple: [0.5, 0.5]}
    data = json.loads(json.dumps(to_dict(before)))
    at(data, path[:-1])[path[-1]] = other.get(type(value), value * 2 if value else 1)
    if path[-1] == "kv_heads":
        data["trunk"]["kv_heads"] = 2
    (found,) = changes(before, from_dict(data))
    free = path[0] in FREE or ".".join(path) in FREE
    kind = "free" if free else "identity" if path[0] in IDENTITY else "trajectory"
    assert (found.key, found.old, found.kind) == (".".join(path), value, kind)
    assert str(found).startswith(f"{found.key} was {value!r} and is ")


@given(before=configs, after=configs)
def test_nothing_changes_unseen(before: RunConfig, after: RunConfig) -> None:
    """There are no changes exactly where two configurations are equal."""
    assert changes(before, before) == []
    assert bool(changes(before, after)) == (before != after)


def test_a_setting_of_a_task_is_one_change() -> None:
    """A task's first setting, and a task more, are named as what they are."""
    filled = attrs.evolve(DEFAULT, tasks={"a": {"n": 1}})
    assert [str(c) for c in changes(DEFAULT, filled)] == ["tasks.a.n was None and is 1"]
    more = attrs.evolve(DEFAULT, tasks={"a": {}, "b": {}})
    assert [str(c) for c in changes(DEFAULT, more)] == ["tasks.b was None and is {}"]

"""Laws of curriculum files: what can't be meant is one sentence with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ectrain.curriculum import load_curriculum
from ectrain.errors import ConfigError

HEAD = "[[phases]]\nname = 'x'\nepochs = 1\n"
WRONG = [
    ("", "phases is missing"),
    ("phases = []", "phases: expected at least one"),
    (HEAD + HEAD, "two phases are named 'x'"),
    ("phases = 3", "phases: expected a list, found 3"),
    ("[[phases]]\nepochs = 1", "phases[0].name is missing"),
    ("[[phases]]\nname = 'x'\nepochs = 0", "phases[0].epochs: expected 1 or more, found 0"),
    ("[[phases]]\nname = 'x'\nepochs = 1.5", "phases[0].epochs: expected an integer, found 1.5"),
    (HEAD + "epoch = 1", "unknown key 'phases[0].epoch'; did you mean 'epochs'?"),
    (HEAD + "gate = {metric = 'loss'}", "phases[0].gate: a gate on 'loss' needs either"),
    (HEAD + "gate = {metric = 'loss', below = 1, above = 1}", "phases[0].gate: a gate on 'loss'"),
    (HEAD + "gate = {metric = 'loss', belw = 1}", "'phases[0].gate.belw'; did you mean 'below'?"),
    (
        HEAD + "gate = {metric = 'loss', below = 1, otherwise = 'stopp'}",
        "phases[0].gate.otherwise: expected one of 'continue', 'extend', 'stop', found 'stopp'; "
        "did you mean 'stop'?",
    ),
    (HEAD + "shares.a = 'x'", "phases[0].shares.a: expected a number or a table, found 'x'"),
    (HEAD + "shares.a = nan", "phases[0].shares.a: expected a finite number, found nan"),
    (HEAD + "shares.a = -1", "phases[0].shares.a: expected 0 or more, found -1.0"),
    (HEAD + "shares.a = {start = 1, ovr = 2}", "'phases[0].shares.a.ovr'; did you mean 'over'?"),
    (HEAD + "ramp = {start = 1, over = 0}", "phases[0].ramp.over: expected 1 or more, found 0"),
    (HEAD + "filters.level = [1]", "phases[0].filters.level: expected 2 values, found 1"),
    (HEAD + "filters.level = [2, 0]", "phases[0]: filters.level: its lowest value is above"),
    (
        HEAD + "tasks = ['codegen']\nshares.codgen = 2",
        "'codgen', which is none of its 'tasks'; did",
    ),
    (HEAD + "tasks = 'a'", "phases[0].tasks: expected a list, found 'a'"),
    ("y = 1\nx = ", "(at the end, line 2)"),
    ("y = 1\nx: 2", "(at line 2, column 2)"),
    ("x = " + "[" * 3000, "too deeply nested"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_bad_file_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong is named by its key, with what was expected, in one line."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_curriculum(str(path))
    message = str(raised.value)
    assert message.startswith(f"curriculum {path}: ")
    assert said in message
    assert "\n" not in message


def test_an_unknown_name_is_suggested(tmp_path: Path) -> None:
    """Neither a file nor a name: the nearest name is offered; a folder is no file."""
    with pytest.raises(ConfigError, match="neither a file nor a known name; did you mean 'short'"):
        load_curriculum("shrt")
    with pytest.raises(ConfigError, match="neither a file"):
        load_curriculum(str(tmp_path))

"""Laws of the tokenizer: text comes back, control tokens stay out of reach, files cannot bite."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectrain.errors import ConfigError, DataError, PluginError
from ectrain.tokenizer import CORE_TOKENS, Tokenizer

CONTROL = ("<mask>", "<fim_middle>", "<type:exunit>")
SYMBOLS = ("|>", "->", "defmodule ", "do\n", "~r/", "|>|", "0x")
TEXTS = [
    "defmodule A do\n  def f(x), do: x |> g() |> h()\nend\n",
    "s = ~S(\u00e9 \u65e5\u672c) <mask> <fim_middle>\n",
    "mask begin end type exunit < > : <> <<>> |> ->",
] * 20

pieces = st.sampled_from((*CORE_TOKENS, *CONTROL, *SYMBOLS, "<", ">", " ", "\r\n", "\0", "\u00e9"))
texts = st.lists(st.text() | pieces, max_size=12).map("".join)


def train(texts: list[str] = TEXTS, size: int = 340) -> Tokenizer:
    """Return a small tokenizer."""
    return Tokenizer.train(texts, size, CONTROL, SYMBOLS)


TOKENIZER = train()
STORED = TOKENIZER.to_json()
CONTROL_IDS = {TOKENIZER.token_id(token) for token in (*CORE_TOKENS, *CONTROL)}


@given(text=texts)
def test_any_text_comes_back(text: str) -> None:
    """Whatever Unicode, control character or control token's spelling it holds."""
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == text
    assert all(0 <= number < TOKENIZER.size for number in ids)


@given(text=texts)
def test_no_text_reaches_a_control_token(text: str) -> None:
    """Text that spells one is plain characters, after loading as well."""
    assert not CONTROL_IDS & set(TOKENIZER.encode(text))
    assert Tokenizer.from_json(STORED).encode(text) == TOKENIZER.encode(text)


@settings(max_examples=15)
@given(
    control=st.lists(st.from_regex(r"<[a-z][a-z0-9_:/-]*>", fullmatch=True), unique=True),
    symbols=st.lists(
        st.text(st.characters(codec="ascii"), min_size=1, max_size=5), unique=True
    ).map(lambda found: [symbol for symbol in found if not symbol.startswith("<")]),
    data=st.data(),
)
def test_whatever_plugins_add_keeps_the_laws(
    control: list[str], symbols: list[str], data: st.DataObject
) -> None:
    """Any allowed control token is out of reach and any symbol one id, trained on their text."""
    words = [*control, *symbols, *(token.strip("<>") for token in control)]
    made = Tokenizer.train([" ".join(words)] * 50, 500, control, symbols)
    text = "".join(data.draw(st.lists(st.sampled_from(words or ["x"]) | st.text(max_size=3))))
    assert made.decode(made.encode(text)) == text
    reached = set(made.encode(text))
    assert not reached & {made.token_id(token) for token in (*CORE_TOKENS, *control)}
    for symbol in symbols:
        assert made.encode(symbol) == [made.token_id(symbol)]


@given(text=st.text())
def test_byte_lengths_say_where_tokens_begin(text: str) -> None:
    """The bytes of a text's ids add up to the text, token by token; control tokens have none."""
    ids = TOKENIZER.encode(text)
    lengths = TOKENIZER.byte_lengths
    assert int(lengths[ids].sum()) == len(text.encode())
    assert not lengths[sorted(CONTROL_IDS)].any()
    for token, length in zip(ids, lengths[ids].tolist(), strict=True):
        shown = TOKENIZER.decode([token])
        assert "\ufffd" in shown or len(shown.encode()) == length


def test_tokens_of_plugins_are_one_id_each() -> None:
    """Symbols are one id wherever they stand, control tokens have ids that decode to nothing."""
    for symbol in SYMBOLS:
        assert TOKENIZER.encode(f"\n{symbol}\n").count(TOKENIZER.token_id(symbol)) == 1
    ids = [TOKENIZER.begin_id, *TOKENIZER.encode("a |> b"), *sorted(CONTROL_IDS)]
    assert TOKENIZER.decode(ids) == "a |> b"
    assert len(CONTROL_IDS) == len(CORE_TOKENS) + len(CONTROL)


BAD_TOKENS = ["mask", "<|>", "@", "<>", "<Mask>", "< mask>", "<mask", "", "<\u00e9>"]


@pytest.mark.parametrize("token", BAD_TOKENS)
def test_a_control_token_that_text_could_reach_is_refused(token: str) -> None:
    """Without brackets around letters, a merge of plain text might become it."""
    with pytest.raises(PluginError, match="expected lower-case letters"):
        Tokenizer.train(TEXTS, 400, [token])


@pytest.mark.parametrize("symbol", ["\u00e9", "\u2192", ""])
def test_a_symbol_that_would_not_come_back_is_refused(symbol: str) -> None:
    """Beyond ASCII, a symbol's spelling is that of other bytes."""
    with pytest.raises(PluginError, match="expected one or more ASCII characters"):
        Tokenizer.train(TEXTS, 400, [], [symbol])


def test_a_symbol_is_no_control_token() -> None:
    """One plugin's symbol may not be another's control token."""
    with pytest.raises(PluginError, match="symbol '<mask>' is a control token"):
        Tokenizer.train(TEXTS, 400, ["<mask>"], ["<mask>"])


def test_a_size_without_room_is_refused() -> None:
    """The least size is named, and it is enough."""
    least = 256 + len(CORE_TOKENS) + len(CONTROL) + len(SYMBOLS)
    with pytest.raises(ConfigError, match=f"tokenizer.size 200 has no room .* {least} or more"):
        train(size=200)
    assert train(size=least).size <= least
    assert train([], 340).decode(train([], 340).encode("n\u00e9")) == "n\u00e9"


@given(batch=st.lists(texts, max_size=8))
def test_a_batch_is_its_texts(batch: list[str]) -> None:
    """Many texts at once give what each gives alone."""
    assert TOKENIZER.encode_batch(batch) == [TOKENIZER.encode(text) for text in batch]


# --- training and the fingerprint -----------------------------------------------------------------


def test_training_is_deterministic() -> None:
    """The same texts give the same tokenizer; other texts give another."""
    assert train().to_json() == STORED
    assert train(TEXTS[:1]).fingerprint != TOKENIZER.fingerprint


def changed(**model: Any) -> str:
    """Return the tokenizer as text with parts of its model replaced."""
    data = json.loads(STORED)
    data["model"].update(model)
    return json.dumps(data)


def test_the_fingerprint_tells_what_ids_mean() -> None:
    """It outlives storing and reordering, and changes where two ids are swapped or one is lost."""
    vocabulary: dict[str, int] = json.loads(STORED)["model"]["vocab"]
    same = changed(vocab=dict(sorted(vocabulary.items(), reverse=True)))
    assert Tokenizer.from_json(STORED).fingerprint == TOKENIZER.fingerprint
    assert Tokenizer.from_json(same).fingerprint == TOKENIZER.fingerprint
    swapped = {**vocabulary, "a": vocabulary["b"], "b": vocabulary["a"]}
    assert Tokenizer.from_json(changed(vocab=swapped)).fingerprint != TOKENIZER.fingerprint
    more = {**vocabulary, "zz": max(vocabulary.values()) + 1}
    assert Tokenizer.from_json(changed(vocab=more)).fingerprint != TOKENIZER.fingerprint
    merges = json.loads(STORED)["model"]["merges"][:-1]
    assert Tokenizer.from_json(changed(merges=merges)).fingerprint != TOKENIZER.fingerprint


# --- files that are none --------------------------------------------------------------------------

BAD_FILES = [
    ("", "not a tokenizer: Expecting value"),
    ("[]", "expected an object with a 'model'"),
    ("{}", "expected an object with a 'model'"),
    ("[" * 100_000, "recursion"),
    (changed(merges=[["defmodule", "defmodule"]]), "merges[0]: ['defmodule', 'defmodule'] makes"),
    (changed(merges=["a b"]), "merges[0]: 'a b' makes no token"),
    (changed(merges=[["a", "b", "c"]]), "makes no token"),
    (changed(merges=None), "expected a 'vocab' and a list of 'merges'"),
    (changed(continuing_subword_prefix="##########"), "continuing_subword_prefix: expected none"),
    (changed(vocab={"a": -1}), "not a tokenizer"),
    (
        STORED.replace('"normalizer":null', '"normalizer":{"type":"NFC"}'),
        "its normalizer is {'type'",
    ),
    (changed(dropout=0.5), "its dropout is 0.5"),
    (STORED.replace("<begin>", "<start>"), "the tokenizer lacks token '<begin>'"),
]


@pytest.mark.parametrize(("text", "said"), BAD_FILES, ids=[said for _, said in BAD_FILES])
def test_a_bad_file_is_one_line(text: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What is no tokenizer is refused in a sentence, without the library's native trace."""
    with pytest.raises(DataError) as raised:
        Tokenizer.from_json(text, "run/tokenizer.json")
    assert str(raised.value).startswith("run/tokenizer.json: not a tokenizer: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@settings(max_examples=150)
@given(data=st.data())
def test_a_changed_file_never_panics(data: st.DataObject) -> None:
    """A tokenizer with anything in it replaced or removed is refused, or loads and tells."""
    stored = json.loads(STORED)
    place = stored
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not inner or not isinstance(inner, dict | list) or data.draw(st.integers(0, 2)) == 0:
            break
        place = inner
    if data.draw(st.booleans()):
        place[key] = data.draw(junk | st.sampled_from(list(json.loads(STORED)["model"]["vocab"])))
    else:
        del place[key]
    try:
        found = Tokenizer.from_json(json.dumps(stored))
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most of them are refused, some are the same
        return
    text = "def f(x) |> <mask> \u00e9"
    same = found.encode(text) == TOKENIZER.encode(text) and found.decode(found.encode(text)) == text
    assert same or found.fingerprint != TOKENIZER.fingerprint

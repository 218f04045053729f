"""The tokenizer of a run: byte-level BPE over its training split, control tokens out of reach.

Source: Sennrich et al., Neural machine translation of rare words with subword units (2016);
Radford et al., Language models are unsupervised multitask learners (2019), for bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from ectrain.errors import ConfigError, DataError, Interrupted, PluginError

BEGIN, END = "<begin>", "<end>"
CORE_TOKENS = (BEGIN, END)

# Brackets around letters: text is cut between the two, so no merge can ever make such a token.
_CONTROL = re.compile(r"<[a-z][a-z0-9_:/-]*>")


class Tokenizer:
    """Text to token ids and back.

    Control tokens are never matched inside text: a source that spells one out is encoded as the
    plain characters that it is.

    Args:
        backend: A trained tokenizer.
    """

    def __init__(self, backend: Backend) -> None:
        backend.encode_special_tokens = True  # not stored with the tokenizer, so set on each use
        self._backend = backend
        self.size = backend.get_vocab_size()
        self.begin_id = self.token_id(BEGIN)
        self.end_id = self.token_id(END)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        size: int,
        control_tokens: Sequence[str] = (),
        symbols: Sequence[str] = (),
    ) -> Tokenizer:
        """Learn a vocabulary.

        Args:
            texts: What to learn it from: the training split alone.
            size: Most tokens, control tokens, symbols and the 256 bytes included.
            control_tokens: Each becomes one id that no text encodes to.
            symbols: Each becomes one id wherever text holds it.

        Raises:
            ConfigError: The size has no room for what must be in it.
            PluginError: A control token or symbol that could not be told from other text.
        """
        _refuse_odd(control_tokens, symbols)
        special = list(dict.fromkeys((*CORE_TOKENS, *control_tokens)))
        plain = list(dict.fromkeys(symbols))
        least = len(special) + len(plain) + len(pre_tokenizers.ByteLevel.alphabet())
        if size < least:
            raise ConfigError(
                f"tokenizer.size {size} has no room for {len(special)} control tokens, "
                f"{len(plain)} symbols and 256 bytes; expected {least} or more"
            )
        backend = _blank()
        trainer = trainers.BpeTrainer(
            vocab_size=size - len(plain),
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        backend.train_from_iterator(texts, trainer)
        backend.add_tokens([AddedToken(s, normalized=False, special=False) for s in plain])
        return cls(backend)

    @classmethod
    def from_json(cls, text: str, place: str = "tokenizer") -> Tokenizer:
        """Return the tokenizer that `to_json` gave.

        Raises:
            DataError: The text is not one.
        """
        try:
            data = json.loads(text)
            _refuse_traps(data)
            backend = Backend.from_str(json.dumps(data))
            _refuse_another_kind(backend)
            return cls(backend)
        except BaseException as error:  # the library's native panics are no Exceptions
            if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError | Interrupted):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{place}: not a tokenizer: {reason}") from None

    def extended(
        self, control_tokens: Sequence[str] = (), symbols: Sequence[str] = ()
    ) -> Tokenizer:
        """Return a tokenizer that has these, too, behind its own ids; itself if it lacks none.

        Raises:
            PluginError: A control token or symbol that could not be told from other text.
        """
        _refuse_odd(control_tokens, symbols)
        lacking = [
            AddedToken(token, normalized=False, special=token in control_tokens)
            for token in dict.fromkeys((*control_tokens, *symbols))
            if self._backend.token_to_id(token) is None
        ]
        if not lacking:
            return self
        backend = Backend.from_str(self.to_json())
        backend.add_tokens(lacking)
        return Tokenizer(backend)

    def to_json(self) -> str:
        """Return the whole tokenizer as text."""
        return str(self._backend.to_str())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the tokenizer, in hexadecimal: equal only if every id means the same."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without begin or end."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of many texts, in parallel."""
        found = self._backend.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; control tokens have none."""
        text: str = self._backend.decode(list(ids), skip_special_tokens=True)
        return text

    @cached_property
    def byte_lengths(self) -> NDArray[np.int64]:
        """How many bytes of text each id stands for, `[size]`; none for control tokens.

        The ids of a text thus say where in its UTF-8 form each token begins.
        """
        found = np.zeros(self.size, dtype=np.int64)
        for token, number in self._backend.get_vocab().items():
            found[number] = len(token)  # of bytes one character each, or ASCII
        for number, added in self._backend.get_added_tokens_decoder().items():
            if added.special:
                found[number] = 0
        return found

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """What each id says by itself; U+FFFD stands for bytes that are part of a character."""
        return tuple(self.decode([number]) for number in range(self.size))

    def token_id(self, token: str) -> int:
        """Return the id of a control token or symbol.

        Raises:
            DataError: The tokenizer lacks it.
        """
        found = self._backend.token_to_id(token)
        if found is None:
            raise DataError(f"the tokenizer lacks token {token!r}; train it with that token")
        return int(found)


def _blank() -> Backend:
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return backend


def _refuse_odd(control_tokens: Sequence[str], symbols: Sequence[str]) -> None:
    for token in control_tokens:
        if not _CONTROL.fullmatch(token):
            raise PluginError(
                f"control token {token!r}: expected lower-case letters, digits or _:/- in angle "
                "brackets, like '<mask>'"
            )
    for symbol in symbols:
        if not symbol.isascii() or not symbol:
            raise PluginError(f"symbol {symbol!r}: expected one or more ASCII characters")
        if symbol in (*CORE_TOKENS, *control_tokens):
            raise PluginError(f"symbol {symbol!r} is a control token, which text may not reach")


def _refuse_traps(data: Any) -> None:
    """Refuse what makes the library panic, trace and all, where it should raise an error.

    Source: huggingface/tokenizers issue 2094 (version 0.23.3): merges longer than any token.
    """
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        raise ValueError("expected an object with a 'model'")
    model = data["model"]
    vocabulary, merges = model.get("vocab"), model.get("merges")
    if not isinstance(vocabulary, dict) or not isinstance(merges, list):
        raise ValueError("model: expected a 'vocab' and a list of 'merges'")
    if model.get("continuing_subword_prefix"):
        raise ValueError("model.continuing_subword_prefix: expected none")
    for number, merge in enumerate(merges):
        pair = isinstance(merge, list) and len(merge) == 2 and all(type(m) is str for m in merge)
        if not pair or "".join(merge) not in vocabulary:
            raise ValueError(f"model.merges[{number}]: {merge!r:.60} makes no token")


def _refuse_another_kind(backend: Backend) -> None:
    """Refuse a tokenizer that treats text in another way than the ones trained here."""
    found, expected = _parts(backend), _parts(_blank())
    for part in sorted({*found, *expected}):
        if found.get(part) != expected.get(part):
            raise ValueError(f"its {part} is {found.get(part)!r:.60}")


def _parts(backend: Backend) -> dict[str, Any]:
    """Return all that it does with text, but for the words that it knows."""
    data = json.loads(backend.to_str())
    model = data.pop("model")
    words = {"added_tokens", "vocab", "merges"}
    return {name: value for name, value in {**data, **model}.items() if name not in words}

"""What ends a text that is being written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ectrain.tokenizer import Tokenizer

BROKEN = "\N{REPLACEMENT CHARACTER}"  # in a piece that holds a part of a character


class Stops:
    """Tokens and texts that end a sample.

    Args:
        tokenizer: What tokens mean.
        ids: Tokens; the end token where this is None.
        texts: Texts, wherever tokens are cut.
    """

    def __init__(
        self, tokenizer: Tokenizer, ids: Sequence[int] | None, texts: Sequence[str]
    ) -> None:
        self.ids = frozenset((tokenizer.end_id,) if ids is None else ids)
        self._texts = [text for text in texts if text]
        self._longest = max((len(text.encode()) for text in self._texts), default=0)
        self._tokenizer = tokenizer

    @cached_property
    def _completing(self) -> frozenset[int]:
        """Tokens with which a stop text may end: no others are looked at more closely."""
        ends = tuple(text[at:] for text in self._texts for at in range(len(text)))
        return frozenset(
            number
            for number, piece in enumerate(self._tokenizer.pieces)
            if BROKEN in piece
            or piece.startswith(ends)
            or any(text in piece for text in self._texts)
        )

    def reached(self, tokens: Sequence[int]) -> bool:
        """Return whether a stop text ends within the last token: none ended before it."""
        if not self._texts or tokens[-1] not in self._completing:
            return False
        tail = self._tokenizer.decode(tokens[-self._longest :])
        return any(text in tail for text in self._texts)

    def text(self, tokens: Sequence[int]) -> str:
        """Return what tokens say, up to the first stop text."""
        text = self._tokenizer.decode(tokens)
        places = [at for stop in self._texts if (at := text.find(stop)) >= 0]
        return text[: min(places)] if places else text

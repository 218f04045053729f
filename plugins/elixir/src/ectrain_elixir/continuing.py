"""Whether a text that is being written can still become Elixir."""

from __future__ import annotations

from ectrain_elixir.syntax import parses, token_spans

_CLOSES = {")": "(", "]": "[", "}": "{", ">>": "<<", "end": "do"}
# Where they stand wrongly, the grammar takes reserved words for identifiers.
_OPENS = {"(": "(", "[": "[", "{": "{", "#{": "{", "<<": "<<", "do": "do", "fn": "do"}


def can_continue(text: str) -> bool:
    """Return False where no continuation makes a text Elixir.

    Brackets, `do`, `fn` and `end` must be nested. Not every wrong text is found: True says that
    nothing speaks against it. A word that the text ends in may still grow, so it is not judged.
    """
    code = text.encode("utf-8", "surrogatepass")
    stack: list[str] = []
    for first, last, kind in token_spans(text):
        word = code[first:last].decode("utf-8", "replace") if kind == "identifier" else kind
        if word in _OPENS:
            stack.append(_OPENS[word])
            continue
        closes = word in _CLOSES and (last < len(code) or word != "end")
        if closes and (not stack or stack.pop() != _CLOSES[word]):
            return False
    return True


def first_whole(given: str, written: str) -> str:
    """Return what was written up to the first line's end where all parses, else all of it.

    A model that was not taught to stop goes on after its answer; a blank line inside one is no end.
    """
    lines = written.splitlines(keepends=True)
    for number in range(1, len(lines)):
        part = "".join(lines[:number])
        if part.strip() and parses(given + part):
            return part
    return written

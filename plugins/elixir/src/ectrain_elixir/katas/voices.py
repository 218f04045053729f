"""The same request in several voices: as documentation, an order, a wish, a list, a story."""

from __future__ import annotations

import re
from collections.abc import Callable

Voice = Callable[[str], str]

NO_VERBS = frozenset({"is", "its", "this", "as", "words", "numbers", "less", "digits", "was"})


def plain(request: str) -> str:
    """Return the request as it is."""
    return request


def order(request: str) -> str:
    """ "Adds 1, then sorts." as "Add 1, then sort."; "Do this: ..." where it is no such list."""
    parts = _parts(request)
    if parts is None:
        return f"Do this: {_small(request)}"
    return _sentence([_bare(part) for part in parts])


def wish(request: str) -> str:
    """ "Adds 1, then sorts." as "Write a function that adds 1, then sorts."."""
    if _parts(request) is None:
        return f"Write a function for this: {_small(request)}"
    return f"Write a function that {_small(request)}"


def need(request: str) -> str:
    """ "Adds 1, then sorts." as "What is needed: add 1 and afterwards sort."."""
    parts = _parts(request)
    if parts is None:
        return f"What is needed: {_small(request)}"
    return f"What is needed: {' and afterwards '.join(_bare(part) for part in parts)}."


def numbered(request: str) -> str:
    """ "Adds 1, then sorts." as "Steps: 1) adds 1; 2) sorts."."""
    parts = _parts(request)
    if parts is None or len(parts) < 2:
        return f"In short: {_small(request)}"
    return f"Steps: {'; '.join(f'{n}) {part}' for n, part in enumerate(parts, 1))}."


def story(request: str) -> str:
    """ "Adds 1, then sorts." as "First adds 1, and finally sorts."."""
    parts = _parts(request)
    if parts is None or len(parts) < 2:
        return f"This function works as follows: {_small(request)}"
    return f"First {', next '.join(parts[:-1])}, and finally {parts[-1]}."


VOICES: tuple[Voice, ...] = (plain, order, wish, need, numbered, story)


def _parts(request: str) -> list[str] | None:
    """Return the parts of "Does a, then does b."; None where a part begins with no verb."""
    parts = _small(request).removesuffix(".").split(", then ")
    verbs = [re.match(r"[a-z]+s\b", part) for part in parts]
    whole = all(verb is not None and verb[0] not in NO_VERBS for verb in verbs)
    return parts if whole and ". " not in request else None


def _bare(part: str) -> str:
    """Return "adds 1" as "add 1"."""
    verb, _, rest = part.partition(" ")
    bare = re.sub(r"oes$", "o", re.sub(r"ies$", "y", verb))
    if bare == verb:
        bare = verb[:-2] if re.search(r"(ch|sh|ss|x)es$", verb) else verb[:-1]
    return f"{bare} {rest}".strip()


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


def _sentence(parts: list[str]) -> str:
    text = ", then ".join(parts)
    return text[0].upper() + text[1:] + "."

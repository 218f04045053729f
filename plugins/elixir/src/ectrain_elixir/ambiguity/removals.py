"""Removals: which words are taken out of a clear request, what is said instead, what is asked.

They are kept as data in `removals.toml`, with what each one needs to apply.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal, get_args

import attrs

Type = Literal[
    "value",
    "bound",
    "ordering",
    "return_shape",
    "error_policy",
    "rule",
    "contradiction",
    "unnamed_field",
    "unnamed_module",
]
TYPES: tuple[Type, ...] = get_args(Type)


@attrs.frozen
class Removal:
    """A kind of words that can be taken out of a request.

    Attributes:
        type: What is missing afterwards.
        says: Patterns of the words; a group `what` is what the step is done to.
        vague: What can be said instead.
        asks: Questions that the removed words answer.
        same: Whether both steps must be of one kind.
        last: Whether it must be the last step.
        families: In which it applies; () for all.
    """

    type: Type
    says: tuple[str, ...]
    vague: tuple[str, ...]
    asks: tuple[str, ...]
    same: bool = False
    last: bool = False
    families: tuple[str, ...] = ()

    def match(self, words: str) -> Mapping[str, str] | None:
        """Return the groups of the pattern that words match, None if they match none."""
        for pattern in self.says:
            if found := re.fullmatch(pattern, words):
                return {name: text or "" for name, text in found.groupdict().items()}
        return None


@attrs.frozen
class Policy:
    """A clause of a request that says what is returned where there is no good result.

    Attributes:
        families: In which there is one.
        clause: Its pattern, with a group `value`.
        when: When it applies, in words.
    """

    families: tuple[str, ...]
    clause: str
    when: str


def _table() -> dict[str, Any]:
    path = resources.files("ectrain_elixir") / "ambiguity" / "removals.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _made(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


TABLE = _table()
REMOVALS: tuple[Removal, ...] = tuple(Removal(**_made(entry)) for entry in TABLE["removal"])
POLICIES: tuple[Policy, ...] = tuple(Policy(**_made(entry)) for entry in TABLE["policy"])


def begins_with_verb(words: str) -> bool:
    """Return whether words say what is done: "adds 3 to it", not "the sum of a and b"."""
    first = words.partition(" ")[0]
    return bool(re.fullmatch(r"[a-z]+s", first)) and first not in NO_VERBS


NO_VERBS = frozenset({"less", "words", "numbers", "vowels", "runs", "matches", "bits"})


def located(request: str, say: str) -> tuple[int, int, str] | None:
    """Return where a step's words stand in a request, and what stands for their gap `@`.

    Returns:
        First and last character, and the gap's words ("" without one); None where the words stand
        in no place or in several.
    """
    words = _GAP.join(re.escape(part) for part in say.split("@"))
    end = _AFTER_GAP if say.endswith("@") else r"(?!\w)"
    found = list(re.finditer(rf"(?<![\w:]){words}{end}", _lowered(request, say)))
    if len(found) != 1:
        return None
    return found[0].start(), found[0].end(), found[0].groupdict().get("gap") or ""


_GAP = r"(?P<gap>[^,;.:()]+?)"
_AFTER_GAP = r"(?=$|[,;.:)]| and | as | modulo )"


def _lowered(request: str, say: str) -> str:
    """Return a request that begins with a small letter, if the words do."""
    return request[0].lower() + request[1:] if say[0].islower() else request


def instead(request: str, place: tuple[int, int], words: str) -> str:
    """Return a request with other words at a place, large where those were."""
    start, end = place
    if request[start].isupper():
        words = words[0].upper() + words[1:]
    return request[:start] + words + request[end:]


def some(rng: random.Random, texts: Sequence[str], **gaps: str) -> tuple[str, ...]:
    """Return one to three of several texts, filled in, in some order."""
    chosen = rng.sample(list(texts), rng.randint(1, min(3, len(texts))))
    return tuple(text.format(**gaps) for text in chosen)

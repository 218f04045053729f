"""The four parts of CodeBLEU, and their mean."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import attrs

from ectrain_elixir.classes import KEYWORDS
from ectrain_elixir.codebleu.dataflow import edges
from ectrain_elixir.codebleu.normal import Form, normal_form
from ectrain_elixir.syntax import token_spans

PARTS = ("ngram", "weighted_ngram", "ast", "dataflow")
Item = TypeVar("Item", bound=Hashable)

ORDERS = 4
OTHERS = 0.2  # weight of a word that is no keyword, as in the reference implementation


@attrs.frozen
class CodeBleu:
    """How near a program comes to a reference, each from 0 to 1.

    Attributes:
        ngram: BLEU-4 of the words.
        weighted_ngram: The same, where a keyword counts five times as much as another word.
        ast: Share of the reference's subtrees that the program has.
        dataflow: Share of the reference's edges that the program has; 1 where it has none.
    """

    ngram: float
    weighted_ngram: float
    ast: float
    dataflow: float

    @property
    def total(self) -> float:
        """The mean of the four."""
        return (self.ngram + self.weighted_ngram + self.ast + self.dataflow) / 4


def code_bleu(code: str, reference: str) -> CodeBleu:
    """Compare a program with a reference; neither needs to parse."""
    words, right = _words(code), _words(reference)
    form, right_form = normal_form(code), normal_form(reference)
    weights = {word: 1.0 if word in KEYWORDS else OTHERS for word in {*words, *right}}
    return CodeBleu(
        bleu(words, right),
        bleu(words, right, weights),
        _recall(_subtrees(form), _subtrees(right_form)),
        _recall(edges(form), edges(right_form)),
    )


def bleu(
    words: Sequence[str], reference: Sequence[str], weights: Mapping[str, float] | None = None
) -> float:
    """Return BLEU-4 of one text, its orders above one smoothed by one.

    Source: Papineni et al., BLEU (2002); Lin & Och, ORANGE (2004), for the smoothing.

    Args:
        words: What is judged.
        reference: What it should be.
        weights: How much each single word counts; all alike unless told.
    """
    if not words or not reference:
        return float(not words and not reference)
    logs = 0.0
    for order in range(1, ORDERS + 1):
        own, right = _ngrams(words, order), _ngrams(reference, order)
        common = own & right
        if order == 1 and weights is not None:
            hit = sum(weights[gram[0]] * count for gram, count in common.items())
            total = sum(weights[gram[0]] * count for gram, count in own.items())
        else:
            smooth = float(order > 1)
            hit, total = common.total() + smooth, own.total() + smooth
        if hit == 0:
            return 0.0
        logs += math.log(hit / total) / ORDERS
    brevity = min(0.0, 1 - len(reference) / len(words))
    return math.exp(logs + brevity)


def _ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def _words(code: str) -> list[str]:
    text = code.encode("utf-8", "surrogatepass")
    spans = [(first, last) for first, last, kind in token_spans(code) if kind != "comment"]
    return [
        word
        for first, last in spans
        if (word := text[first:last].decode("utf-8", "replace").strip())
    ]


def _subtrees(form: Form) -> Counter[Hashable]:
    """Return the shapes of all nodes that have others below them: names of calls, no values."""
    found: Counter[Hashable] = Counter()

    def shape(node: Form) -> Hashable:
        inner = tuple(shape(child) for child in node.inner)
        mine = (node.kind, node.text if inner else "", inner)
        if inner:
            found[mine] += 1
        return mine

    shape(form)
    return found


def _recall(own: Counter[Item], reference: Counter[Item]) -> float:
    """Return the share of the reference's items that there are; 1 where it has none."""
    return (own & reference).total() / reference.total() if reference else 1.0

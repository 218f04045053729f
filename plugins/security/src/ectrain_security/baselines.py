"""What needs no trunk: the figures that a model must beat to be worth its cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ectrain.labels import Decisions, Floats, best_thresholds, bootstrapped
from ectrain.task import Estimate
from ectrain_security.data import LABELS, LabelledCode, counts

TOKEN = r"\w+|[^\w\s]"
SMALL = 50  # examples up to which n-grams that occur once are kept


def values_of(examples: Sequence[LabelledCode]) -> Floats:
    """Return the labels of examples, `[s, w]`, NaN where unknown."""
    return np.stack([example.values for example in examples]).astype(float)


def majority(train: Sequence[LabelledCode], test: Sequence[LabelledCode]) -> Estimate:
    """Return the macro F1 of giving each label its more frequent value in the training split."""
    has_w, lacks_w = counts(train)
    often_w = has_w > lacks_w
    said_sw = np.broadcast_to(often_w, (len(test), len(LABELS)))
    return _judged(said_sw.astype(float), np.full(len(LABELS), 0.5), test, "the majority's label")


def ngram(
    train: Sequence[LabelledCode], val: Sequence[LabelledCode], test: Sequence[LabelledCode]
) -> Estimate:
    """Return the macro F1 of a logistic regression on token 1-, 2- and 3-grams.

    Thresholds are chosen on the validation split, as the model's are.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(
        token_pattern=TOKEN,
        lowercase=False,
        ngram_range=(1, 3),
        min_df=2 if len(train) > SMALL else 1,
        sublinear_tf=True,
    )
    seen = vectorizer.fit_transform([example.code for example in train])
    unseen = [vectorizer.transform([e.code for e in part]) for part in (val, test)]
    values_sw = values_of(train)
    scores = [np.zeros((len(part), len(LABELS))) for part in (val, test)]
    for w in range(len(LABELS)):
        known = ~np.isnan(values_sw[:, w])
        truth = values_sw[known, w] > 0.5
        if truth.all() or not truth.any():
            for score_sw in scores:
                score_sw[:, w] = float(truth.any())
            continue
        model = LogisticRegression(C=10.0, solver="liblinear", class_weight="balanced")
        model.fit(seen[known], truth)
        for score_sw, rows in zip(scores, unseen, strict=True):
            score_sw[:, w] = model.predict_proba(rows)[:, 1]
    thresholds_w = best_thresholds(scores[0], values_of(val))
    return _judged(scores[1], thresholds_w, test, "logistic regression on token 1-3-grams")


def _judged(
    score_sw: Floats, threshold_w: NDArray[np.float64], test: Sequence[LabelledCode], why: str
) -> Estimate:
    decisions = Decisions.at(score_sw, values_of(test), threshold_w)
    return bootstrapped(decisions, [example.group for example in test], why=why)

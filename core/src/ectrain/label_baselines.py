"""What needs no trunk: the figures that a labelling model must beat to be worth its cost.

Shape suffixes: s examples, w labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from ectrain.labels import Decisions, Floats, best_thresholds, bootstrapped
from ectrain.task import Estimate

TOKEN = r"\w+|[^\w\s]"
SMALL = 50  # examples up to which n-grams that occur once are kept


@attrs.frozen(eq=False)
class LabelledTexts:
    """A split as a baseline sees it.

    Attributes:
        texts: One an example.
        groups: What each belongs to.
        values_sw: Their labels, NaN where unknown, `[s, w]`.
    """

    texts: Sequence[str]
    groups: Sequence[str]
    values_sw: Floats


def majority(train: LabelledTexts, test: LabelledTexts) -> Estimate:
    """Return the macro F1 of giving each label its more frequent value in the training split."""
    often_w = (train.values_sw > 0).sum(0) > (train.values_sw == 0).sum(0)
    score_sw = np.broadcast_to(often_w, test.values_sw.shape).astype(float)
    return _judged(score_sw, np.full(len(often_w), 0.5), test, "the majority's label")


def ngram(train: LabelledTexts, val: LabelledTexts, test: LabelledTexts) -> Estimate:
    """Return the macro F1 of a logistic regression on token 1-, 2- and 3-grams.

    Thresholds are chosen on the validation split, as the model's are. Needs scikit-learn.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(
        token_pattern=TOKEN,
        lowercase=False,
        ngram_range=(1, 3),
        min_df=2 if len(train.texts) > SMALL else 1,
        sublinear_tf=True,
    )
    seen = vectorizer.fit_transform(train.texts)
    unseen = [vectorizer.transform(part.texts) for part in (val, test)]
    labels = train.values_sw.shape[1]
    scores = [np.zeros((len(part.texts), labels)) for part in (val, test)]
    for w in range(labels):
        known = ~np.isnan(train.values_sw[:, w])
        truth = train.values_sw[known, w] > 0
        if truth.all() or not truth.any():
            for score_sw in scores:
                score_sw[:, w] = float(truth.any())
            continue
        model = LogisticRegression(C=10.0, solver="liblinear", class_weight="balanced")
        model.fit(seen[known], truth)
        for score_sw, rows in zip(scores, unseen, strict=True):
            score_sw[:, w] = model.predict_proba(rows)[:, 1]
    return judged_by_val(scores[0], val, scores[1], test, "logistic regression on token 1-3-grams")


def judged_by_val(
    val_sw: Floats, val: LabelledTexts, test_sw: Floats, test: LabelledTexts, why: str
) -> Estimate:
    """Return the macro F1 of scores of the test split, by thresholds chosen on the other."""
    return _judged(test_sw, best_thresholds(val_sw, val.values_sw), test, why)


def _judged(score_sw: Floats, threshold_w: Floats, test: LabelledTexts, why: str) -> Estimate:
    decisions = Decisions.at(score_sw, test.values_sw, threshold_w)
    return bootstrapped(decisions, test.groups, why=why)

"""The linear baseline: hashed character n-grams of each call site's text, the highest score of a file's call sites."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from train.judge.detector import Floats, Row, labels_of, sampled

PER_FILE = 12
"""Call sites of one file that are trained on (count)."""
PER_JUDGED = 200
"""Call sites of one file that are scored, the payload's first (count): those of large hosts take too long."""
N_FILES = 12_000
"""Files drawn by weight that are trained on (count)."""
ROUNDS = 3
"""Times that the call site which makes a malicious file malicious is guessed anew (count)."""


class Ngrams:
    """Logistic regression over call sites; a file is as bad as its worst one."""

    name = "n-grams"
    columns = ("texts",)
    points = None

    def __init__(self) -> None:
        """Untrained."""
        self.vectorizer = HashingVectorizer(
            analyzer="char", ngram_range=(2, 5), n_features=1 << 18, alternate_sign=False, dtype=np.float32
        )

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """At first every call site of a malicious file counts as malicious, then only its highest."""
        rows = sampled(train, N_FILES, seed)
        texts = [row["texts"][:PER_FILE] or [""] for row in rows]
        file = np.repeat(np.arange(len(rows)), [len(group) for group in texts])
        matrix = self.vectorizer.transform(text for group in texts for text in group)
        malicious = labels_of(rows)[file] == 1
        positive = malicious
        for _ in range(ROUNDS):
            chosen = positive | ~malicious
            self.model = SGDClassifier("log_loss", alpha=1e-6, class_weight="balanced", random_state=seed)
            self.model.fit(matrix[chosen], positive[chosen])
            values = self.model.decision_function(matrix)
            highest = np.full(len(rows), -np.inf)
            np.maximum.at(highest, file, values)
            positive = malicious & (values >= highest[file] - 1e-9)

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Return the highest logit of each file's call sites; a file without any gets that of an empty one."""
        texts = [row["texts"][:PER_JUDGED] or [""] for row in rows]
        distinct = list(dict.fromkeys(text for group in texts for text in group))
        values = self.model.decision_function(self.vectorizer.transform(distinct))
        value_of = dict(zip(distinct, values.tolist(), strict=True))
        return np.array([max(value_of[text] for text in group) for group in texts], np.float64)

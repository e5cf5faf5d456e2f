"""Which part of the differences between some values columns of numbers and labels account for, each by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

WAVES = 6  # cosines that a curve over a number is made of, at most
FOLDS = 10  # rows are foreseen by the others, a tenth at a time
STEPS = 30  # of a fit


def shares(columns: Mapping[str, Sequence[Any]], values: Sequence[float]) -> dict[str, float]:
    """The part of the variance of the ranks of `values` [N] that each column accounts for; all together at most 1. A column
    has an entry for each of the N rows: a number, a label, or None where the row has none.

    The ranks are taken for a sum of curves, one a column, and what counts is what these foresee of the rows that they were
    not fitted to. Of independent columns it estimates Sobol's first-order indices.

    Example:
        >>> found = shares({"a": [1, 2, 3, 4] * 5, "b": ["x", "y"] * 10}, [2, 4, 6, 8] * 5)
        >>> found["a"] > 0.9
        True
    """
    import numpy as np
    from scipy.stats import rankdata

    target = rankdata(values) - (len(values) + 1) / 2
    variance = float(target @ target)
    if not variance or not columns:
        return dict.fromkeys(columns, 0.0)
    features = [_features(column) for column in columns.values()]
    curves, fold = np.zeros((len(features), len(target))), np.arange(len(target)) % FOLDS
    for held_out in (fold == each for each in range(FOLDS)):
        weights = _fitted([each[~held_out] for each in features], target[~held_out])
        curves[:, held_out] = [each[held_out] @ own for each, own in zip(features, weights, strict=True)]
    parts = np.maximum(curves @ target / variance, 0.0)
    foreseen = max(0.0, 1 - float(np.square(target - curves.sum(axis=0)).sum()) / variance)
    return dict(zip(columns, (parts * min(1.0, foreseen / max(parts.sum(), 1e-12))).tolist(), strict=True))


def _features(column: Sequence[Any]) -> np.ndarray:
    """[N,F] what a curve over a column is a sum of: cosines over the ranks of numbers, the slow ones larger, or one for each
    label. Their mean is 0 over the rows that have an entry, and they are 0 elsewhere."""
    import numpy as np
    from scipy.stats import rankdata

    there = np.array([value is not None for value in column])
    known = [value for value in column if value is not None]
    if all(isinstance(value, int | float) for value in known):
        waves = np.arange(1, min(WAVES, max(3, len(known) // 8), len({*known}) - 1) + 1)
        place = (rankdata(known) - 0.5) / max(len(known), 1)
        found = np.cos(np.pi * place[:, None] * waves) / waves
    else:
        labels = sorted({*map(str, known)})
        found = np.array([[str(value) == label for label in labels] for value in known], float)
    features = np.zeros((len(column), found.shape[1]))
    features[there] = found - found.mean(axis=0) if known else found
    return features


def _fitted(features: Sequence[np.ndarray], target: np.ndarray) -> list[np.ndarray]:
    """The weights [F] of each column's features [N,F], whose sum fits the `target` [N] but for a constant.

    Weights are Gaussian around 0, with a variance for each column that the data choose, as they choose that of the noise
    (MacKay, "Bayesian interpolation", Neural Computation 4, 1992, section 4; Tipping, JMLR 1, 2001, section 2.3): a
    column that does not matter gets none, so that 30 columns do not explain 20 rows by chance."""
    import numpy as np

    every, sizes = np.concatenate(features, axis=1), [each.shape[1] for each in features]
    # Means of these rows: those of all would tell what is held out.
    every, target = every - every.mean(axis=0), target - target.mean()
    owner, weights = np.repeat(np.arange(len(features)), sizes), np.zeros(sum(sizes))
    spread = noise = float(target @ target) / len(target)
    variances = np.full(len(features), noise)
    gram, along = every.T @ every, every.T @ target
    for _ in range(STEPS):
        used = variances[owner] > 1e-4 * noise  # what is off stays off
        products, mine = gram[np.ix_(used, used)], owner[used]
        precision = 1 / variances[mine]
        covariance = np.linalg.inv(products / noise + np.diag(precision))
        found = covariance @ along[used] / noise
        known = 1 - precision * np.diag(covariance)  # how far the data say what a weight is, 0 to 1
        squares, sure = (np.bincount(mine, each, len(features)) for each in (found**2, known))
        variances = squares / np.maximum(sure, 1e-9)
        left = max(spread * len(target) - 2 * float(found @ along[used]) + float(found @ products @ found), 0.0)
        noise = max(left / max(len(target) - known.sum(), 1.0), 0.02 * spread)
        weights = np.zeros(len(owner))
        weights[used] = found
    return np.split(weights, np.cumsum(sizes)[:-1])

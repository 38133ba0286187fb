"""The first principal component of a group of indicators, fitted on the past again and again."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel

REFIT_BARS = 250
"""Bars 250 k to 250 k + 249 are read with loadings fitted on bars before 250 k."""
FIT_BARS = 1000
"""At most so many."""
KNOWN_MIN = 50
"""A feature with fewer known values than this among them, or with equal ones, has no part in the component."""
_SQUARINGS = 12

Floats = npt.NDArray[np.float64]


@kernel
def principal_component(features: Floats) -> Floats:
    """First principal component (T,) of ``features`` (F, T), each standardised by its fit; NaN before bar REFIT_BARS.

    Loadings are the unit eigenvector of the largest eigenvalue of the correlation matrix, where an unknown value stands
    for the mean. The first fit has a sign that makes their sum positive, every later one that which agrees with the
    fit before (inner product not negative). A bar on which no feature of the component is known is unknown.
    """
    count, bars = features.shape
    result = np.full(bars, np.nan)
    loadings, before = np.zeros(count), np.zeros(count)
    mean, deviation = np.zeros(count), np.zeros(count)
    standard = np.zeros((FIT_BARS, count))
    matrix, square = np.zeros((count, count)), np.zeros((count, count))
    for start in range(REFIT_BARS, bars, REFIT_BARS):
        first = max(0, start - FIT_BARS)
        _standardise(features[:, first:start], mean, deviation, standard)
        _correlate(standard[: start - first], matrix)
        before[:] = loadings
        _leading(matrix, square, loadings)
        agreement = 0.0
        for feature in range(count):
            agreement += loadings[feature] * before[feature]
        if agreement == 0.0:
            agreement = loadings.sum()
        if agreement < 0.0:
            loadings *= -1.0
        for bar in range(start, min(start + REFIT_BARS, bars)):
            known, total = False, 0.0
            for feature in range(count):
                value = features[feature, bar]
                if deviation[feature] > 0.0 and not np.isnan(value):
                    known = True
                    total += loadings[feature] * ((value - mean[feature]) / deviation[feature])
            if known:
                result[bar] = total
    return result


@kernel
def _standardise(features: Floats, mean: Floats, deviation: Floats, standard: Floats) -> None:
    """Mean and population deviation of each row of ``features`` (F, n) over what is known, and the scores (n, F).

    A deviation of 0 marks a feature that has no part.
    """
    for feature in range(len(features)):
        known, total, squares = 0, 0.0, 0.0
        low, high = np.inf, -np.inf
        for value in features[feature]:
            if not np.isnan(value):
                known += 1
                total += value
                low, high = min(low, value), max(high, value)
        mean[feature] = total / known if known else 0.0
        for value in features[feature]:
            if not np.isnan(value):
                squares += (value - mean[feature]) * (value - mean[feature])
        fit = known >= KNOWN_MIN and low < high
        deviation[feature] = np.sqrt(squares / known) if fit else 0.0
        for bar in range(features.shape[1]):
            value = features[feature, bar]
            has_part = deviation[feature] > 0.0 and not np.isnan(value)
            standard[bar, feature] = (value - mean[feature]) / deviation[feature] if has_part else 0.0


@kernel
def _correlate(standard: Floats, matrix: Floats) -> None:
    """Correlation matrix (F, F) of scores (n, F), by sums in a fixed order: a BLAS differs between machines."""
    matrix[:, :] = 0.0
    for scores in standard:
        for one in range(len(scores)):
            score, row = scores[one], matrix[one]
            for other in range(len(scores)):
                row[other] += score * scores[other]
    matrix /= len(standard)


@kernel
def _leading(matrix: Floats, square: Floats, vector: Floats) -> None:
    """Unit eigenvector (F,) of the largest eigenvalue of a positive semidefinite matrix; zeros where that is 0.

    By squaring: the 4096th power of the matrix is that eigenvalue's projector, all but for a factor; the same bits
    everywhere, which LAPACK does not promise. Overwrites both matrices.
    """
    count = len(matrix)
    for _ in range(_SQUARINGS):
        largest = 0.0
        for place in range(count):
            largest = max(largest, matrix[place, place])
        if largest == 0.0:
            vector[:] = 0.0
            return
        matrix /= largest
        square[:, :] = 0.0
        for one in range(count):
            row = square[one]
            for middle in range(count):
                weight, other_row = matrix[one, middle], matrix[middle]
                for other in range(count):
                    row[other] += weight * other_row[other]
        matrix[:, :] = square
    column = 0
    for place in range(count):
        if matrix[place, place] > matrix[column, column]:
            column = place
    norm = 0.0
    for place in range(count):
        norm += matrix[place, column] * matrix[place, column]
    norm = np.sqrt(norm)
    for place in range(count):
        vector[place] = matrix[place, column] / norm if norm > 0.0 else 0.0

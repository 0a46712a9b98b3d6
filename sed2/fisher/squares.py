"""When roots from a squared factor are as good as its singular values.

The eigenvalues of A^T A are several times cheaper than the singular values of A, and off by about
n * machine epsilon * lambda_max, which is much of a small one. Who uses them asks here, and takes
the singular values instead where the answer is no.
"""

from __future__ import annotations

import numpy as np

_TOLERANCE = 1e-9
"""Of any log-determinant, relative."""


def are_as_good(roots: np.ndarray) -> np.ndarray:
    """(...) whether log-determinants of a matrix from these roots are right to 1e-9 at every eps.

    With d_i the relative error of root i, that of sum_i log(1 + a r_i) is at most the mean of the
    d_i: each term's is at most d_i, and d_i falls with r_i while the terms grow with it, which is
    Chebyshev's sum inequality. A root of zero may be any number below the noise, so it is not good
    enough, unless all are zero.

    Args:
        roots: (..., n) all of the matrix, in any order; NaN where there are none.
    """
    squares = np.square(roots)
    largest = squares.max(axis=-1, keepdims=True)
    noise = roots.shape[-1] * np.finfo(float).eps * largest
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(largest > 0, noise / (2 * squares), 0.0).mean(axis=-1)
    good: np.ndarray = (relative <= _TOLERANCE) & np.isfinite(largest[..., 0])
    return good

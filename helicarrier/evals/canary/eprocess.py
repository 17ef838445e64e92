"""The sequential test: evidence that a failure rate lies above its limit, at any time.

For a limit p0 and an alternative p > p0, the likelihood ratio of the failures so far is a test
martingale where the rate is p0 and a supermartingale below. A mixture over several alternatives
is one, too, so by Ville's inequality a canary that keeps its limit ever reaches 1/alpha with
probability at most alpha, however often one looks. Evidence depends on the counts alone.

Sources: Ville 1939; Robbins 1970 (mixtures); Ramdas, Gruenwald, Vovk and Shafer, Statistical
Science 38 (2023).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TIMES_WORSE = (1.5, 2.0, 3.0, 5.0, 8.0, 13.0)
_HIGHEST = 0.9


def alternatives(limit: float) -> tuple[float, ...]:
    """The failure rates that the test looks for: some times the limit, below 0.9."""
    found = tuple(rate for times in _TIMES_WORSE if (rate := limit * times) < _HIGHEST)
    return found or ((limit + 1) / 2,)


def evidence(
    failures: "NDArray[np.int64] | int", trials: "NDArray[np.int64] | int", limit: float
) -> "NDArray[np.float64]":
    """The e-value of cumulative counts.

    Args:
        failures: failures so far, of any shape.
        trials: trials so far, of the same shape.
        limit: accepted failure rate, above 0 and below 1.

    Returns:
        Of the same shape: 1 without a trial, large against the limit, near 0 for it.
    """
    import numpy as np

    failed = np.asarray(failures, dtype=float)[..., None]
    passed = np.asarray(trials, dtype=float)[..., None] - failed
    rates = np.array(alternatives(limit))
    logs = failed * np.log(rates / limit) + passed * np.log((1 - rates) / (1 - limit))
    with np.errstate(over="ignore"):
        mixed: NDArray[np.float64] = np.exp(logs).mean(axis=-1)
    return mixed

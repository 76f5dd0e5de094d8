"""Bounds of a test that is made several times on growing data, and together errs as rarely."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from scipy import optimize
from scipy.stats import norm

from ferlab.analysis.classification import Floats

_NODES = 400
"""Points of each integral; twice as many change no bound of 96 looks by 1e-12."""


def critical_values(information: Sequence[float], spent: Sequence[float]) -> tuple[float, ...]:
    """How far from zero, in standard errors, a two-sided test rejects at each look.

    Without an effect, what the looks see is a Brownian motion at times that are their shares of the
    information. Its density where it has not crossed a bound yet is carried from look to look
    (Armitage, McPherson & Rowe 1969, Journal of the Royal Statistical Society A 132:235-244), and
    the next bound is where so much of it crosses as may be spent (Lan & DeMets 1983, Biometrika
    70:659-663).

    Args:
        information: share of all information at each look, increasing, the last at most 1.
        spent: level spent up to each look, increasing.
    """
    bounds = [float(norm.isf(spent[0] / 2))]
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    edge = bounds[0] * information[0] ** 0.5
    sums = edge * points
    mass = edge * weights * norm.pdf(sums, scale=information[0] ** 0.5)  # of the sums, shape (400,)
    for look in range(1, len(information)):
        step = (information[look] - information[look - 1]) ** 0.5
        left = partial(_left, sums=sums, mass=mass, step=step, spent=spent[look] - spent[look - 1])
        edge = float(optimize.brentq(left, 0.0, 40.0, xtol=1e-12))
        bounds.append(edge / information[look] ** 0.5)
        sums, before = edge * points, sums
        mass = edge * weights * (norm.pdf(sums[:, None], before, step) @ mass)
    return tuple(bounds)


def _left(edge: float, sums: Floats, mass: Floats, step: float, spent: float) -> float:
    """By how much more than ``spent`` crosses an edge in one step from the sums before."""
    crossing = norm.sf(edge, sums, step) + norm.cdf(-edge, sums, step)
    return float(mass @ crossing) - spent

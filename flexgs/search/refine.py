# SPDX-License-Identifier: Apache-2.0
"""The refine stage: from near the target to the best setting on it.

The neighbour stage stops once the target is nearly used up, wherever on the target's contour that
is. How pruning is best traded against SH differs from scene to scene, so the remaining evaluations
go where a model of all measurements so far expects the largest gain.

Measured on the eight analytic surfaces of `tests/search/surfaces.py` at targets of 0.1 to 2 dB:
files are on average 26 % (at worst 109 %) larger than the exhaustive grid's smallest after the
first two stages alone; 0.4 % (4.3 %, on a surface with 8 % of ripple) after this one, in 13.4
evaluations instead of 9.5. On bonsai (benchmarks/search.py, 9 search views, grid of 49 settings)
at 1 dB: 1.907 MB at 0.982 dB in 20 evaluations where the grid has 1.997 MB at 0.916 dB, and
2.463 MB after the first two stages; at 0.3 dB: 3.075 MB in 19, grid 3.443 MB, before 3.965 MB.

Source: Gardner et al., Bayesian Optimization with Inequality Constraints, ICML 2014, equation 2
(expected improvement times probability of feasibility).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from flexgs.search.evaluator import Evaluator
from flexgs.search.setting import Setting, Space
from flexgs.search.surrogate import BYTES_PRIOR, DROP_PRIOR, Model, log_error
from flexgs.search.target import MaxDrop

F64 = npt.NDArray[np.float64]

MIN_GAIN = 0.002  # of the bytes: an expected gain under it is not worth an evaluation
HOPELESS = -4.0  # standard deviations: settings this far from the best are not looked at
MIN_GAIN_DB = 0.005  # of the drop, for a size target


def run_refinement(evaluator: Evaluator, space: Space) -> str:
    """Evaluate the most promising setting until none promises enough; returns why it stopped."""
    rates = space.settings()
    untried = np.array([Setting(*rate) not in evaluator for rate in rates.tolist()])
    by_drop = isinstance(evaluator.target, MaxDrop)
    while untried.any():
        gain = np.where(untried, expected_gain(evaluator, rates), -np.inf)
        chosen = int(gain.argmax())
        if by_drop and gain[chosen] < MIN_GAIN:
            return f"no setting promises a file smaller by {MIN_GAIN:.1%}"
        if not by_drop and gain[chosen] < MIN_GAIN_DB:
            return f"no setting promises a drop smaller by {MIN_GAIN_DB} dB"
        evaluator(Setting(*rates[chosen].tolist()), "refine")
        untried[chosen] = False
    return "every setting was tried"


def expected_gain(evaluator: Evaluator, rates: F64) -> F64:
    """Expected gain of settings, in nats of bytes or in dB of drop as the target has it.

    The expected improvement of the logarithm of the cost, times the chance to meet the target.
    `rates` (w, 2); returns (w,). At least one evaluation must have met the target.
    """
    log, target = evaluator.log, evaluator.target
    by_drop = isinstance(target, MaxDrop)
    known = np.array([(e.setting.pruning_rate, e.setting.sh_rate) for e in log])
    sizes = np.log([e.size_bytes for e in log])
    errors = np.array([log_error(e.drop_db) for e in log])
    limit = log_error(target.db) if isinstance(target, MaxDrop) else float(np.log(target.size))
    distance = np.abs((errors if by_drop else sizes) - limit)
    size_model = Model(BYTES_PRIOR, known, sizes, np.zeros_like(sizes))
    drop_model = Model(DROP_PRIOR, known, errors, distance)
    cost_model, load_model = (size_model, drop_model) if by_drop else (drop_model, size_model)

    met = np.array([e.accepted for e in log])
    best = (sizes if by_drop else errors)[met].min()
    cost, spread = cost_model.predict(rates)
    score = (best - cost) / spread
    hopeful = score > HOPELESS  # the load is predicted for these only
    load, doubt = load_model.predict(rates[hopeful])
    score = score[hopeful]
    improvement = score * ndtr(score) + np.exp(-0.5 * score**2) / np.sqrt(2 * np.pi)
    gain = np.zeros(len(rates))
    gain[hopeful] = spread[hopeful] * improvement * ndtr((limit - load) / doubt)
    return gain if by_drop else gain * _db_a_nat(best)


def _db_a_nat(log_of_error: float) -> float:
    """d drop / d log_error, in dB."""
    error = np.exp(log_of_error)
    return float(10 / np.log(10) * error / (1 + error))

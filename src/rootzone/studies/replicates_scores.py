"""Scores of one model of a study `replicates` on one split: tables (group, layer)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import gcd

import numpy as np

from rootzone.config.replicates_evaluation import Evaluation
from rootzone.evaluate.answers import MID, Answers, level_index
from rootzone.evaluate.belts import cdf_of_readings, quantile_distance, without_noise
from rootzone.evaluate.densities import CENTERS, binned, binned_distance
from rootzone.evaluate.pooled import (
    cells_of,
    partition,
    pooled_mean,
    series_scores,
    step_weights,
    subset_weight,
    thinned,
)
from rootzone.evaluate.resampling import block_indices
from rootzone.studies.replicates_ground import N_MID, Ground, HeldOut

UNITS = {
    "kge": "1",
    "spearman": "1",
    "coverage": "1",
    "places": "1",
    "readings": "1",
    "answered": "1",
    "impossible": "1",
    "mse": "m6 m-6",
    "log_likelihood": "ln(m3 m-3)-1",
}
"""Units of the scores by the beginning of their names; all others are in m3 m-3."""

SPREAD = (
    "kge_pooled",
    "kge_places",
    "spearman_pooled",
    "spearman_places",
    "rmse",
    "crps",
    "log_likelihood",
)
"""Scores whose spread is told."""

PIT_BINS = 20
INTERVALS = (0.5, 0.8, 0.9)
WIDTH_EDGES = np.round(np.arange(0, 0.4001, 0.005), 4)
"""Edges of the histogram of belts [m3 m-3]."""
WATER_EDGES = np.round(np.arange(0, 0.7001, 0.02), 3)
"""Edges of the classes of mean water in which the spread is told [m3 m-3]."""

_LEAST = 30  # cells of a series whose own correlation says anything
_MOST_CELLS = 150_000  # of a block bootstrap
_LOW, _HIGH = 5.0, 95.0  # percentiles of the spread


@dataclass
class Sums:
    """Sums over the cells of each place and depth, for means over any parts.

    ``mean`` holds (sum, number) by name, each (place, depth, ...).
    """

    mean: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def add(self, name: str, shape: tuple[int, int], p: int, values: np.ndarray) -> None:
        """Add the values (depth, ..., time) of a place that are there."""
        total, n = self.mean.setdefault(name, (np.zeros(shape), np.zeros(shape)))
        flat = values.reshape(len(values), -1)
        some = np.isfinite(flat)
        total[p] += np.where(some, flat, 0.0).sum(axis=1, dtype=float)
        n[p] += some.sum(axis=1)


@dataclass
class Scored:
    """What came of one model on one split.

    Attributes
    ----------
    scores : dict of array (group, layer)
        By name, with the spread.
    pit : array (layer, bin)
        Density of the probability integral transform.
    coverage : array (layer, interval)
        Share of readings inside central intervals.
    water, water_obs : array (place, depth, bin of CENTERS)
        Pooled quantiles of the model and of the sensors' mixtures, counted.
    belt, belt_obs : array (place, depth, bin of WIDTH_EDGES)
        Widths, counted; without those beyond the last edge.
    spread : dict of (sum, number), arrays (place, depth, bin of WATER_EDGES)
        Widths by mean water: ``model``, ``obs`` and on a twin ``truth``; ``water`` itself.
    modal : tuple of array (place, depth, month)
        Number of multimodal cells and of cells whose modes are known.
    """

    scores: dict[str, np.ndarray]
    pit: np.ndarray
    coverage: np.ndarray
    water: np.ndarray
    water_obs: np.ndarray
    belt: np.ndarray
    belt_obs: np.ndarray
    spread: dict[str, tuple[np.ndarray, np.ndarray]]
    modal: tuple[np.ndarray, np.ndarray]


def score(
    ground: Ground, tested: HeldOut, answers: Answers, settings: Evaluation, seed: int
) -> Scored:
    """Return the scores of a model's answers on the tested cells.

    Site means, belts and distances are of cells where all sensors of a place and depth read;
    CRPS, log-likelihood, PIT and coverage of all tested readings; against the truth of a twin all
    cells of the test part count. Cells that the model does not answer are left out; ``answered``
    tells the share of tested readings that it does. A reading of which the model says that it
    cannot be makes the log-likelihood minus infinity; ``log_likelihood_possible`` is the mean of
    the others, ``impossible`` the share.
    """
    found = _Tally(ground, tested, answers)
    for p in np.flatnonzero(tested.cell.any(axis=(1, 2))):
        found.of_place(int(p))
    scores = found.tables()
    scores |= _resampled(ground, tested, answers, settings, seed)
    pit = ground.parts.sums(found.pit)[0]
    coverage = [scores[f"coverage_{round(100 * i)}"][0] for i in INTERVALS]
    with np.errstate(invalid="ignore"):
        pit = pit / pit.sum(axis=1, keepdims=True) * PIT_BINS
    return Scored(
        scores,
        pit,
        np.stack(coverage, axis=1),
        found.water[0],
        found.water[1],
        found.belt[0],
        found.belt[1],
        found.spread,
        found.modal,
    )


def _mean_of(total: np.ndarray, n: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, total / n, np.nan)


class _Tally:
    """Sums over the cells, one place after another."""

    def __init__(self, ground: Ground, tested: HeldOut, answers: Answers):
        self.ground, self.tested, self.answers = ground, tested, answers
        self.shape = shape = ground.obs.shape[:2]
        self.sums = Sums()
        self.pit = np.zeros((*shape, PIT_BINS))
        self.water = np.zeros((2, *shape, CENTERS.size), "f4")
        self.belt = np.zeros((2, *shape, WIDTH_EDGES.size - 1))
        self.spread: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.modal = np.zeros((*shape, 12)), np.zeros((*shape, 12))

    def _add(self, name: str, p: int, values: np.ndarray) -> None:
        self.sums.add(name, self.shape, p, values)

    def of_place(self, p: int) -> None:
        """Add a place."""
        self._readings(p)
        whole = np.isfinite(self.tested.mean[p]) & np.isfinite(self.answers.mean[p])
        self._sensors(p, whole)
        cell = self.tested.cell[p] & np.isfinite(self.answers.mean[p])
        if self.ground.truth is not None and cell.any():
            self._truth(p, cell)
        modes = self.answers.modes[p]
        known = cell & (modes > 0)
        for d in range(len(modes)):
            for out, chosen in zip(self.modal, (known & (modes > 1), known), strict=True):
                out[p, d] += np.bincount(self.ground.month[chosen[d]], minlength=12)

    def _readings(self, p: int) -> None:
        a, reading = self.answers, self.tested.reading[p]
        use = reading & np.isfinite(a.crps[p])
        nothing = np.float32(np.nan)
        self._add("crps", p, np.where(use, a.crps[p], nothing))
        log_prob = np.where(use, a.log_prob[p], nothing)
        self._add("log_likelihood", p, log_prob)  # of the finite ones
        self._add("impossible", p, np.where(use, np.isneginf(log_prob), np.nan))
        self._add("answered", p, np.where(reading, use, np.nan))
        pit = np.where(use, a.pit[p], nothing)
        for i in INTERVALS:
            inside = np.where(np.isfinite(pit), np.abs(pit - 0.5) <= i / 2, np.nan)
            self._add(f"coverage_{round(100 * i)}", p, inside)
        for d in range(len(pit)):
            self.pit[p, d] += np.histogram(pit[d][use[d]], PIT_BINS, (0, 1))[0]
        width = a.quantile[p][..., level_index(0.9)] - a.quantile[p][..., level_index(0.1)]
        self._add("width_80", p, np.where(use.any(axis=1), width, nothing))

    def _sensors(self, p: int, whole: np.ndarray) -> None:
        """Add distances and belts of a place at cells (depth, time) with all sensors."""
        if not whole.any():
            return
        noise, observed = self.ground.noise, self.ground.sensors(p)
        q = self.answers.quantile[p]
        distance = np.full(whole.shape, np.nan)
        distance[whole] = quantile_distance(q[whole][:, MID], observed[whole][:, :N_MID])
        self._add("w1_sensors", p, distance)
        belt = _belt(q)
        belt_obs = np.where(whole, observed[..., N_MID + 1] - observed[..., N_MID], np.nan)
        belt = np.where(np.isfinite(belt_obs), belt, np.nan)
        for name, values in (("model", belt), ("obs", belt_obs)):
            self._add(f"belt_{name}", p, values)
            self._add(f"belt_{name}_clean", p, without_noise(values, noise))
            self._by_water(name, p, values)
        self._by_water("water", p, np.where(whole, self.tested.mean[p], np.nan))
        for d in range(len(q)):
            self.water[0, p, d] += binned(q[d][whole[d]][:, MID])
            self.water[1, p, d] += binned(observed[d][whole[d]][:, :N_MID])
            for k, values in enumerate((belt[d], belt_obs[d])):
                there = values[np.isfinite(values)]
                self.belt[k, p, d] += np.histogram(there, WIDTH_EDGES)[0]

    def _truth(self, p: int, cell: np.ndarray) -> None:
        """Add distances from the true distribution at cells (depth, time) of the test part."""
        ground, q = self.ground, self.answers.quantile[p]
        assert ground.truth is not None
        true = ground.true_quantiles(p, cell)
        distance, covered, belt = (np.full(cell.shape, np.nan) for _ in range(3))
        distance[cell] = quantile_distance(q[cell][:, MID], true[cell][:, :N_MID])
        ends = q[cell][:, [level_index(0.1), level_index(0.9)]]
        columns = np.moveaxis(ground.truth[p], 1, 2)[cell]
        below = cdf_of_readings(ends, columns, ground.truth_std)
        covered[cell] = below[:, 1] - below[:, 0]
        belt[cell] = true[cell][:, N_MID + 1] - true[cell][:, N_MID]
        self._add("w1_truth", p, distance)
        self._add("coverage_truth_80", p, covered)
        self._add("belt_truth", p, belt)
        self._by_water("truth", p, belt)

    def _by_water(self, name: str, p: int, values: np.ndarray) -> None:
        """Add values (depth, time) to their class of the sensors' mean water."""
        shape = (*self.shape, WATER_EDGES.size - 1)
        total, n = self.spread.setdefault(name, (np.zeros(shape), np.zeros(shape)))
        mean = self.tested.mean[p]
        for d in range(len(values)):
            some = np.isfinite(values[d]) & np.isfinite(mean[d])
            total[p, d] += np.histogram(mean[d][some], WATER_EDGES, weights=values[d][some])[0]
            n[p, d] += np.histogram(mean[d][some], WATER_EDGES)[0]

    def tables(self) -> dict[str, np.ndarray]:
        """Return means (group, layer) of everything that was added."""
        parts = self.ground.parts
        found = {k: _mean_of(parts.sums(s), parts.sums(n)) for k, (s, n) in self.sums.mean.items()}
        found["w1_pooled"] = binned_distance(*(parts.sums(water) for water in self.water))
        n = self.sums.mean["crps"][1]
        found["readings"] = parts.sums(n)
        possible = found["log_likelihood_possible"] = found["log_likelihood"]
        found["log_likelihood"] = np.where(found["impossible"] > 0, -np.inf, possible)
        found["places"] = _places_with(parts.sums, n)
        return found


def _places_with(sums: Callable[[np.ndarray], np.ndarray], n: np.ndarray) -> np.ndarray:
    """Return how many places (group, layer) have any reading, of numbers (place, depth)."""
    found = sums((n > 0).astype(float))
    # A place counts once for all its depths: give it to the first one.
    first = (np.cumsum(n > 0, axis=1) == 1) & (n > 0)
    found[:, 0] = sums(first.astype(float))[:, 0]
    return found


def _belt(quantile: np.ndarray) -> np.ndarray:
    """Return the 80-20 width (...) of quantiles (..., level) of an answer."""
    return quantile[..., level_index(0.8)] - quantile[..., level_index(0.2)]


# --- site means, and the spread ----------------------------------------------------------


class _Sample:
    """The cells of a test part, scored with weights."""

    def __init__(self, ground: Ground, tested: HeldOut, answers: Answers):
        self.ground = ground
        self.whole = cells_of(answers.mean, tested.mean)
        use = tested.reading & np.isfinite(answers.crps)
        place, depth, self.time = np.nonzero(use.any(axis=2))
        self.series = place * use.shape[1] + depth
        self.readings = {}
        for name, values in (("crps", answers.crps), ("log_likelihood", answers.log_prob)):
            counts = use & np.isfinite(values)
            total = np.where(counts, values, np.float32(0)).sum(axis=2, dtype=float)
            where = place, depth, self.time
            self.readings[name] = total[where], counts.sum(axis=2)[where]
        self._prepare()

    def _prepare(self) -> None:
        partitions = self.ground.parts.partitions
        self.partitions = [partition(self.whole, *one) for one in partitions]
        n = np.bincount(self.whole.series, minlength=self.whole.n_series)
        self.enough = n >= _LEAST
        self.of_read = [(which[self.series], size) for which, size in partitions[:4]]

    def thin(self, steps: int) -> None:
        """Keep every so-manieth step only, at all hours of the day."""
        last = int(max(self.time.max(initial=0), self.whole.time.max(initial=0)))
        while gcd(steps, max(round(self.ground.steps_per_day), 1)) > 1:
            steps += 1
        keep = np.arange(last + 1) % steps == 0
        some = keep[self.time]
        self.readings = {k: (t[some], n[some]) for k, (t, n) in self.readings.items()}
        self.time, self.series = self.time[some], self.series[some]
        self.whole = thinned(self.whole, keep)
        self._prepare()

    def scores(
        self, weight: np.ndarray | None = None, weight_read: np.ndarray | float = 1.0
    ) -> dict[str, np.ndarray]:
        """Return scores (group, layer) of weighted cells with all sensors, and with any."""
        each = series_scores(self.whole, self.partitions, weight)
        found = _site_scores(self.ground, each, self.enough)
        for name, (total, n) in self.readings.items():
            means = [pooled_mean(total, n, *of, weight=weight_read) for of in self.of_read]
            found[name] = self.ground.parts.table(means)
        return found


def _resampled(
    ground: Ground, tested: HeldOut, answers: Answers, settings: Evaluation, seed: int
) -> dict[str, np.ndarray]:
    """Return scores (group, layer) of site means, and the spread of all that have one.

    Blocks are drawn from thinned records where there are very many steps: these are far shorter
    than the memory of the soil, which the spread of blocks is about.
    """
    sample = _Sample(ground, tested, answers)
    found = sample.scores()
    rng = np.random.default_rng([seed, 1])
    share, replace = settings.subset_share, settings.subset_replace
    paper = []
    for _ in range(settings.bootstrap):
        sizes = sample.whole.time.size, sample.time.size
        both = [subset_weight(rng, n, share, replace=replace) for n in sizes]
        paper.append(sample.scores(*both))
    steps = tested.cell.shape[2]
    block = max(round(settings.bootstrap_block_days * ground.steps_per_day), 1)
    blocks = []
    if 3 * block <= steps and settings.block_bootstrap > 0:
        if sample.time.size > _MOST_CELLS:
            sample.thin(-(-sample.time.size // _MOST_CELLS))
        rng = np.random.default_rng([seed, 2])
        rows = block_indices(rng, n=steps, replicates=settings.block_bootstrap, block=block)
        for drawn in step_weights(np.asarray(rows), steps):
            blocks.append(sample.scores(drawn[sample.whole.time], drawn[sample.time]))
    # Of log-likelihoods the finite ones are resampled.
    _spread(found, "paper", paper)
    _spread(found, "block", blocks)
    return {k: v for k, v in found.items() if k not in sample.readings}


def _site_scores(
    ground: Ground, found: list[dict[str, np.ndarray]], enough: np.ndarray
) -> dict[str, np.ndarray]:
    """Return scores (group, layer) of all partitions: pooled, and means over the series."""
    parts, out = ground.parts, {}
    for name in ("kge", "spearman"):
        out[f"{name}_pooled"] = parts.table([f[name] for f in found[:4]])
        out[f"{name}_places"] = parts.mean_of_series(np.where(enough, found[4][name], np.nan))
        # The paper's total average: the mean over crossings of group and depth.
        cells = out[f"{name}_pooled"][1:, 1:]
        mean = out[f"{name}_pooled"].copy()
        some = np.isfinite(cells)
        clean = np.where(some, cells, 0.0)
        mean[0, 0] = _mean_of(clean.sum(), some.sum())
        mean[1:, 0] = _mean_of(clean.sum(axis=1), some.sum(axis=1))
        mean[0, 1:] = _mean_of(clean.sum(axis=0), some.sum(axis=0))
        out[f"{name}_cells"] = mean
    for name in ("rmse", "mse", "bias", "ubrmse"):
        out[name] = parts.table([f[name] for f in found[:4]])
    return out


def _spread(found: dict, kind: str, drawn: list[dict[str, np.ndarray]]) -> None:
    """Write the 5 and 95 % quantiles of drawn scores beside them; NaN where none was drawn."""
    for name in SPREAD:
        ends = np.full((2, *found[name].shape), np.nan)
        if drawn:
            each = np.stack([one[name] for one in drawn])
            some = np.isfinite(each).all(axis=0)
            ends[:, some] = np.percentile(each[:, some], [_LOW, _HIGH], axis=0)
        found[f"{name}_{kind}_low"], found[f"{name}_{kind}_high"] = ends


def unit_of(name: str) -> str:
    """Return the unit of a score.

    >>> unit_of("kge_places_block_low"), unit_of("w1_truth")
    ('1', 'm3 m-3')
    """
    return next((unit for start, unit in UNITS.items() if name.startswith(start)), "m3 m-3")

"""What the default parameters and the kept sets give: series, bands, scores in time and space."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.calibrate.behavioral import Behavioral
from rootzone.calibrate.objectives import SCORES, Observed, factors, score_members
from rootzone.calibrate.problem import COUNTS, WATER
from rootzone.config.transect import TransectStudy
from rootzone.config.transect_sites import SitesObservations
from rootzone.evaluate import spaef
from rootzone.simulate.catchment import Catchment, run_members
from rootzone.studies.context import Context
from rootzone.studies.transect_input import N0_NAME, Prepared, share_of_horizons
from rootzone.studies.transect_twin import gravimetric_water

SERIES = ("counts", "theta", "mass", "root_zone", "water")
BAND = (0.05, 0.95)
"""Quantiles of the kept sets that a band spans."""
DEFAULT, CALIBRATED = "default", "calibrated"


@dataclass
class Run:
    """Series of one parameter set, or the mean of some, at the places.

    Attributes
    ----------
    counts : array (day, place)
        Count rate [h-1], with the fitted factor where there is one.
    theta : array (day, horizon, place)
        Soil water [m3 m-3].
    mass : array (day, place)
        Gravimetric water of soil and lattice that the counts say [g g-1]; NaN where the operator
        is not that of Desilets.
    root_zone : array (day, place)
        Mean soil water down to the depth of the root zone [m3 m-3].
    water : array (day, place)
        The same down to the depth that sensors of stations stand for.
    lower, upper : dict of array
        Band of all of these; empty for one set.
    """

    counts: np.ndarray
    theta: np.ndarray
    mass: np.ndarray
    root_zone: np.ndarray
    water: np.ndarray
    lower: dict[str, np.ndarray] = field(default_factory=dict)
    upper: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Found:
    """Series and scores.

    Attributes
    ----------
    default, calibrated : Run
        The parameters before calibration; each place with the kept sets of its own section.
    truth : Run or None
        Of a twin.
    observed_mass, observed_mass_sigma : array (day, place)
        Gravimetric water of the observed counts and its error [g g-1].
    scores : dict
        ``scores[run][of][group][score]``; ``of`` is observed counts or water, or the truth.
    patterns : dict
        ``patterns[run][of]``: SPAEF and its components over days and places.
    """

    default: Run
    calibrated: Run
    truth: Run | None
    observed_mass: np.ndarray
    observed_mass_sigma: np.ndarray
    scores: dict[str, dict[str, dict[str, dict[str, float]]]]
    patterns: dict[str, dict[str, dict[str, float]]]


def evaluate(
    study: TransectStudy,
    prepared: Prepared,
    kept: Mapping[str, Behavioral],
    context: Context,
) -> Found:
    """Run the default parameters and the kept sets, and score them on the evaluated days."""
    p = prepared
    if not p.by_desilets:
        context.log.tell(
            "gravimetric water by the counts is left out: the operator is not that of Desilets"
        )
    _tell_numbers(study, kept, context)
    runner = Runner(study, prepared)
    default = runner.summary(runner.sets(p.reference[None]), [0])
    own = [selection_of(p, kept, place) for place in range(len(p.places.cell))]
    members = {name: runner.sets(p.calibration.all_values(k.values)) for name, k in kept.items()}
    runs = {name: runner.summary(m, range(len(kept[name].members))) for name, m in members.items()}
    calibrated = _chosen(runs, own)
    truth = None
    if p.counted.truth is not None:
        of = p.counted.truth
        N0 = runner.N0(p.reference if of.values is None else of.values)
        truth = runner.run(of.counts, of.theta, N0)
    mean_N0 = {
        name: float(np.mean(runner.N0(p.calibration.all_values(k.values))))
        for name, k in kept.items()
    }
    observed, sigma = _observed_mass(p, np.array([mean_N0[name] for name in own]))
    found = Found(default, calibrated, truth, observed, sigma, {}, {})
    for name, run in ((DEFAULT, default), (CALIBRATED, calibrated)):
        found.scores[name], found.patterns[name] = _scored(study, p, found, run)
    for section in p.places.sections:
        before = found.scores[DEFAULT]["observed counts"][section]["nse"]
        after = found.scores[CALIBRATED]["observed counts"][section]["nse"]
        context.log.tell(f"{section}: NSE of the counts {before:.2f} -> {after:.2f}")
    before, after = (found.patterns[n]["observed counts"]["spaef"] for n in (DEFAULT, CALIBRATED))
    context.log.tell(f"SPAEF over days and cells {before:.2f} -> {after:.2f}")
    return found


def _tell_numbers(study: TransectStudy, kept: Mapping[str, Behavioral], context: Context) -> None:
    """Tell where not as many sets are kept as the study asks for."""
    asked = study.search.behavioral
    for name, one in kept.items():
        count = len(one.members)
        if asked.at_least is None and asked.best is not None and count < asked.best:
            context.log.tell(
                f"{name}: {count} sets with an objective are all there are, "
                f"search.behavioral.best asks for {asked.best}"
            )
        elif asked.best is None and count == asked.most:
            context.log.tell(
                f"{name}: search.behavioral.most keeps {count} sets, more may reach "
                "search.behavioral.at_least"
            )


def selection_of(prepared: Prepared, kept: Mapping[str, Behavioral], place: int) -> str:
    """Return whose kept sets a place is run with: its section's, or the only ones."""
    section = prepared.places.sections[prepared.places.section[place]]
    return section if section in kept else next(iter(kept))


class Members:
    """Series of some sets: counts (set, day, place), theta (set, day, horizon, place), N0 (set)."""

    def __init__(self, counts: np.ndarray, theta: np.ndarray, N0: np.ndarray):
        self.counts, self.theta, self.N0 = counts, theta, N0


class Runner:
    """Runs sets at the places of a study."""

    def __init__(self, study: TransectStudy, prepared: Prepared):
        self._study, self._p = study, prepared
        depth, given = study.evaluation.depth, study.observations
        self._share = share_of_horizons(prepared.model, depth)
        sensors = given.water_depth if isinstance(given, SitesObservations) else depth
        self._sensors = share_of_horizons(prepared.model, sensors)
        cells = prepared.places.cell
        weights = prepared.counted.weights
        if weights is not None:
            read = np.flatnonzero(np.abs(weights).sum(axis=0) > 0)
            cells = np.concatenate([cells, read])
        self._cells, self._back = np.unique(cells, return_inverse=True)
        self._weights = None if weights is None else weights[:, self._cells]

    def N0(self, values: np.ndarray) -> np.ndarray:
        """Return N0 (...) of all parameters (..., parameter) [h-1], NaN where there is none.

        The scale of COSMIC is no N0 of the law of Desilets: no water follows from it.
        """
        values = np.asarray(values, float)
        if not self._p.by_desilets:
            return np.full(values.shape[:-1], np.nan)
        return values[..., self._p.calibration.table.names.index(N0_NAME)]

    def sets(self, values: np.ndarray) -> Members:
        """Run sets with all parameters (set, parameter)."""
        p = self._p
        counts, theta = at_cells(
            p.model.catchment.of_cells(self._cells),
            values,
            p.model.setup.warming_days,
            np.dtype(self._study.precision),
            self._study.computation.chunk,
        )
        back = self._back[: len(p.places.cell)]
        at_places = counts[..., back]
        if self._weights is not None:
            at_places = counts @ self._weights.T
        with jax.enable_x64(True):
            on = p.judged[COUNTS] if self._study.evaluation.calibration_end is None else self._early
            scale = np.asarray(factors(on, jnp.asarray(at_places, float)))
        return Members(at_places * scale[:, None, :], theta[..., back], self.N0(values))

    @property
    def _early(self) -> Observed:
        """Return the observations of the days that are calibrated on, at all places."""
        p, judged = self._p, self._p.judged[COUNTS]
        late = np.isfinite(judged.values)
        values = np.where(late, np.nan, p.counted.rate)
        return Observed(values, p.counted.sigma, judged.section, judged.sections, judged.factor)

    def run(self, counts: np.ndarray, theta: np.ndarray, N0: np.ndarray | float) -> Run:
        """Return a run of series (day, place), (day, horizon, place)."""
        root_zone = np.einsum("dhp,h->dp", theta, self._share)
        water = np.einsum("dhp,h->dp", theta, self._sensors)
        return Run(counts, theta, gravimetric_water(counts, N0), root_zone, water)

    def summary(self, members: Members, which: "range | list[int]") -> Run:
        """Return the mean of some sets and their band."""
        runs = [self.run(members.counts[n], members.theta[n], float(members.N0[n])) for n in which]
        stacked = {name: np.stack([getattr(run, name) for run in runs]) for name in SERIES}
        mean = {name: x.mean(axis=0) for name, x in stacked.items()}
        if len(runs) == 1:
            return Run(**mean)
        lower, upper = ({n: np.quantile(x, q, axis=0) for n, x in stacked.items()} for q in BAND)
        return Run(**mean, lower=lower, upper=upper)


def at_cells(
    catchment: Catchment, values: np.ndarray, warming_days: int, dtype: np.dtype, chunk: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts (set, day, cell) and theta (set, day, horizon, cell) of sets."""
    parts = list(
        run_members(
            catchment,
            values,
            outputs=("theta",),
            warming_days=warming_days,
            chunk=max(chunk, catchment.cells),
            dtype=dtype,
        )
    )
    counts = np.concatenate([part.daily["neutrons"] for part in parts]).astype(float)
    return counts, np.concatenate([part.daily["theta"] for part in parts]).astype(float)


def _chosen(runs: Mapping[str, Run], own: list[str]) -> Run:
    """Return a run that takes each place from the run of its own name."""

    def pick(values: dict[str, np.ndarray]) -> np.ndarray:
        return np.stack([values[name][..., place] for place, name in enumerate(own)], axis=-1)

    def all_of(name: str) -> np.ndarray:
        return pick({key: getattr(run, name) for key, run in runs.items()})

    def band(side: str) -> dict[str, np.ndarray]:
        if not all(getattr(run, side) for run in runs.values()):
            return {}
        names = next(iter(runs.values())).lower
        return {n: pick({k: getattr(r, side)[n] for k, r in runs.items()}) for n in names}

    return Run(
        *(all_of(name) for name in SERIES),
        lower=band("lower"),
        upper=band("upper"),
    )


def _observed_mass(p: Prepared, N0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gravimetric water of the observed counts by N0 (place), and its error."""
    rate, sigma = p.counted.rate, p.counted.sigma
    mass = gravimetric_water(rate, N0)
    low, high = gravimetric_water(rate + sigma, N0), gravimetric_water(rate - sigma, N0)
    return mass, 0.5 * np.abs(high - low)


# --- scores ---------------------------------------------------------------------------------


def _scored(
    study: TransectStudy, p: Prepared, found: Found, run: Run
) -> tuple[dict[str, dict[str, dict[str, float]]], dict[str, dict[str, float]]]:
    """Return scores by what they are of and by group, and SPAEF by what it is of."""
    counts = p.judged[COUNTS]
    late = np.isfinite(counts.values)
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "observed counts": (run.counts, np.asarray(counts.values)),
    }
    if p.by_desilets:
        observed = np.where(late, found.observed_mass, np.nan)
        pairs["observed gravimetric water"] = (run.mass, observed)
    if WATER in p.judged:
        pairs["observed soil water"] = (run.water, np.asarray(p.judged[WATER].values))
    if found.truth is not None:
        pairs["true counts"] = (run.counts, found.truth.counts)
        pairs["true root-zone water"] = (run.root_zone, found.truth.root_zone)
    scores, patterns = {}, {}
    for name, (sim, obs) in pairs.items():
        scores[name] = _by_group(p, sim, obs)
        patterns[name] = _pattern(study, sim, obs)
    return scores, patterns


def _by_group(p: Prepared, sim: np.ndarray, obs: np.ndarray) -> dict[str, dict[str, float]]:
    observed = Observed(
        obs, np.where(np.isfinite(obs), 1.0, np.nan), p.places.section, p.places.sections
    )
    with jax.enable_x64(True):
        found = score_members(observed, jnp.asarray(sim, float)[None])
        of = {s: np.asarray(found[s])[0] for s in SCORES if s != "log_likelihood"}
    return {
        group: {s: float(values[n]) for s, values in of.items()}
        for n, group in enumerate(observed.groups)
    }


def _pattern(study: TransectStudy, sim: np.ndarray, obs: np.ndarray) -> dict[str, float]:
    settings = study.evaluation
    with jax.enable_x64(True):
        found = spaef(sim=sim.ravel(), obs=obs.ravel(), bins=settings.bins, edges=settings.edges)
    return {
        "spaef": float(found.spaef),
        "alpha": float(found.alpha),
        "beta": float(found.beta),
        "gamma": float(found.gamma),
        "bins": float(found.n_bins),
    }

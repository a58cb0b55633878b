"""The test of a study `replicates`: answers of all models in, the datasets of the run out.

Answers are large (49 quantiles of every place, depth and step); they are scored one model after
another and not kept.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from rootzone.config.replicates_evaluation import Evaluation
from rootzone.core.errors import StudyError
from rootzone.evaluate.answers import Answers, check_answers, put_together
from rootzone.evaluate.densities import CENTERS, binned, kernel_density, pooled_density
from rootzone.evaluate.splits import Fold
from rootzone.studies.replicates_ground import N_MID, Ground, HeldOut, ground_of, of_split
from rootzone.studies.replicates_scores import (
    INTERVALS,
    PIT_BINS,
    WATER_EDGES,
    WIDTH_EDGES,
    Scored,
    score,
    unit_of,
)
from rootzone.studies.replicates_seasons import drivers, response_table
from rootzone.studies.replicates_shown import Shown
from rootzone.studies.replicates_splits import NAMES

_ALIKE = 0.005  # shares of the readings answered that are one
_LEAST_CELLS = 20  # cells of a class of water whose mean width is told


class Test:
    """Collects the scores of all models on all splits.

    Parameters
    ----------
    network : Dataset
        Readings (contract of the network dataset).
    settings : Evaluation
        How it is tested.
    seed : int
        Randomness of the resampling.
    model_names : mapping
        What models are called, in the order of the tables.

    Notes
    -----
    Call :meth:`begin` for a split, :meth:`add` for each of its models, and :meth:`datasets` at the
    end. The first split is shown in detail.
    """

    __test__ = False  # nothing that pytest should collect

    def __init__(
        self,
        network: xr.Dataset,
        settings: Evaluation,
        *,
        seed: int,
        model_names: Mapping[str, str],
    ):
        self.network, self.settings, self.seed = network, settings, seed
        self.model_names = dict(model_names)
        self.ground: Ground = ground_of(network, settings.noise)
        self.splits: list[str] = []
        self.found: dict[tuple[str, str], Scored] = {}
        self.shown: Shown | None = None
        self._tested: HeldOut | None = None
        self._shown_tested: HeldOut | None = None

    def begin(self, key: str, folds: Sequence[Fold], scored: np.ndarray | None = None) -> None:
        """Begin a split; ``scored`` (place, depth, time) restricts the cells that count.

        Raises
        ------
        DataError
            If its test part has no reading.
        StudyError
            If the split was there before.
        """
        if key in self.splits:
            raise StudyError(f"the split {key} is tested twice: wanted once")
        self._tested = of_split(self.ground, key, folds, scored)
        self.splits.append(key)
        if self.shown is None:
            self._shown_tested = self._tested
            self.shown = Shown(self.ground, self._tested, self.settings)

    def add(self, model: str, answers: Answers | Iterable[tuple[Answers, np.ndarray]]) -> Scored:
        """Score a model on the split begun last, and return what came of it.

        Parameters
        ----------
        model : str
            Key of ``model_names``.
        answers : Answers, or iterable of (Answers, bool array)
            Of the whole split, or of each fold with its test part.

        Raises
        ------
        StudyError
            If no split is begun, or the model is not named or was added before.
        """
        if self._tested is None:
            raise StudyError("no split is begun: there is nothing to score a model on")
        if model not in self.model_names or (self._tested.key, model) in self.found:
            raise StudyError(f"the model {model} is not named, or scored twice on one split")
        if not isinstance(answers, Answers):
            answers = put_together(answers, self.ground.obs.shape)
        check_answers(answers, self.ground.obs.shape)
        found = score(self.ground, self._tested, answers, self.settings, self.seed)
        self.found[self._tested.key, model] = found
        if self.shown is not None and self._tested is self._shown_tested:
            self.shown.add(model, answers)
        return found

    # --- datasets --------------------------------------------------------------------------

    def datasets(self, shown_model: str | None = None) -> dict[str, xr.Dataset]:
        """Return all datasets of the test; the model shown is the one of the least CRPS.

        Parameters
        ----------
        shown_model : str, optional
            Key of the model to be shown in detail instead.
        """
        if not self.found or self.shown is None:
            raise StudyError("no model was scored: there is nothing to tell")
        models = self._models(self.splits)
        detail = self._models(self.splits[:1])
        found = {
            "scores": self._scores(models),
            "reliability": self._reliability(models),
            "density": self._density(detail),
            "spread": self._spread(detail),
            "months": self._months(detail),
            "series": self.shown.dataset(detail),
        }
        response = response_table(self.ground, self.settings.response)
        if response is not None:
            found["response"] = response
        attrs = {
            "model_names": json.dumps({m: self.model_names[m] for m in models}),
            "split_names": json.dumps({s: NAMES.get(s, s) for s in self.splits}),
            "shown_split": self.splits[0],
            "shown_model": shown_model or self._best(detail),
            "noise": self.settings.noise,
        }
        for dataset in found.values():
            dataset.attrs |= attrs
        return found

    def _models(self, splits: Sequence[str]) -> list[str]:
        scored = {model for split, model in self.found if split in splits}
        return [model for model in self.model_names if model in scored]

    def _best(self, models: Sequence[str]) -> str:
        """Return the model of the least CRPS among those that answer as much as any."""
        scores = {m: self.found[self.splits[0], m].scores for m in models}
        answered = {m: float(np.nan_to_num(s["answered"][0, 0])) for m, s in scores.items()}
        whole = [m for m in models if answered[m] > max(answered.values()) - _ALIKE]
        crps = {m: float(scores[m]["crps"][0, 0]) for m in whole}
        return min(crps, key=lambda m: crps[m] if np.isfinite(crps[m]) else np.inf)

    def _coords(self, models: Sequence[str], *, layer: bool = True) -> dict[str, Any]:
        coords: dict[str, Any] = {"model": list(models), "group": self.ground.parts.groups}
        return coords | ({"layer": self.ground.parts.layers} if layer else {})

    def _scores(self, models: Sequence[str]) -> xr.Dataset:
        names = list(dict.fromkeys(k for one in self.found.values() for k in one.scores))
        parts = self.ground.parts
        shape = (len(self.splits), len(models), len(parts.groups), len(parts.layers))
        data = {name: np.full(shape, np.nan) for name in names}
        for (split, model), one in self.found.items():
            where = self.splits.index(split), models.index(model)
            for name, table in one.scores.items():
                data[name][where] = table
        dims = ("split", "model", "group", "layer")
        e = self.settings
        return xr.Dataset(
            {name: (dims, table, {"units": unit_of(name)}) for name, table in data.items()},
            {"split": self.splits, **self._coords(models)},
            {
                "bias": "simulated minus observed",
                "kge": "Gupta et al. (2009), site mean against the mean of the model",
                "paper_draws": e.bootstrap,
                "paper_share": e.subset_share,
                "paper_replace": int(e.subset_replace),
                "block_draws": e.block_bootstrap,
                "block_days": e.bootstrap_block_days,
                "spread": "5 and 95 % quantiles; paper: random subsets of the cells; block: "
                "stretches of time, the same for all places",
            },
        )

    def _reliability(self, models: Sequence[str]) -> xr.Dataset:
        layers = self.ground.parts.layers
        shape = (len(self.splits), len(models), len(layers))
        pit, coverage = np.full((*shape, PIT_BINS), np.nan), np.full((*shape, 3), np.nan)
        for (split, model), one in self.found.items():
            where = self.splits.index(split), models.index(model)
            pit[where], coverage[where] = one.pit, one.coverage
        return xr.Dataset(
            {
                "pit": (("split", "model", "layer", "bin"), pit, {"units": "1"}),
                "coverage": (("split", "model", "layer", "interval"), coverage, {"units": "1"}),
            },
            {
                "split": self.splits,
                "model": list(models),
                "layer": layers,
                "bin": (np.arange(PIT_BINS) + 0.5) / PIT_BINS,
                "interval": list(INTERVALS),
            },
        )

    def _density(self, models: Sequence[str]) -> xr.Dataset:
        parts, shown = self.ground.parts, [self.found[self.splits[0], m] for m in models]
        assert self.shown is not None
        readings = parts.sums(self.shown.readings)
        total = readings[0, 0] + sum(parts.sums(one.water)[0, 0] for one in shown)
        x = _range(total)
        shape = readings.shape[:2]

        def each(counts: np.ndarray, of) -> np.ndarray:
            return np.stack([of(c, x) for c in counts.reshape(-1, CENTERS.size)]).reshape(
                *shape, x.size
            )

        of_model = ("model", "group", "layer")
        density = [each(parts.sums(one.water), pooled_density) for one in shown]
        belts = np.stack([_histogram(parts.sums(one.belt)) for one in shown])
        most = max(range(len(shown)), key=lambda k: shown[k].belt_obs.sum())
        width = 0.5 * (WIDTH_EDGES[1:] + WIDTH_EDGES[:-1])
        unit = {"units": "m-3 m3"}
        data: dict[str, Any] = {
            "density_model": ((*of_model, "x"), np.stack(density), unit),
            "density_obs": (("group", "layer", "x"), each(readings, kernel_density), unit),
            "belt_density_model": ((*of_model, "width"), belts, unit),
            "belt_density_obs": (
                ("group", "layer", "width"),
                _histogram(parts.sums(shown[most].belt_obs)),
                unit,
            ),
        }
        if self.ground.truth is not None:
            water, belts = (parts.sums(counts) for counts in self._true_counts())
            data["density_truth"] = (("group", "layer", "x"), each(water, pooled_density), unit)
            data["belt_density_truth"] = (("group", "layer", "width"), _histogram(belts), unit)
        coords = self._coords(models)
        coords["x"] = ("x", x, {"units": "m3 m-3"})
        coords["width"] = ("width", width, {"units": "m3 m-3"})
        return xr.Dataset(data, coords)

    def _true_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return counted quantiles and widths (place, depth, bin) of the truth as shown."""
        ground, tested = self.ground, self._shown_tested
        assert tested is not None
        shape = ground.obs.shape[:2]
        water, belts = np.zeros((*shape, CENTERS.size)), np.zeros((*shape, WIDTH_EDGES.size - 1))
        for p, d in zip(*np.nonzero(tested.cell.any(axis=2)), strict=True):
            true = ground.true_quantiles(int(p), tested.cell[p])[d][tested.cell[p, d]]
            water[p, d] = binned(true[:, :N_MID])
            belts[p, d] = np.histogram(true[:, N_MID + 1] - true[:, N_MID], WIDTH_EDGES)[0]
        return water, belts

    def _spread(self, models: Sequence[str]) -> xr.Dataset:
        parts, shown = self.ground.parts, [self.found[self.splits[0], m] for m in models]

        def means(one: Scored, name: str) -> np.ndarray:
            shape = (*self.ground.obs.shape[:2], WATER_EDGES.size - 1)
            total, n = one.spread.get(name, (np.zeros(shape), np.zeros(shape)))
            total, n = parts.sums(total), parts.sums(n)
            return np.where(n >= _LEAST_CELLS, total / np.maximum(n, 1), np.nan)

        most = max(shown, key=lambda one: one.belt_obs.sum())
        dims, unit = ("group", "layer", "bin"), {"units": "m3 m-3"}
        data: dict[str, Any] = {
            "water": (dims, means(most, "water"), unit),
            "spread_obs": (dims, means(most, "obs"), unit),
            "spread_model": (
                ("model", *dims),
                np.stack([means(one, "model") for one in shown]),
                unit,
            ),
        }
        if self.ground.truth is not None:
            data["spread_truth"] = (dims, means(most, "truth"), unit)
        middle = 0.5 * (WATER_EDGES[1:] + WATER_EDGES[:-1])
        return xr.Dataset(
            data,
            self._coords(models) | {"bin": ("bin", middle, unit)},
            {"spread": "80th minus 20th percentile, sensor noise added to the readings"},
        )

    def _months(self, models: Sequence[str]) -> xr.Dataset:
        ground, tested = self.ground, self._shown_tested
        assert tested is not None
        share = [_by_month(ground, *self.found[self.splits[0], m].modal) for m in models]
        multimodal = np.stack(share, axis=1)
        unit = {"units": "1"}
        data: dict[str, Any] = {"multimodal": (("month", "model", "group"), multimodal, unit)}
        for name, values in drivers(ground, self.settings.rainy_day).items():
            units = "1" if name == "rainy_days" else self.network[name].attrs.get("units", "")
            data[name] = (("month", "group"), values, {"units": units})
        for end, which in (("most", np.nanargmax), ("least", np.nanargmin)):
            data[f"{end}_multimodal"] = (("model", "group"), _extreme(multimodal, which))
        if ground.truth is not None:
            true = _by_month(ground, *self._true_modes(tested))
            data["truth_multimodal"] = (("month", "group"), true, unit)
            for end, which in (("most", np.nanargmax), ("least", np.nanargmin)):
                data[f"truth_{end}_multimodal"] = (("group",), _extreme(true, which))
        coords = {"month": np.arange(1, 13), **self._coords(models, layer=False)}
        return xr.Dataset(
            data, coords, {"rainy_day": f"at least {self.settings.rainy_day:g} mm a day"}
        )

    def _true_modes(self, tested: HeldOut) -> tuple[np.ndarray, np.ndarray]:
        ground = self.ground
        counts = np.zeros((2, *ground.obs.shape[:2], 12))
        for p, d in zip(*np.nonzero(tested.cell.any(axis=2)), strict=True):
            cell = tested.cell[p, d]
            modes = ground.true_modes(int(p), tested.cell[p])[d]
            for k, chosen in enumerate((cell & (modes > 1), cell)):
                counts[k, p, d] = np.bincount(ground.month[chosen], minlength=12)
        return counts[0], counts[1]


def _by_month(ground: Ground, some: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return shares (month, group) of counts (place, depth, month), all depths together."""
    some, n = ground.parts.sums(some)[:, 0], ground.parts.sums(n)[:, 0]
    return np.where(n > 0, some / np.maximum(n, 1), np.nan).T


def _extreme(share: np.ndarray, which) -> np.ndarray:
    """Return the month (from 1) of the most or the least (month, ...); 0 where there is none."""
    known = np.nanmax(np.where(np.isfinite(share), share, 0.0), axis=0) > 0
    return np.where(known, which(np.where(known, share, 0.0), axis=0) + 1, 0)


def _histogram(counts: np.ndarray) -> np.ndarray:
    total = counts.sum(axis=-1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.nan) / np.diff(WIDTH_EDGES)


def _range(counts: np.ndarray) -> np.ndarray:
    """Return 241 values that hold all but a ten-thousandth of the counted ones."""
    share = np.cumsum(counts) / max(counts.sum(), 1)
    low = CENTERS[np.searchsorted(share, 5e-5)]
    high = CENTERS[min(np.searchsorted(share, 1 - 5e-5), CENTERS.size - 1)]
    return np.linspace(np.floor(50 * low) / 50, np.ceil(50 * high) / 50, 241)

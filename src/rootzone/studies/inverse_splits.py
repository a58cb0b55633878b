"""What a study `inverse` holds out: sites, stations, climates, soils, years, or random days.

But for ``random_days``, the split of the poster, nothing that is tested has been seen: whole sites
with their weather are held out, or all days of the last years.
"""

from typing import NamedTuple

import numpy as np

from rootzone.config.inverse import InverseStudy, Split
from rootzone.core import StudyError
from rootzone.studies.inverse_data import Data
from rootzone.water.soil_classes import TEXTURE_CLASSES

NAMES: dict[str, str] = {
    "site": "unseen sites",
    "soil": "unseen texture classes",
    "climate": "unseen climates",
    "soil_and_climate": "unseen texture classes in unseen climates",
    "station": "unseen stations",
    "year": "unseen years of seen sites",
    "random_days": "random days of seen sites",
}
"""What is tested, in words."""


class Parts(NamedTuple):
    """Targets of training, validation and test, (site, day) each."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    def sites(self, part: str) -> np.ndarray:
        """Return the positions of the sites with days in a part."""
        return np.flatnonzero(getattr(self, part).any(axis=1))


def _codes(names: list[str], known: list[str], what: str) -> list[int]:
    found = [known.index(n) for n in names if n in known]
    if not found or len(found) == len(known):
        raise StudyError(
            f"evaluation.{what} holds out {', '.join(names)}, the scenarios have "
            f"{', '.join(known)}: some must stay to learn from, and some be held out"
        )
    return found


def parts_of(study: InverseStudy, split: Split, data: Data, climates: list[str]) -> Parts:
    """Return which days of which sites are learned from, validated on and tested.

    Parameters
    ----------
    study : InverseStudy
        Its evaluation.
    split : str
        Name of the split.
    data : Data
        The sites.
    climates : list of str
        Names of the codes of climates.

    Raises
    ------
    StudyError
        If a part would be empty.
    """
    rng = np.random.default_rng([study.seed, 77])
    e, shape = study.evaluation, (data.sites, data.days)
    none = np.zeros(shape, bool)
    if split in ("random_days", "year"):
        return _by_day(study, split, rng, none)
    order = rng.permutation(data.sites)
    share = study.training.share
    by_soil = np.isin(data.codes["soil_class"], [TEXTURE_CLASSES.index(name) for name in e.soils])
    if split == "site":
        out = np.isin(np.arange(data.sites), order[: max(1, round(e.share * data.sites))])
        kept = ~out
    elif split == "station":
        # Within every climate, the last of its stations.
        per = 1 + data.codes["station"].max() // len(climates)
        out = data.codes["station"] // len(climates) >= per - max(1, round(e.share * per))
        kept = ~out
    elif split == "soil":
        out, kept = by_soil, ~by_soil
    else:
        by_climate = np.isin(data.codes["climate"], _codes(e.climates, climates, "climates"))
        both = split == "soil_and_climate"
        out = by_soil & by_climate if both else by_climate
        kept = ~(by_soil | by_climate) if both else ~by_climate
    if not out.any() or kept.sum() < 2:
        raise StudyError(
            f"evaluation.splits: {split} holds out {int(out.sum())} of {data.sites} sites and "
            f"leaves {int(kept.sum())} to learn from: give more sites (scenarios.members)"
        )
    rest = order[kept[order]]
    valid = np.isin(np.arange(data.sites), rest[: max(1, round(share * len(rest)))])
    ready = np.arange(data.days) >= study.training.warm_up  # no memory to be judged by before
    full = lambda which: none | which[:, None]  # noqa: E731
    return Parts(full(kept & ~valid), full(valid) & ready, full(out) & ready)


def _by_day(study: InverseStudy, split: str, rng: np.random.Generator, none: np.ndarray) -> Parts:
    """Return parts of days, the same of every site."""
    days, t = none.shape[1], study.training
    chosen = np.zeros(days, bool)
    if split == "random_days":
        order = rng.permutation(days)
        tested = round(study.evaluation.random_share * days)
        chosen[order[:tested]] = True
        valid = np.zeros(days, bool)
        valid[order[tested : tested + max(1, round(t.share * days))]] = True
    else:
        years = max(1, round(study.evaluation.share * days / 365))
        chosen[days - 365 * years :] = True
        left = days - 365 * years
        valid = np.zeros(days, bool)
        valid[left - max(t.warm_up + 1, round(t.share * left)) : left] = True
    ready = np.arange(days) >= t.warm_up
    full = lambda which: none | which  # noqa: E731
    return Parts(full(~chosen & ~valid), full(valid & ready), full(chosen & ready))

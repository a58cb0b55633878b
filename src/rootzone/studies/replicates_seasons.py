"""What goes with the modes of a study `replicates`: rainy days, discharge, answers to rain."""

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.replicates_evaluation import Response
from rootzone.evaluate.response import (
    NO_RESPONSE,
    NON_SEQUENTIAL,
    SEQUENTIAL,
    RainRule,
    response_order,
)
from rootzone.studies.replicates_ground import Ground


def _over_places(ground: Ground, total: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return means (month, group) of sums and numbers (place, month)."""
    groups = ground.parts.groups
    member = np.array([[g in ("all", own) for own in ground.group] for g in groups], float)
    member[0] = 1.0
    total, n = member @ total, member @ n
    return np.where(n > 0, total / np.maximum(n, 1e-300), np.nan).T


def drivers(ground: Ground, rainy_day: float) -> dict[str, np.ndarray]:
    """Return the share of rainy days and the mean discharge (month, group), where known.

    A day counts where all its steps are recorded.
    """
    found = {}
    if ground.rain is not None:
        days, of_step = np.unique(ground.times.floor("D").to_numpy(), return_inverse=True)
        rain = ground.rain.T.astype(float)
        there = np.isfinite(rain)
        total, n = (np.zeros((days.size, rain.shape[1])) for _ in range(2))
        np.add.at(total, of_step, np.where(there, rain, 0.0))
        np.add.at(n, of_step, there)
        known = n >= round(ground.steps_per_day)
        rainy = known & (total >= rainy_day)
        month = pd.DatetimeIndex(days).month.to_numpy() - 1
        found["rainy_days"] = _over_places(ground, _months(rainy, month), _months(known, month))
    if ground.discharge is not None:
        flow = ground.discharge.T.astype(float)
        there = np.isfinite(flow)
        sums = _months(np.where(there, flow, 0.0), ground.month)
        found["discharge"] = _over_places(ground, sums, _months(there, ground.month))
    return found


def _months(values: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Return sums (place, month) of values (time, place)."""
    out = np.zeros((12, values.shape[1]))
    np.add.at(out, month, values)
    return out.T


def response_table(ground: Ground, settings: Response) -> xr.Dataset | None:
    """Return how the profiles answer rain (group, month), or None without rain or two depths.

    Events count once for each replicate profile that could be judged; the whole record is used.
    """
    if ground.rain is None or ground.depths.size < 2:
        return None
    steps = ground.steps_per_day / 24.0

    def length(hours: float, least: int) -> int:
        return max(round(hours * steps), least)

    rule = RainRule(
        amount=settings.amount,
        burst=length(settings.burst, 1),
        dry_spell=length(settings.dry_spell, 1),
        wet=settings.wet,
        rise=settings.rise,
        window=length(settings.window, 2),
    )
    downward = np.argsort(ground.depths)
    counts = np.zeros((3, len(ground.places), 12))
    for p in range(len(ground.places)):
        found = response_order(ground.obs[p][downward], ground.rain[p], rule)
        np.add.at(counts[:, p], (found.order, ground.month[found.step]), 1.0)
    events = counts.sum(axis=0)
    dims, data = ("group", "month"), {}
    of = {"sequential": SEQUENTIAL, "non_sequential": NON_SEQUENTIAL, "no_response": NO_RESPONSE}
    for name, order in of.items():
        data[name] = (dims, _over_places(ground, counts[order], events).T, {"units": "1"})
    member = _over_places(ground, events, np.ones_like(events)).T
    places = [len(ground.places), *(ground.group.count(g) for g in ground.parts.groups[1:])]
    data["events"] = (dims, np.round(member * np.array(places)[:, None]), {"units": "1"})
    burst, spell = rule.burst / steps, rule.dry_spell / steps
    return xr.Dataset(
        data,
        {"group": ground.parts.groups, "month": np.arange(1, 13)},
        {
            "rule": f"events of at least {rule.amount:g} mm in {burst:g} h after {spell:g} h "
            f"without rain; an answer is a rise by {rule.rise:g} m3 m-3 within "
            f"{rule.window / steps:g} h or until the next event; events count for each profile",
            "step_hours": 1 / steps,
        },
    )

"""A small made network of replicate sensors whose true distribution is known."""

import numpy as np
import pandas as pd
import xarray as xr

BIAS, NOISE = 0.012, 0.009
STD = float(np.hypot(BIAS, NOISE))


def make_network(
    *,
    places: int = 4,
    depths: int = 2,
    replicates: int = 3,
    days: int = 400,
    columns: int = 16,
    truth: bool = True,
    groups: int = 2,
    step_hours: float = 24.0,
) -> xr.Dataset:
    """Return a network (contract of the network dataset) of plots with two kinds of columns."""
    rng = np.random.default_rng(5)
    steps = round(days * 24 / step_hours)
    time = pd.date_range("2012-11-01", periods=steps, freq=f"{step_hours:g}h")
    day = time.day_of_year.to_numpy()
    season = np.cos(2 * np.pi * (day - 15) / 365.25)
    wet = rng.random((places, steps)) < 0.3 * step_hours / 24
    rain = np.where(wet, rng.gamma(0.8, 8.0, (places, steps)), 0.0)
    pet = (2.0 - 1.6 * season + 0.2 * rng.standard_normal((places, steps))) * step_hours / 24
    rate = 0.06 * step_hours / 24
    store = np.zeros((places, steps))
    for t in range(1, steps):
        store[:, t] = store[:, t - 1] * (1 - rate) + rain[:, t] - 0.3 * pet[:, t]
        store[:, t] = np.clip(store[:, t], 0.0, 120.0)
    wetness = store / 120.0
    level = 0.18 + 0.04 * np.arange(places)[:, None, None] / places
    base = level + 0.02 * np.arange(depths)[:, None] + 0.2 * wetness[:, None, :]
    # Stony and fine pockets, which part when it is wet: two modes in winter.
    kind = np.where(np.arange(columns) % 2 == 0, -0.5, 0.5) + 0.1 * rng.standard_normal(columns)
    gap = (0.10 * np.clip(season, 0, 1) + 0.01)[:, None] * kind
    true = base[:, :, None, :] + gap.T
    seen = true[:, :, :replicates] + BIAS * rng.standard_normal((places, depths, replicates, 1))
    obs = seen + NOISE * rng.standard_normal(seen.shape)
    obs[0, 0, -1, steps // 4 : steps // 3] = np.nan
    obs[1, :, :, : steps // 10] = np.nan
    cell = ("place", "depth", "time")
    data = {
        "soil_moisture": (("place", "depth", "replicate", "time"), obs.astype("f4")),
        "precipitation": (("place", "time"), rain.astype("f4"), {"role": "input"}),
        "potential_evapotranspiration": (("place", "time"), pet.astype("f4"), {"role": "input"}),
        "discharge": (
            ("place", "time"),
            store.astype("f4"),
            {"units": "mm", "role": "input"},
        ),
        "era5_land": (cell, (0.08 + base.mean(axis=0, keepdims=True) + 0 * base).astype("f4")),
    }
    attrs = {"step_hours": step_hours, "joined": "[]"}
    if truth:
        data["true_soil_moisture"] = (("place", "depth", "column", "time"), true.astype("f4"))
        attrs |= {"sensor_bias": BIAS, "sensor_noise": NOISE}
    coords = {
        "place": np.array([f"P{n}" for n in range(places)], dtype=object),
        "depth": [10.0, 30.0, 50.0][:depths],
        "replicate": list("ABC")[:replicates],
        "time": time,
        "group": (
            "place",
            np.array(["marl", "schist"][:groups], dtype=object)[
                np.arange(places) * groups // places
            ],
        ),
        "latitude": ("place", np.full(places, 49.7)),
        "longitude": ("place", np.full(places, 5.9)),
    }
    return xr.Dataset(data, coords, attrs)

"""Replicate sensors, a job of the size of Bischof et al. (2025): hours of training, extrapolated.

387 hourly sensors (43 places, 3 depths, 3 replicates), 11 million readings of which 60 % are
learned from, hidden size 64, 10 epochs, float32. Measured on a tenth of the places: seconds per
reading of whole sequences and of windows with one target at their end (128 h, the paper's way),
for the mixture of three Gaussians (replicates in one pass) and the network told the sensor; the
log-likelihood of both ways after equal time on the same held-out readings, and of whole sequences
after all epochs; ten seeds side by side against one. The series are leaking buckets with offsets
of the replicates.

``python benchmarks/replicates.py [--places 4] [--steps 28424] [--seconds 120] [--epochs 10]``
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from common import save
from rootzone import learn
from rootzone.config.replicates_models import ModelPart, Released
from rootzone.evaluate.splits import Fold, segments
from rootzone.learn.batches import batches_of
from rootzone.learn.steps import Fixed, frame_of, take_steps
from rootzone.studies import replicates_layout as layout
from rootzone.studies import replicates_train as training

PLACES, DEPTHS, REPLICATES, TARGETS = 43, 3, 3, 11e6
BLOCK = 2160  # h, 90 d
CLEAN = Released(double_softmax=False, density_floor=False, live_dropout=False)
SCORED = 20_000  # readings that are scored, at most


def buckets(places: int, steps: int, seed: int = 0) -> xr.Dataset:
    """Return a network of hourly sensors over leaking buckets, replicates with offsets."""
    rng = np.random.default_rng(seed)
    hour = np.arange(steps)
    storm = np.repeat(rng.random((places, -(-steps // 6))) < 0.06, 6, axis=1)[:, :steps]
    rain = rng.gamma(0.7, 1.5, storm.shape) * storm
    year = np.cos(2 * np.pi * (hour / 24 - 200) / 365.25)
    sun = np.maximum(np.sin(2 * np.pi * (hour % 24 - 6) / 24), 0)
    pet = (0.15 + 0.12 * year) * sun * rng.uniform(0.8, 1.2, (places, 1))
    temperature = 10 + 8 * year + 4 * sun + rng.normal(0, 1, (places, 1))
    sand, deep = rng.random((places, 1)), np.array([100.0, 300.0, 500.0])
    now = np.full((places, DEPTHS), 0.25)
    water = np.zeros((places, DEPTHS, steps), "f4")
    for t in range(steps):
        flow = (0.002 + 0.01 * sand) * np.maximum(now - 0.2, 0)
        gain = np.concatenate([rain[:, t, None], flow[:, :-1] * deep[:-1]], axis=1) / deep
        loss = 0.5 * pet[:, t, None] / deep * np.minimum(now / 0.25, 1)
        now = np.clip(now + gain - loss - flow, 0.04, 0.46)
        water[:, :, t] = now
    shape = (places, DEPTHS, REPLICATES, 1)
    offset, gain = 0.04 * rng.normal(size=shape), 1 + 0.15 * rng.normal(size=shape)
    readings = gain * water[:, :, None] + offset
    readings = readings + 0.005 * rng.normal(size=readings.shape)
    of = lambda role: {"role": role}  # noqa: E731
    return xr.Dataset(
        {
            "soil_moisture": (
                ("place", "depth", "replicate", "time"),
                readings.astype("f4"),
                of("target"),
            ),
            "precipitation": (("place", "time"), rain.astype("f4"), of("input")),
            "potential_evapotranspiration": (("place", "time"), pet.astype("f4"), of("input")),
            "temperature": (("place", "time"), temperature.astype("f4"), of("input")),
            "sand": (("place",), sand[:, 0].astype("f4"), of("attribute")),
        },
        coords={
            "place": np.array([f"p{k}" for k in range(places)], object),
            "depth": [10.0, 30.0, 50.0],
            "replicate": np.array(["A", "B", "C"], object),
            "time": pd.date_range("2012-01-01", periods=steps, freq="h"),
        },
        attrs={"step_hours": 1.0},
    )


class Job:
    """A model on the training part of a fold, that takes steps when asked."""

    def __init__(self, part: ModelPart, network: xr.Dataset, fold: Fold, seed: int = 0):
        settings = training.settings_of(part, network, fold)
        self.frame = layout.frame_of(settings, network, fold)
        data = layout.part_of(self.frame, network, fold, "train")
        assert data is not None
        self.model, self.preset = training.untrained(self.frame, data, seed)
        self.recipe = self.preset.recipe
        batches = batches_of(
            self.model, data, self.recipe.rule, complete_inputs=self.recipe.complete_inputs
        )
        self.targets = learn.n_targets(data, batches.windows)
        self.windows = batches.n_windows
        self.steps = -(-self.windows // self.recipe.batch)
        steps = jnp.asarray(float(self.steps))
        self.fixed = Fixed(frame_of(self.model), self.recipe, batches, jax.random.key(seed), steps)
        self.state = learn.start_state(self.model, self.recipe)
        self.order, self.taken, self.learned = np.random.default_rng(seed), 0, 0

    def take(self, steps: int) -> float:
        """Take steps; return their wall time [s]."""
        shape = (steps, self.model.members, self.recipe.batch)
        orders = self.order.integers(0, self.windows, shape, dtype="i4")
        begin = time.perf_counter()
        self.state = take_steps(self.fixed, orders, self.state)
        self.taken += steps
        done = np.full_like(self.state.epoch, self.taken // self.steps)
        self.state = self.state._replace(
            epoch=done, step=np.full_like(done, self.taken % self.steps)
        )
        return time.perf_counter() - begin

    def seconds_per_step(self, seconds: float) -> float:
        """Return the wall time of a step, from as many as fit into some seconds."""
        self.take(1)  # compiled
        total, n = 0.0, 0
        while total < seconds:
            total, n = total + self.take(2), n + 2
        return total / n

    def for_seconds(self, seconds: float) -> None:
        """Learn for some seconds."""
        total, first = 0.0, self.taken
        while total < seconds:
            total += self.take(max(1, min(20, self.steps // 10)))
        self.learned = self.taken - first

    def likelihood(self, network: xr.Dataset, fold: Fold, wanted: np.ndarray) -> float:
        """Return the mean log density of the wanted readings (place, depth, time)."""
        model = learn.finish(self.model, self.state, self.recipe._replace(keep_best=False))
        rows = layout.rows_of(self.frame, network, fold.places("valid"))
        data = layout.sequences_of(self.frame, network, rows, fold, "valid")
        paper = self.frame.settings.version == "paper"
        rule = self.recipe.rule if paper else learn.WindowRule(BLOCK, 0)
        score = lambda d, y: d.spread_out().log_prob(y)  # noqa: E731
        steps = np.stack([wanted[p, d] for p, d, _ in rows])
        found = learn.predict_windows(model, data, rule, score, with_target=True, wanted=steps)
        return float(np.nanmean(np.where(steps[..., None, None], found, np.nan)))


def wanted_of(fold: Fold, seed: int = 0) -> np.ndarray:
    """Return some steps (place, depth, time) of the validation part that every model answers."""
    block = fold.block[:, :, 0]
    far = np.zeros(block.shape, bool)
    far[..., 127:] = block[..., 127:] == block[..., :-127]
    there = np.flatnonzero(fold.valid[:, :, 0] & far)
    kept = np.random.default_rng(seed).permutation(there)[: SCORED // REPLICATES]
    wanted = np.zeros(block.shape, bool)
    wanted.reshape(-1)[kept] = True
    return wanted


def measured(name: str, network: xr.Dataset, fold: Fold, given) -> dict:
    """Return seconds and likelihoods of one model in both ways."""
    preset = {"3G": "gm_lstm", "cond": "cond_lstm"}[name]
    common = {"name": name, "preset": preset, "ensemble": 1, "hidden": given.hidden}
    short = {"window": min(720, given.block)}
    whole = ModelPart(**common, epochs=given.epochs, **short)
    single = ModelPart(**common, version="paper", released=CLEAN, epochs=given.epochs)
    wanted, full = wanted_of(fold), TARGETS * 0.6
    out = {}
    for way, part in (("whole sequences", whole), ("one target a window", single)):
        job = Job(part, network, fold)
        step = job.seconds_per_step(given.seconds / 4)
        per_target = step * job.steps / job.targets
        out[way] = {
            "targets": job.targets,
            "windows": job.windows,
            "seconds_per_step": step,
            "microseconds_per_target": 1e6 * per_target,
            "hours_of_the_full_job": per_target * full * given.epochs / 3600,
        }
        fresh = Job(part, network, fold)
        fresh.take(1)
        fresh.for_seconds(given.seconds)
        out[way]["equal_time"] = {
            "seconds": given.seconds,
            "epochs": fresh.learned / fresh.steps,
            "log_likelihood": fresh.likelihood(network, fold, wanted),
        }
        if way == "whole sequences":
            job = Job(part, network, fold)
            seconds = job.take(job.steps * given.epochs)
            found = job.likelihood(network, fold, wanted)
            out[way]["all_epochs"] = {"seconds": seconds, "log_likelihood": found}
    a, b = (out[w]["seconds_per_step"] for w in out)
    out["ratio_per_target"] = (
        out["one target a window"]["microseconds_per_target"]
        / out["whole sequences"]["microseconds_per_target"]
    )
    out["steps_per_second"] = [1 / a, 1 / b]
    return out


def seeds(network: xr.Dataset, fold: Fold, given) -> dict:
    """Return the time of a step of ten seeds side by side, and of one."""
    time_of = {}
    for members in (1, 10):
        part = ModelPart(
            name="3G", ensemble=members, hidden=given.hidden, window=min(720, given.block)
        )
        job = Job(part, network, fold)
        time_of[members] = job.seconds_per_step(given.seconds / 4)
    return {"one": time_of[1], "ten": time_of[10], "ratio": time_of[10] / time_of[1]}


def main() -> None:
    """Run all and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=4, help="places that are measured")
    parser.add_argument("--steps", type=int, default=round(TARGETS / 387), help="hours of a record")
    parser.add_argument("--block", type=int, default=BLOCK, help="hours of a segment")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each stretch")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--name", default="replicates", help="of the result")
    given = parser.parse_args()
    network = buckets(given.places, given.steps)
    present = np.isfinite(network["soil_moisture"].values)
    fold = segments(present, steps=given.block, seed=0, train_share=0.6, valid_share=0.2)
    rest = fold.train | fold.valid  # 60 % are learned from, the rest is held out
    fold = fold._replace(train=rest, valid=fold.test, test=np.zeros_like(fold.test))
    job = {"sensors": PLACES * DEPTHS * REPLICATES, "targets": TARGETS, "train_share": 0.6}
    measured_share = given.places / PLACES * given.steps / round(TARGETS / 387)
    save(
        given.name,
        {
            "job": job | {"epochs": given.epochs, "hidden": given.hidden},
            "measured_share": measured_share,
            "models": {name: measured(name, network, fold, given) for name in ("3G", "cond")},
            "seeds": seeds(network, fold, given),
        },
    )


if __name__ == "__main__":
    main()

"""Training of an LSTM: CPU seconds per million targets, ours and NeuralHydrology's.

Claims, hidden size 64, windows of 365 daily steps, float32, at equal validation score: at least
50 times fewer CPU seconds per target on whole sequences than NeuralHydrology's LSTM with one
target per window, and not slower by more than a third than with all 365 (``predict_last_n``).
The data are leaking two-layer buckets seen through noisy counts.

``python benchmarks/learn.py [--neuralhydrology PYTHON] [--seconds 60]``; PYTHON is the
interpreter of an environment with the package neuralhydrology.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LENGTH, HIDDEN, SCORED = 365, 64, 183
HERE = Path(__file__).resolve().parent


def buckets(series: int, days: int = 2190, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return standardized inputs (series, day, 5) and target (series, day, 1)."""
    rng = np.random.default_rng(seed)
    sand, depth = rng.random(series), rng.uniform(0.2, 0.6, series)
    day = np.arange(days)
    pet = np.maximum(0.2, 2.2 - 1.8 * np.cos(2 * np.pi * (day - 15) / 365.25))
    pet = pet + 0.3 * rng.normal(size=(series, days))
    rain = rng.gamma(0.6, 8.0, (series, days)) * (rng.random((series, days)) < 0.35)
    top, deep = np.full(series, 0.25), np.full(series, 0.25)
    water, counts = np.zeros((series, days)), np.zeros((series, days))
    pore = 0.38 + 0.1 * (1 - sand)
    for t in range(days):
        top = top + (rain[:, t] - 0.7 * pet[:, t] * top / pore) / 100
        flow = 0.25 * (0.5 + sand) * np.maximum(top - 0.6 * pore, 0)
        top = np.clip(top - flow, 0.02, pore)
        deep = deep + flow * 0.1 / depth - 0.3 * pet[:, t] * deep / pore / (1000 * depth)
        deep = np.clip(deep - 0.02 * sand * np.maximum(deep - 0.5 * pore, 0), 0.02, pore)
        water[:, t] = (0.1 * top + depth * deep) / (0.1 + depth)
        seen = 0.7 * top + 0.3 * deep
        counts[:, t] = 1000 * (0.372 + 0.0808 / (seen + 0.115)) / 1.07
    counts = counts + np.sqrt(counts * 24) / 24 * rng.normal(size=counts.shape)
    still = [np.broadcast_to(a[:, None], water.shape) for a in (sand, depth)]
    inputs = np.stack([counts, rain, pet, *still], axis=-1)
    inputs = (inputs - inputs.mean(axis=(0, 1))) / inputs.std(axis=(0, 1))
    target = (water - water.mean()) / water.std()
    return inputs.astype("f4"), target[..., None].astype("f4")


def validation_windows(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return windows of 365 days whose last 183 are scored, each day once."""
    starts = range(0, x.shape[1] - LENGTH + 1, SCORED)
    cut = lambda a: np.concatenate([a[:, t : t + LENGTH] for t in starts])  # noqa: E731
    return cut(x), cut(y)


def train_ours(job: dict, path: str) -> dict:
    """Train as a job says; return seconds, targets and the curve of validation scores."""
    import jax
    import jax.numpy as jnp

    from rootzone import learn
    from rootzone.learn.batches import batches_of
    from rootzone.learn.steps import Fixed, frame_of, take_steps

    data = np.load(path)
    training = learn.Sequences(data["x"], data["y"])
    held = learn.Sequences(data["valid_x"], data["valid_y"])
    names = learn.Names(tuple(f"x{i}" for i in range(5)), (), ("theta",))
    head = learn.Regression()

    def build(key: jax.Array) -> learn.Network:
        return learn.Network.start(
            learn.Direct(5),
            hidden=HIDDEN,
            targets=1,
            size=head.size,
            key=key,
            forget_bias=learn.spread_memories(HIDDEN),
        )

    model = learn.Model.start(build, head, training, names, seed=job["seed"])
    rule = learn.WindowRule(LENGTH, LENGTH - job["last"])
    recipe = learn.Recipe(
        rule,
        batch=job["batch"],
        micro=job.get("micro", 8),
        loss=learn.SquaredError(),
        schedule=learn.Constant(job["rate"]),
    )
    batches = batches_of(model, training, rule)
    fixed = Fixed(frame_of(model), recipe, batches, jax.random.key(0), jnp.asarray(1.0))
    state = learn.start_state(model, recipe)
    order = np.random.default_rng(job["seed"])

    def score() -> float:
        trained = learn.finish(model, state, recipe._replace(keep_best=False))
        mean = learn.predict(trained, held, lambda d: d.mean())
        error = (mean - data["valid_y"])[:, -SCORED:]
        return float(np.sqrt(np.mean(error**2)))

    def draw(steps: int) -> np.ndarray:
        return order.integers(0, batches.n_windows, (steps, 1, job["batch"]), dtype="i4")

    begin = time.process_time()
    take_steps(fixed, draw(1), state)
    compiled = time.process_time() - begin
    seconds, targets, curve = 0.0, 0, []
    while seconds < job["budget_s"]:
        steps = max(1, 16 * 64 // job["batch"]) if job["last"] > 1 else 4
        begin = time.process_time()
        state = take_steps(fixed, draw(steps), state)
        seconds += time.process_time() - begin
        targets += steps * job["batch"] * job["last"]
        if job["scored"] and (not curve or seconds > 1.15 * curve[-1][0] + 0.5):
            curve.append([seconds, targets, score()])
    if job["scored"]:
        curve.append([seconds, targets, score()])
    return {"seconds": seconds, "targets": targets, "curve": curve, "compile_s": compiled}


def in_process(job: dict, path: str, python: str | None = None) -> dict:
    """Return the result of a job in a process of its own."""
    words = json.dumps(job)
    if python:
        command = [python, str(HERE / "learn_neuralhydrology.py"), path, words]
    else:
        command = [sys.executable, str(HERE / "learn.py"), "--job", words, "--data", path]
    cores = sorted(os.sched_getaffinity(0))[: job["threads"]]
    flags = f"--xla_cpu_multi_thread_eigen={str(job['threads'] > 1).lower()}"
    found = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "XLA_FLAGS": flags, "OMP_NUM_THREADS": str(job["threads"])},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    result = json.loads(found.stdout.strip().splitlines()[-1])
    return {**job, **result, "s_per_million": 1e6 * result["seconds"] / result["targets"]}


def reached(curve: list, wanted: float) -> float | None:
    """Return the CPU seconds after which a validation score was reached, or nothing."""
    return next((seconds for seconds, _, value in curve if value <= wanted), None)


def main() -> None:
    """Run all jobs one after the other and write the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neuralhydrology", help="Python of an environment that has it")
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU time of a training")
    parser.add_argument("--series", type=int, default=100, help="sites; a fifth to validate")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(train_ours(json.loads(given.job), given.data)))
        return
    from common import save

    common = {"length": LENGTH, "hidden": HIDDEN, "threads": 1, "scored": SCORED, "seed": 0}
    common |= {"budget_s": given.seconds}
    whole = {**common, "last": LENGTH, "batch": 16, "rate": 3e-3}
    single = {**common, "last": 1, "batch": 256, "rate": 1e-3}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "buckets.npz")
        x, y = buckets(given.series)
        kept = max(1, given.series // 5)
        valid_x, valid_y = validation_windows(x[:kept], y[:kept])
        np.savez(path, x=x[kept:], y=y[kept:], valid_x=valid_x, valid_y=valid_y)
        runs = {
            "whole sequences": in_process(whole, path),
            "one target per window": in_process(single, path),
        }
        if given.neuralhydrology:
            python = given.neuralhydrology
            runs["NeuralHydrology, predict_last_n 365"] = in_process(whole, path, python)
            runs["NeuralHydrology, one target per window"] = in_process(single, path, python)
        sizes = []
        for threads in (1, 2):
            for batch in (16, 64, 256):
                job = {**whole, "batch": batch, "threads": threads, "scored": 0}
                job["budget_s"] = min(given.seconds, 15.0)
                sizes.append(in_process(job, path))
    # The score that every run reached.
    common_score = max(run["curve"][-1][2] for run in runs.values())
    for run in runs.values():
        run["seconds_to_common_score"] = reached(run["curve"], common_score)
    save("learn", {"common_score": common_score, "runs": runs, "sizes": sizes})


if __name__ == "__main__":
    main()

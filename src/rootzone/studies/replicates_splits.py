"""The splits of a study `replicates`: folds of the network of sensors."""

import numpy as np
import xarray as xr

from rootzone.config.replicates_evaluation import Evaluation, Split
from rootzone.core import DataError, StudyError
from rootzone.evaluate import splits
from rootzone.evaluate.splits import Fold

NAMES: dict[str, str] = {
    "segments": "random segments, common to the sensors of a place",
    "segments_per_sensor": "random segments of each sensor, as the released code",
    "place": "unseen places",
    "depth": "unseen depths",
    "group": "unseen groups",
    "chronological": "the end of the record",
}
"""What is tested, in words."""


def readings_of(network: xr.Dataset) -> np.ndarray:
    """Return the readings (place, depth, replicate, time) [m3 m-3], float32."""
    dims = ("place", "depth", "replicate", "time")
    return np.asarray(network["soil_moisture"].transpose(*dims).values, "f4")


def block_steps(evaluation: Evaluation, network: xr.Dataset) -> int:
    """Return the length of the random segments in steps of the network."""
    return max(1, round(24.0 * evaluation.block_days / float(network.attrs["step_hours"])))


def folds_of(split: Split, network: xr.Dataset, evaluation: Evaluation, seed: int) -> list[Fold]:
    """Return the folds of a split.

    Parameters
    ----------
    split : str
        One of `evaluation.splits`.
    network : xarray.Dataset
        The network of sensors.
    evaluation : Evaluation
        Lengths and shares.
    seed : int
        Randomness of what is drawn.

    Raises
    ------
    StudyError
        If the network does not allow the split: too short, one depth or group only, no reading
        left to learn from or to test.
    """
    present = np.isfinite(readings_of(network))
    e, valid = evaluation, evaluation.valid_share
    groups = network["group"].values.astype(str)
    steps = block_steps(e, network)
    try:
        match split:
            case "segments" | "segments_per_sensor":
                draw = splits.segments if split == "segments" else splits.segments_per_sensor
                shares = {"train_share": e.train_share, "valid_share": valid}
                return [draw(present, steps=steps, seed=seed, **shares)]
            case "chronological":
                return [splits.chronological(present, train_share=e.train_share, valid_share=valid)]
            case "place":
                return splits.places(
                    present, folds=e.folds, seed=seed, groups=groups, valid_share=valid
                )
            case "depth":
                return splits.depth_out(
                    present, network["depth"].values, seed=seed, valid_share=valid
                )
            case "group":
                return splits.group_out(present, groups, seed=seed, valid_share=valid)
    except DataError as error:
        raise StudyError(f"evaluation.splits: {split}: {error}") from None

"""Searches for parameters: each asks for batches, tells what it evaluated, and can go on later."""

from rootzone.calibrate.searches.common import (
    Evaluate,
    Evaluated,
    Replay,
    ValueAndGradient,
)
from rootzone.calibrate.searches.curves import best_so_far, expected_best
from rootzone.calibrate.searches.dds import dds
from rootzone.calibrate.searches.gradient import ascend
from rootzone.calibrate.searches.sampling import Sampled, nuts
from rootzone.calibrate.searches.sce import sce_ua
from rootzone.calibrate.searches.smoother import Assimilation, es_mda

__all__ = [
    "Assimilation",
    "Evaluate",
    "Evaluated",
    "Replay",
    "Sampled",
    "ValueAndGradient",
    "ascend",
    "best_so_far",
    "dds",
    "es_mda",
    "expected_best",
    "nuts",
    "sce_ua",
]

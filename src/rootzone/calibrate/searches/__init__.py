"""Searches for parameters: each asks for batches, tells what it evaluated, and can go on later."""

from rootzone.calibrate.searches.common import (
    Evaluate,
    Evaluated,
    Replay,
    ValueAndGradient,
)
from rootzone.calibrate.searches.curves import best_so_far, expected_best
from rootzone.calibrate.searches.dds import dds, first_of_chain
from rootzone.calibrate.searches.gradient import ascend, steps_of_starts
from rootzone.calibrate.searches.sampling import Sampled, nuts
from rootzone.calibrate.searches.sce import first_of_complexes, sce_ua
from rootzone.calibrate.searches.smoother import Assimilation, es_mda, require_members

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
    "first_of_chain",
    "first_of_complexes",
    "nuts",
    "require_members",
    "sce_ua",
    "steps_of_starts",
]

"""Learning from many series: windows, an LSTM, distributions as answers, training, baselines.

Arrays only: nothing here opens a file. A network answers with a distribution for every target at
every step; members trained side by side answer as one mixture.
"""

from rootzone.learn.baselines import Climatology, Linear, Persistence
from rootzone.learn.conformal import IntervalCorrection, Recalibration, coverage_table
from rootzone.learn.distributions import Affine, Bounded, Distribution, Transformed
from rootzone.learn.effects import (
    EffectMixture,
    SensorLikelihood,
    joint_log_prob,
    known_sensor,
)
from rootzone.learn.exchange import arrays_of, fill, model_from_arrays, model_to_arrays
from rootzone.learn.finetune import everything, readout_only, with_spread
from rootzone.learn.heads import (
    AsymmetricLaplaceMixture,
    Gaussian,
    GaussianMixture,
    Head,
    Regression,
    SensorEffect,
)
from rootzone.learn.losses import (
    Crps,
    Loss,
    NegativeLogLikelihood,
    ReleasedLikelihood,
    SquaredError,
)
from rootzone.learn.lstm import Lstm, lstm_scan, spread_memories
from rootzone.learn.mixtures import LaplaceMixture, Mixture, NormalMixture, combine, pool
from rootzone.learn.model import Model, Names
from rootzone.learn.network import Direct, Embedding, MaskedMean, Network
from rootzone.learn.predict import predict, predict_chunks, predict_windows, summary
from rootzone.learn.presets import Preset, inverse, replicates_corrected, replicates_paper
from rootzone.learn.recipe import Recipe, Status, TrainState, start_state
from rootzone.learn.scaling import Scaling, Standard
from rootzone.learn.schedules import Constant, Cosine, Schedule, StepDecay
from rootzone.learn.sequences import Sequences
from rootzone.learn.train import Progress, finish, told, train
from rootzone.learn.windows import NoWindowError, WindowRule, Windows, cut, n_targets

__all__ = [
    "Affine",
    "AsymmetricLaplaceMixture",
    "Bounded",
    "Climatology",
    "Constant",
    "Cosine",
    "Crps",
    "Direct",
    "Distribution",
    "EffectMixture",
    "Embedding",
    "Gaussian",
    "GaussianMixture",
    "Head",
    "IntervalCorrection",
    "LaplaceMixture",
    "Linear",
    "Loss",
    "Lstm",
    "MaskedMean",
    "Mixture",
    "Model",
    "Names",
    "NegativeLogLikelihood",
    "Network",
    "NoWindowError",
    "NormalMixture",
    "Persistence",
    "Preset",
    "Progress",
    "Recalibration",
    "Recipe",
    "Regression",
    "ReleasedLikelihood",
    "Scaling",
    "Schedule",
    "SensorEffect",
    "SensorLikelihood",
    "Sequences",
    "SquaredError",
    "Standard",
    "Status",
    "StepDecay",
    "TrainState",
    "Transformed",
    "WindowRule",
    "Windows",
    "arrays_of",
    "combine",
    "coverage_table",
    "cut",
    "everything",
    "fill",
    "finish",
    "inverse",
    "joint_log_prob",
    "known_sensor",
    "lstm_scan",
    "model_from_arrays",
    "model_to_arrays",
    "n_targets",
    "pool",
    "predict",
    "predict_chunks",
    "predict_windows",
    "readout_only",
    "replicates_corrected",
    "replicates_paper",
    "spread_memories",
    "start_state",
    "summary",
    "told",
    "train",
    "with_spread",
]

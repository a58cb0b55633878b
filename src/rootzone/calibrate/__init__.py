"""From counts back to parameters: spaces, samples, objectives, ensembles, searches.

Nothing here opens a file: arrays come in, arrays and numbered parts of ensembles go out.
"""

from rootzone.calibrate.samplers import latin_hypercube, sobol
from rootzone.calibrate.space import Space

__all__ = ["Space", "latin_hypercube", "sobol"]

"""The space that a calibration searches: names, bounds and defaults of its parameters."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from rootzone.core.errors import StudyError, nearest


@dataclass(frozen=True)
class Space:
    """Searched parameters with their bounds, all independent and uniform between them.

    Attributes
    ----------
    names : tuple of str
        In the order of the vectors.
    lower, upper : array (parameter)
        Bounds.
    default : array (parameter)
        Values of the model before any calibration; they may lie on or beyond a bound.
    units : tuple of str
        Units of the parameters.

    Raises
    ------
    StudyError
        If there is no parameter, or one has no room between its bounds.

    Examples
    --------
    >>> space = Space(("a", "b"), np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([1.0, 1.0]))
    >>> space.from_unit([0.5, 0.25]).tolist()
    [1.0, 1.5]
    >>> space.to_unit([1.0, 1.5]).tolist()
    [0.5, 0.25]
    """

    names: tuple[str, ...]
    lower: np.ndarray
    upper: np.ndarray
    default: np.ndarray
    units: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the bounds."""
        if not self.names:
            raise StudyError("no parameter is searched: at least one is wanted")
        for name in ("lower", "upper", "default"):
            values = np.asarray(getattr(self, name), dtype=float)
            if values.shape != (len(self.names),):
                raise ValueError(f"{name} of shape {values.shape}, {len(self.names)} names")
            object.__setattr__(self, name, values)
        for name, low, high in zip(self.names, self.lower, self.upper, strict=True):
            if not (np.isfinite(low) and np.isfinite(high)):
                raise StudyError(
                    f"parameter '{name}' has the bounds {low:g} to {high:g}: finite ones are wanted"
                )
            if low == high:
                raise StudyError(
                    f"parameter '{name}' is searched but its bounds are both {low:g}: give it "
                    "other bounds, or leave it out of the search"
                )
            if low > high:
                raise StudyError(
                    f"parameter '{name}' has the bounds {low:g} to {high:g}: the lower is above"
                )

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self.names)

    def from_unit(self, unit: ArrayLike) -> np.ndarray:
        """Return values (..., parameter) of positions between 0 (lower) and 1 (upper)."""
        return self.lower + np.asarray(unit, float) * (self.upper - self.lower)

    def to_unit(self, values: ArrayLike) -> np.ndarray:
        """Return positions (..., parameter) between 0 (lower) and 1 (upper)."""
        return (np.asarray(values, float) - self.lower) / (self.upper - self.lower)

    def inside(self, values: ArrayLike) -> np.ndarray:
        """Return which vectors (...) lie within the bounds."""
        values = np.asarray(values, float)
        return np.all((values >= self.lower) & (values <= self.upper), axis=-1)

    def position(self, name: str) -> int:
        """Return the place of a parameter in the vectors.

        Raises
        ------
        StudyError
            If it is not searched.
        """
        if name not in self.names:
            raise StudyError(f"parameter '{name}' is not searched{nearest(name, self.names)}")
        return self.names.index(name)

    def some(self, names: tuple[str, ...]) -> Self:
        """Return the space of some of the parameters, in this order."""
        at = [self.position(name) for name in names]
        units = tuple(self.units[i] for i in at) if self.units else ()
        return type(self)(names, self.lower[at], self.upper[at], self.default[at], units)

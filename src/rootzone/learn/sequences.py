"""What a network learns from: many series of inputs and targets, as plain arrays."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rootzone.core.errors import DataError


class Sequences(NamedTuple):
    """Series of one common length; shorter ones are filled up with NaN.

    Attributes
    ----------
    inputs : array (series, time, input)
        Inputs that change, in their own units; NaN where missing.
    target : array (series, time, target) or (series, time, target, replicate)
        What is to be learned; NaN in gaps. Replicates share the pass through the network.
    static : array (series, attribute), optional
        Attributes that stay; NaN where missing.
    upper : array (series, target), optional
        Upper bound of each target (porosity), for bounded targets.
    block : int array (series, time), optional
        Number of the block that a time belongs to; no window crosses from one to another, and
        blocks below zero are left out. Without it a series is one block.
    """

    inputs: np.ndarray
    target: np.ndarray
    static: np.ndarray | None = None
    upper: np.ndarray | None = None
    block: np.ndarray | None = None

    @property
    def replicated_target(self) -> np.ndarray:
        """Return the target with a replicate axis."""
        return self.target if self.target.ndim == 4 else self.target[..., None]

    @property
    def used(self) -> np.ndarray:
        """Return where times belong to a block that takes part (series, time)."""
        if self.block is None:
            return np.ones(self.inputs.shape[:2], bool)
        return np.asarray(self.block) >= 0

    def checked(self) -> "Sequences":
        """Return the same as float32 arrays.

        Raises
        ------
        DataError
            If the shapes do not fit together, or no target lies in a block that takes part.
        """
        inputs, target = np.asarray(self.inputs, "f4"), np.asarray(self.target, "f4")
        if inputs.ndim != 3 or target.ndim not in (3, 4) or inputs.shape[:2] != target.shape[:2]:
            raise DataError(
                f"inputs have shape {inputs.shape} and target {target.shape}; wanted (series, "
                "time, input) and (series, time, target[, replicate])"
            )
        static = None if self.static is None else np.asarray(self.static, "f4")
        upper = None if self.upper is None else np.asarray(self.upper, "f4")
        n_series = inputs.shape[0]
        for name, part, width in (("static", static, None), ("upper", upper, target.shape[2])):
            if part is not None and (
                part.ndim != 2 or len(part) != n_series or width not in (None, part.shape[1])
            ):
                raise DataError(
                    f"'{name}' has shape {part.shape}; wanted one row for each of the {n_series} "
                    "series" + (f" with {width} columns" if width else "")
                )
        block = None if self.block is None else np.asarray(self.block, "i4")
        if block is not None and block.shape != inputs.shape[:2]:
            raise DataError(f"'block' has shape {block.shape}; wanted {inputs.shape[:2]}")
        if np.isinf(inputs).any() or np.isinf(target).any():
            raise DataError("inputs or targets hold infinite values; set missing values to NaN")
        return Sequences(inputs, target, static, upper, block)

    @classmethod
    def to_ask(
        cls,
        inputs: np.ndarray,
        targets: int,
        *,
        static: np.ndarray | None = None,
        upper: np.ndarray | None = None,
    ) -> "Sequences":
        """Return series (series, time, input) whose targets are not known, to ask a model."""
        nothing = np.full((*inputs.shape[:2], targets), np.nan, "f4")
        return cls(np.asarray(inputs), nothing, static, upper)

    @classmethod
    def join(cls, parts: "Iterable[Sequences]") -> "Sequences":
        """Return the series of several, one below the other."""
        columns = zip(*parts, strict=True)
        return cls(*(None if c[0] is None else np.concatenate(c) for c in columns))  # pyright: ignore[reportArgumentType]

    def select(self, series: np.ndarray) -> "Sequences":
        """Return some of the series."""
        pick = lambda part: None if part is None else np.asarray(part)[series]  # noqa: E731
        return Sequences(
            self.inputs[series],
            self.target[series],
            pick(self.static),
            pick(self.upper),
            pick(self.block),
        )

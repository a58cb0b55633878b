"""What is read off the cells of a catchment: values at places, for many parameter sets.

A place is where something was observed: a cell, a stretch of a railway, a sensor. Its simulated
value is a weighted mean over cells (and horizons). Only cells that some place reads are run::

    readings = (Reading.of_cells("neutrons", cells=29),)
    simulator = Simulator.of(catchment, readings, first_day=1826)
    for part in simulator.parts(values):
        part.members, part.values["neutrons"]          # (member, day, place)
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from rootzone.simulate.catchment import CHUNK, run_members
from rootzone.simulate.catchment_columns import Catchment
from rootzone.simulate.catchment_devices import Device
from rootzone.simulate.catchment_tiles import member_tiles


class Reading(NamedTuple):
    """One variable at places.

    Attributes
    ----------
    output : str
        Output of the cells, ``neutrons`` or a name in ``rootzone.water.cell.OUTPUTS``.
    weights : array (place, cell) or (place, horizon, cell)
        Shares of the cells, and of their horizons, in the value of a place.
    """

    output: str
    weights: np.ndarray

    @classmethod
    def of_cells(cls, output: str, cells: int, horizon_weights: np.ndarray | None = None) -> Self:
        """Return the reading of every cell by itself, horizons (horizon) weighted if there are."""
        every = np.eye(cells)
        if horizon_weights is None:
            return cls(output, every)
        return cls(output, every[:, None, :] * np.asarray(horizon_weights)[None, :, None])

    def at_places(self, daily: np.ndarray) -> np.ndarray:
        """Return values (member, day, place) of daily outputs (member, day, [horizon,] cell)."""
        flat = self.weights.reshape(len(self.weights), -1)
        found = daily.reshape(*daily.shape[:2], -1) @ flat.T.astype(daily.dtype)
        return np.asarray(found)


class Part(NamedTuple):
    """Values at places of some members; ``values[name]`` is (member, day, place)."""

    number: int
    members: np.ndarray
    values: dict[str, np.ndarray]


class Simulator(NamedTuple):
    """A catchment, and what is read off it.

    Attributes
    ----------
    catchment : Catchment
        Of the cells that are read.
    readings : dict of Reading
        By the name of the variable, over the cells of the catchment.
    first_day : int
        First day that is read; the days before it warm up.
    chunk : int
        Columns that a device computes together.
    dtype : dtype, optional
        Precision of the run.
    """

    catchment: Catchment
    readings: dict[str, Reading]
    first_day: int = 0
    chunk: int = CHUNK
    dtype: Any = None

    @classmethod
    def of(
        cls,
        catchment: Catchment,
        readings: dict[str, Reading],
        *,
        first_day: int = 0,
        chunk: int = CHUNK,
        dtype: Any = None,
    ) -> Self:
        """Return a simulator of the cells of the catchment that some place reads."""
        used = np.zeros(catchment.cells, bool)
        for reading in readings.values():
            weights = np.abs(reading.weights)
            used |= weights.reshape(-1, catchment.cells).sum(axis=0) > 0
        index = np.flatnonzero(used)
        some = {
            name: reading._replace(weights=reading.weights[..., index])
            for name, reading in readings.items()
        }
        if len(index) < catchment.cells:
            catchment = catchment.of_cells(index)
        return cls(catchment, some, first_day, max(chunk, len(index)), dtype)

    def block(self, members: int) -> int:
        """Return how many members are computed together of so many."""
        return len(member_tiles(members, self.catchment.cells, self.chunk)[0].members)

    def parts(
        self,
        values: np.ndarray,
        *,
        done: Sequence[int] = (),
        devices: Sequence[Device] | None = None,
    ) -> Iterator[Part]:
        """Run parameter sets and yield them part by part in order.

        Parameters
        ----------
        values : array (member, parameter)
            All global parameters.
        done : sequence of int
            Numbers of parts that are left out.
        devices : sequence of Device, optional
            By default all local devices.
        """
        count = -(-len(values) // self.block(len(values)))
        known = set(done)
        wanted = [n for n in range(count) if n not in known]
        outputs = tuple(dict.fromkeys(r.output for r in self.readings.values()))
        found = run_members(
            self.catchment,
            values,
            outputs=tuple(o for o in outputs if o != "neutrons"),
            warming_days=self.first_day,
            chunk=self.chunk,
            dtype=self.dtype,
            done=done,
            devices=devices,
        )
        for number, part in zip(wanted, found, strict=True):
            yield Part(
                number,
                part.members,
                {n: r.at_places(part.daily[r.output]) for n, r in self.readings.items()},
            )

    def __call__(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Return values at places (member, day, place) of all members at once."""
        parts = list(self.parts(values))
        return {name: np.concatenate([p.values[name] for p in parts]) for name in self.readings}

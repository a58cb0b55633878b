"""What the days of a run need to know of the date."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np


class Calendar(NamedTuple):
    """Month, day of the year and scene of every day; arrays (day) of int.

    ``month`` (0 for January) and ``leaf_step`` pick monthly parameters, ``scene`` the land cover,
    ``scene_after`` the land cover of the day that follows (of the day itself at the end of the
    whole run). A part of a run takes a part of the calendar: ``calendar.days(0, 365)``.
    """

    month: jax.Array
    leaf_step: jax.Array
    day_of_year: jax.Array
    scene: jax.Array
    scene_after: jax.Array

    @classmethod
    def of(
        cls,
        start: str | np.datetime64,
        days: int,
        *,
        scene_of_year: Mapping[int, int] | None = None,
        leaf_step: Sequence[int] | np.ndarray | None = None,
    ) -> Self:
        """Return the calendar of consecutive days.

        Parameters
        ----------
        start : str or datetime64
            First day, for instance "1990-01-01".
        days : int
            Number of days.
        scene_of_year : mapping of int to int, optional
            Number of the land-cover scene of every year; scene 0 where left out.
        leaf_step : array (day) of int, optional
            Step of the leaf area; the month where left out.

        Raises
        ------
        ValueError
            If a year of the run has no scene, or ``leaf_step`` has another length.

        Examples
        --------
        >>> calendar = Calendar.of("1999-12-31", 2, scene_of_year={1999: 0, 2000: 1})
        >>> calendar.scene.tolist(), calendar.day_of_year.tolist()
        ([0, 1], [365, 1])
        """
        date = np.asarray(start, "datetime64[D]") + np.arange(days)
        year = date.astype("datetime64[Y]").astype(int) + 1970
        month = date.astype("datetime64[M]").astype(int) % 12
        day_of_year = (date - date.astype("datetime64[Y]")).astype(int) + 1
        if scene_of_year is None:
            scene = np.zeros(days, int)
        else:
            missing = sorted(set(year.tolist()) - set(scene_of_year))
            if missing:
                raise ValueError(
                    f"no land-cover scene for the year(s) {', '.join(map(str, missing))}: scenes "
                    "must cover the whole run, warm-up included"
                )
            scene = np.asarray([scene_of_year[y] for y in year.tolist()])
        leaf = month if leaf_step is None else np.asarray(leaf_step)
        if leaf.shape != (days,):
            raise ValueError(f"'leaf_step' wants one value per day ({days}), got {leaf.shape}")
        after = np.append(scene[1:], scene[-1:])
        integers = (np.asarray(x, np.int32) for x in (month, leaf, day_of_year, scene, after))
        return cls(*(jnp.asarray(x) for x in integers))

    def days(self, start: int, stop: int) -> Self:
        """Return the calendar of the days from ``start`` to before ``stop``."""
        return type(self)(*(x[start:stop] for x in self))

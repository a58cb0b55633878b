"""What all figures of the study `transect` share: colors of sections, means, limits, scores."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from rootzone.report.style import BLUE, GREEN, ORANGE, PURPLE, RED, SKY

RUNS = ("default", "calibrated")
DEFAULT_COLOR, TRUE_COLOR, RAIN_COLOR, OBSERVED_COLOR = "#4d4d4d", "#000000", "#8fb3d3", "#8a8a8a"
GAP_COLOR = "#cccccc"
DEFAULT_DASHES = (0, (4, 2))
_NAMED = {"dense forest": GREEN, "open forest": BLUE, "meadow": ORANGE, "shunting area": PURPLE}
# Okabe and Ito first, then Tol's muted palette: both told apart by color-blind readers.
_OTHERS = (RED, SKY, "#332288", "#999933", "#882255", "#117733", "#661100", "#AA4499")
_ALL = ("all", "joint")

Scores = Mapping[str, Mapping[str, Any]]


def section_names(dataset: xr.Dataset) -> list[str]:
    """Return the sections in the order of their first place."""
    return [str(name) for name in dict.fromkeys(dataset["section"].to_numpy().tolist())]


def section_colors(names: Iterable[str]) -> dict[str, str]:
    """Return a color for each of all sections, black for all together."""
    wanted = list(dict.fromkeys(names))
    own = {name: _NAMED[name] for name in wanted if name in _NAMED}
    free = [c for c in (*_OTHERS, *_NAMED.values()) if c not in own.values()]
    left = [name for name in wanted if name not in own and name not in _ALL]
    own |= {name: free[n % len(free)] for n, name in enumerate(left)}
    return own | {name: "#000000" for name in wanted if name in _ALL}


def shortened(text: str, limit: int) -> str:
    """Return a text that is no longer than a limit, its beginning and its end.

    >>> shortened("meadow", 10), shortened("meadow behind the northern yard", 15)
    ('meadow', 'meadow b…n yard')
    """
    if len(text) <= limit:
        return text
    head = limit // 2 + limit % 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


def mean_over(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return means over an axis of the values that are there, NaN where there is none."""
    known = np.isfinite(values)
    number = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def members(dataset: xr.Dataset, section: str) -> np.ndarray:
    """Return which places (place) belong to a section."""
    return dataset["section"].to_numpy().astype(str) == section


def calibration_end(line: xr.Dataset) -> np.datetime64 | None:
    """Return the last day with counts that are not scored, as they were calibrated on."""
    scored = line["scored"].to_numpy().astype(bool)
    known = np.isfinite(line["counts_observed"].to_numpy()).any(axis=1)
    early = np.flatnonzero(known & ~scored)
    if not early.size or not scored.any():
        return None
    return np.datetime64(str(line["time"].to_numpy().astype("datetime64[D]")[early[-1]]))


def section_mean(line: xr.Dataset, name: str, section: str) -> np.ndarray:
    """Return the mean (day) of a series over the places of a section."""
    return mean_over(line[name].to_numpy()[:, members(line, section)].astype(float))


def section_sigma(line: xr.Dataset, section: str) -> np.ndarray:
    """Return the standard deviation (day) of the observed section mean, errors independent."""
    at = members(line, section)
    sigma = line["counts_sigma"].to_numpy()[:, at].astype(float)
    sigma = np.where(np.isfinite(line["counts_observed"].to_numpy()[:, at]), sigma, np.nan)
    number = np.isfinite(sigma).sum(axis=1)
    square = np.where(np.isfinite(sigma), sigma, 0.0) ** 2
    return np.where(number > 0, np.sqrt(square.sum(axis=1)) / np.maximum(number, 1), np.nan)


def matched_mean(line: xr.Dataset, name: str, section: str) -> np.ndarray:
    """Return the mean (day) of simulated counts over those places that are observed and scored."""
    at = members(line, section)
    known = np.isfinite(line["counts_observed"].to_numpy()[:, at])
    known &= line["scored"].to_numpy().astype(bool)[:, None]
    return mean_over(np.where(known, line[name].to_numpy()[:, at].astype(float), np.nan))


class Stretch(NamedTuple):
    """Neighboring places of the same section: first, behind the last, name."""

    first: int
    end: int
    section: str


def stretches(names: Sequence[str]) -> list[Stretch]:
    """Return the stretches of equal names.

    >>> [tuple(s) for s in stretches(["a", "a", "b", "a"])]
    [(0, 2, 'a'), (2, 3, 'b'), (3, 4, 'a')]
    """
    starts = [n for n, name in enumerate(names) if n == 0 or name != names[n - 1]]
    ends = [*starts[1:], len(names)]
    return [Stretch(a, b, str(names[a])) for a, b in zip(starts, ends, strict=True)]


def limits(core: Iterable[np.ndarray], others: Iterable[np.ndarray] = ()) -> tuple[float, float]:
    """Return the limits of an axis that holds the core, and others that lie not too far away.

    Others that would take more than three quarters of what the core takes are left outside: a
    default that is off by several times the range of the observations would flatten them.
    """
    low, high = _ends(core)
    span = max(high - low, 1e-9 * max(abs(high), 1e-9))
    for other in others:
        far_low, far_high = _ends([other, np.array([low, high])])
        if max(low - far_low, far_high - high) <= 0.75 * span:
            low, high = far_low, far_high
    pad = 0.05 * max(high - low, span)
    return low - pad, high + pad


def _ends(parts: Iterable[np.ndarray]) -> tuple[float, float]:
    flat = np.concatenate([np.ravel(np.asarray(p, float)) for p in parts])
    flat = flat[np.isfinite(flat)]
    return (float(flat.min()), float(flat.max())) if flat.size else (0.0, 1.0)


def score(scores: Scores, run: str, of: str, group: str, name: str) -> float:
    """Return one score of a run, NaN where it is not known."""
    value = scores.get(f"{run}, {of}, {group}", {}).get(name)
    return float("nan") if value is None else float(value)


def number(value: float, form: str = "{:.2f}") -> str:
    """Return a score as text: short where it is very bad, a dash where there is none.

    >>> number(-131.16), number(float("nan")), number(-0.004), number(482.0, "{:+.1f}")
    ('−131', '-', '0.00', '+482')
    """
    if not np.isfinite(value):
        return "-"
    if abs(value) >= 99.5:
        form = "{:+.0f}" if "+" in form else "{:.0f}"
    text = form.format(value)
    if float(text) == 0.0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def both(scores: Scores, of: str, group: str, name: str) -> tuple[float, float]:
    """Return one score of the default parameters and of the calibrated ones."""
    before, after = (score(scores, run, of, group, name) for run in RUNS)
    return before, after


def change(pair: Sequence[float], form: str = "{:.2f}") -> str:
    """Return a score of the default parameters and of the calibrated ones as text."""
    if not np.isfinite(pair).any():
        return "-"
    return " → ".join(number(value, form) for value in pair)


def day_edges(time: np.ndarray) -> np.ndarray:
    """Return the edges of days, one more than there are."""
    return np.append(time, time[-1] + np.timedelta64(1, "D"))


def rain_from_above(axes: Axes, time: np.ndarray, rain: np.ndarray, *, share: float = 0.25) -> Axes:
    """Hang bars of precipitation from the top of a panel, and return their axis."""
    top = axes.twinx()
    known = np.where(np.isfinite(rain), rain, 0.0)
    high = max(float(known.max(initial=0.0)), 1.0)
    top.stairs(known, day_edges(time), fill=True, color=RAIN_COLOR, zorder=0)
    top.set_ylim(high / share, 0.0)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if high <= 2.0 * s or s == 500)
    top.set_yticks([0, step] if high >= step else [0])
    top.tick_params(axis="y", labelsize=7, colors="#55789a", length=2)
    top.grid(visible=False)
    axes.set_zorder(top.get_zorder() + 1)
    axes.patch.set_visible(False)
    return top


def columns_for(labels: Sequence[str], *, width: float = 9.0) -> int:
    """Return how many columns of a legend fit into the width of a figure [inch].

    >>> columns_for(["meadow", "forest"]), columns_for(["a name of twenty signs"] * 10)
    (2, 4)
    """
    one = 0.068 * max(len(text) for text in labels) + 0.62
    return max(1, min(len(labels), int(width / one)))


def room_above(axes: Axes, low: float, high: float, *, share: float = 0.27) -> None:
    """Set the limits of a panel so that the bars of precipitation find room at its top."""
    axes.set_ylim(low, high + (high - low) * share / (1.0 - share))


def mostly_inside(values: np.ndarray, low: float, high: float) -> bool:
    """Return whether four fifths of the values that are there lie within limits."""
    known = values[np.isfinite(values)]
    return bool(known.size) and float(np.mean((known >= low) & (known <= high))) >= 0.8


def tell_default(axes: Axes, default: np.ndarray, shown: np.ndarray, form: str) -> None:
    """Say where the default is that is too far away for a panel, clear of what is shown."""
    known = default[np.isfinite(default)]
    rest = shown[np.isfinite(shown)]
    if not known.size or not rest.size:
        return
    middle = float(np.median(rest))
    above = float(np.median(known)) > middle
    thirds = [np.append(part[np.isfinite(part)], middle) for part in np.array_split(shown, 3)]
    reach = [float(part.max()) if above else -float(part.min()) for part in thirds]
    third = int(np.argmin(reach))
    axes.annotate(
        f"default {'above' if above else 'below'}, mean {form.format(known.mean())}",
        ((0.012, 0.5, 0.988)[third], 0.7 if above else 0.04),
        xycoords="axes fraction",
        ha=("left", "center", "right")[third],
        va="top" if above else "bottom",
        fontsize=7.5,
        color=DEFAULT_COLOR,
        bbox={"boxstyle": "round,pad=0.15", "fc": "w", "ec": "none", "alpha": 0.8},
        zorder=5,
    )

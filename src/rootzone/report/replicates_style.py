"""What all figures and tables of the study `replicates` share: names, colors, what is known."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.lines import Line2D

from rootzone.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY

_NOISE = 0.02  # m3 m-3, as published
UNIT = "[m³ m⁻³]"
DENSITY_UNIT = "[(m³ m⁻³)⁻¹]"
ALL = "all"
OBSERVED_COLOR, TRUE_COLOR, ERA5_COLOR = "#8a8a8a", "#000000", "#8c510a"
REPLICATE_COLORS = (GREEN, ORANGE, PURPLE, SKY, RED, "#332288", "#999933", GREY)
GROUP_COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY, "#332288", "#999933", "#882255", "#117733")
MONTHS = ("J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N", "D")
BASELINES = ("annual_cycle", "era5_land", "era5_land_fitted", "persistence", "linear", "bucket")

# By the kind of a model; dashes and hollow points tell the version as published.
_NAMED = {
    "cond": BLUE,
    "3g": ORANGE,
    "pooled": GREEN,
    "cmal": PURPLE,
    "bounded": SKY,
    "sensor_effect": RED,
    "annual_cycle": GREY,
    "era5_land": ERA5_COLOR,
    "era5_land_fitted": "#bf812d",
    "persistence": "#b0b0b0",
    "linear": "#999933",
    "bucket": "#332288",
}
_OTHERS = ("#882255", "#117733", "#44AA99", "#661100", "#AA4499", "#6699CC", "#888888")
_PAPER_DASHES: Any = (0, (4, 1.6))


def words(dataset: xr.Dataset, attribute: str) -> dict[str, str]:
    """Return what keys are called, from an attribute that holds JSON; nothing if it is absent."""
    return {str(k): str(v) for k, v in json.loads(dataset.attrs.get(attribute, "{}")).items()}


def name_of(dataset: xr.Dataset, key: str, attribute: str = "model_names") -> str:
    """Return what a model (or a split) is called, its key where nobody named it."""
    return words(dataset, attribute).get(key, key.replace("_", " "))


def labels(dataset: xr.Dataset, dim: str) -> list[str]:
    """Return the labels of a dimension, an empty list where there is none."""
    return [str(v) for v in dataset[dim].to_numpy()] if dim in dataset.coords else []


def parts_of(dataset: xr.Dataset, dim: str) -> list[str]:
    """Return the groups or layers to draw: those beside "all", or "all" where it is the one."""
    own = [name for name in labels(dataset, dim) if name != ALL]
    return own if len(own) > 1 or ALL not in labels(dataset, dim) else [ALL]


def with_all(dataset: xr.Dataset, dim: str) -> list[str]:
    """Return "all" (if it is there) and the groups or layers to list."""
    own = parts_of(dataset, dim)
    return own if own == [ALL] or ALL not in labels(dataset, dim) else [ALL, *own]


def named_part(group: str, layer: str) -> str:
    """Return what to call the sensors of a group and a layer.

    >>> named_part("marl", "10 cm"), named_part("marl", "all"), named_part("all", "all")
    ('marl, 10 cm', 'marl', 'all sensors')
    """
    own = [part for part in (group, layer) if part != ALL]
    return ", ".join(own) if own else "all sensors"


def picked(
    dataset: xr.Dataset | None, name: str, order: Sequence[str] = (), **at: Any
) -> np.ndarray | None:
    """Return the values of a variable at some labels, None where nothing is known there.

    Parameters
    ----------
    dataset : Dataset or None
        Where to look.
    name : str
        The variable.
    order : sequence of str
        Order of the dimensions that are left, if there are several.
    at
        Labels by dimension; a dimension that the variable lacks says nothing about it.
    """
    if dataset is None or name not in dataset:
        return None
    variable = dataset.variables[name]
    dims, values = [str(d) for d in variable.dims], variable.values
    for dim, label in at.items():  # by hand: tables ask for thousands of numbers
        if dim not in dims:
            continue
        found = np.flatnonzero(dataset.variables[dim].values == label)
        if not found.size:
            return None
        values = values.take(found[0], axis=dims.index(dim))
        dims.remove(dim)
    if order:
        values = values.transpose([dims.index(dim) for dim in order if dim in dims])
    values = np.asarray(values, float)
    return None if np.isnan(values).all() else values


def noise_of(dataset: xr.Dataset) -> float:
    """Return the noise of a sensor that was added to its readings [m3 m-3]."""
    return float(dataset.attrs.get("noise", _NOISE))


def score(scores: xr.Dataset, name: str, **at: Any) -> float:
    """Return one score, NaN where it is not known."""
    value = picked(scores, name, **at)
    return float("nan") if value is None else float(value)


def known_models(dataset: xr.Dataset, name: str, **at: Any) -> list[str]:
    """Return the models for which a variable is known."""
    found = labels(dataset, "model")
    return [m for m in found if picked(dataset, name, model=m, **at) is not None]


def with_kinds(dataset: xr.Dataset, study: Mapping[str, Any]) -> xr.Dataset:
    """Return a dataset that knows the kinds of its models, and which of them figures prefer.

    Names of models are the user's own; a kind is a name of the colors below, with ``_paper``
    behind it for the version as published.
    """
    kinds = {str(m["name"]): _kind(m) for m in study.get("models", [])}
    wanted = list((study.get("report") or {}).get("models") or [])
    return dataset.assign_attrs(
        {"model_kinds": json.dumps(kinds), "drawn_models": json.dumps(wanted)}
    )


def _kind(model: Mapping[str, Any]) -> str:
    """Return the kind of a model of a study.

    >>> _kind({"preset": "gm_lstm", "version": "paper"}), _kind({"pool": ["a", "b"]})
    ('3g_paper', 'pooled')
    """
    if model.get("pool"):
        return "pooled"
    if model.get("bounded"):
        return "bounded"
    preset = str(model.get("preset", "gm_lstm"))
    kind = {"cond_lstm": "cond", "gm_lstm": "3g"}.get(preset, preset)
    return f"{kind}_paper" if model.get("version") == "paper" else kind


def kind_of(dataset: xr.Dataset, model: str) -> str:
    """Return the kind of a model, its own name where nothing else is known."""
    return words(dataset, "model_kinds").get(model, model)


def is_paper(dataset: xr.Dataset, model: str) -> bool:
    """Return whether a model is the version as published."""
    return kind_of(dataset, model).endswith("_paper")


def networks(models: Sequence[str]) -> list[str]:
    """Return the learned models among all.

    >>> networks(["3g_paper", "bucket", "mine"])
    ['3g_paper', 'mine']
    """
    return [m for m in models if m not in BASELINES]


def main_models(dataset: xr.Dataset, models: Sequence[str], most: int) -> list[str]:
    """Return the few models of a crowded figure, in the order of the run.

    Those that the study asks for come first, then the shown one, learned models that are not the
    version as published, those that are, baselines.
    """
    shown = dataset.attrs.get("shown_model")
    wanted = json.loads(dataset.attrs.get("drawn_models", "[]"))

    def rank(model: str) -> tuple[Any, ...]:
        asked = wanted.index(model) if model in wanted else len(wanted)
        return asked, model != shown, model in BASELINES, is_paper(dataset, model)

    few = sorted(models, key=rank)[:most]
    return [m for m in models if m in few]


def drawn_models(dataset: xr.Dataset, models: Sequence[str], most: int) -> list[str]:
    """Return the few models of a figure of distributions: learned ones, where there are any.

    What a baseline says of spread is one number, which flattens what the others say.
    """
    wanted = json.loads(dataset.attrs.get("drawn_models", "[]"))
    own = [m for m in models if m not in BASELINES or m in wanted]
    return main_models(dataset, own or models, most)


def shown_model(dataset: xr.Dataset, models: Sequence[str]) -> str:
    """Return the model that a figure of one model shows."""
    shown = str(dataset.attrs.get("shown_model", ""))
    return shown if shown in models else main_models(dataset, models, 1)[0]


def rivals(dataset: xr.Dataset, models: Sequence[str]) -> tuple[str, str] | None:
    """Return the model of one Gaussian and that of three to compare, corrected if there are such.

    Returns
    -------
    pair of str or None
        None where the two are not of the same version.
    """
    for ending in ("_corrected", "", "_paper"):
        pair = []
        for kind in ("cond", "3g"):
            found = [m for m in models if kind_of(dataset, m) == f"{kind}{ending}"]
            pair += found[:1]
        if len(pair) == 2:
            return pair[0], pair[1]
    return None


def _family(kind: str) -> str:
    for ending in ("_paper", "_corrected"):
        kind = kind.removesuffix(ending)
    return kind


def colors_of(dataset: xr.Dataset) -> dict[str, str]:
    """Return the colors of the models, the same for all datasets of a run.

    The color tells the kind of a model; two models of one kind have two colors, but for the
    versions as published and corrected.
    """
    models = list(dict.fromkeys([*words(dataset, "model_names"), *labels(dataset, "model")]))
    free = list(_OTHERS)
    given: dict[tuple[str, bool], str] = {}
    out = {}
    for model in models:
        kind = kind_of(dataset, model)
        key = (_family(kind), kind.endswith("_paper"))
        color = _NAMED.get(key[0])
        if color is None or key in given:
            color = free[0]
            free = [*free[1:], free[0]]
        given[key] = out[model] = color
    return out


def model_line(dataset: xr.Dataset, model: str, width: float = 1.4) -> dict[str, Any]:
    """Return how the line of a model is drawn; the version as published is dashed."""
    dashes = _PAPER_DASHES if is_paper(dataset, model) else "-"
    return {"color": colors_of(dataset)[model], "lw": width, "ls": dashes}


def model_point(dataset: xr.Dataset, model: str) -> dict[str, Any]:
    """Return how the point of a model is drawn; the version as published is hollow."""
    color = colors_of(dataset)[model]
    face = "w" if is_paper(dataset, model) else color
    return {"marker": "o", "ls": "", "mec": color, "mfc": face}


def group_colors(groups: Sequence[str]) -> dict[str, str]:
    """Return a color for each group."""
    return {g: GROUP_COLORS[n % len(GROUP_COLORS)] for n, g in enumerate(dict.fromkeys(groups))}


def number(value: float, form: str = "{:.2f}") -> str:
    """Return a number as text, a dash where there is none.

    >>> number(-0.004), number(float("nan")), number(-0.25, "{:+.1f}"), number(-float("inf"))
    ('0.00', '-', '−0.2', '−∞')
    """
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    if np.isnan(value):
        return "-"
    if abs(value) >= 99.5 and "," not in form:
        form = "{:+.0f}" if "+" in form else "{:.0f}"
    text = form.format(value)
    if float(text.replace(",", "")) == 0.0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def share(value: float, form: str = "{:.0f}") -> str:
    """Return a share as text [%].

    >>> share(0.805), share(float("nan"))
    ('80 %', '-')
    """
    return f"{form.format(100 * value)} %" if np.isfinite(value) else "-"


def batches(names: Sequence[Any], most: int) -> list[list[Any]]:
    """Return parts of nearly equal length, none longer than a limit, all in their order.

    >>> batches(["a", "b", "c"], 2)
    [['a', 'b'], ['c']]
    """
    count = max(1, -(-len(names) // most))
    ends = [round(n * len(names) / count) for n in range(count + 1)]
    return [list(names[a:b]) for a, b in itertools.pairwise(ends) if b > a]


def shortened(text: str, limit: int) -> str:
    """Return a text that is no longer than a limit.

    >>> shortened("marl", 10), shortened("sandstone of the south", 12)
    ('marl', 'sandstone o…')
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def hide_rest(grid: np.ndarray, used: int) -> None:
    """Hide the panels behind the used ones, and label the axis of those above them."""
    panels: list[Axes] = [*grid.ravel()]
    for n in range(used, len(panels)):
        panels[n].set_visible(False)
        panels[n - grid.shape[1]].tick_params(labelbottom=True)


def stacked(fig: Figure, heights: Sequence[float]) -> list[SubFigure]:
    """Return parts of a figure, one below the other, each with labels and a legend of its own."""
    parts = np.atleast_1d(np.asarray(fig.subfigures(len(heights), 1, height_ratios=list(heights))))
    return [*parts.ravel()]


def legend_above(fig: FigureBase, handles: Mapping[str, Any], *, width: float = 9.0) -> None:
    """Put one legend above all panels, in as many columns as fit the width [inch]."""
    if not handles:
        return
    each = [0.06 * len(text) + 0.55 for text in handles]
    columns = len(handles)
    while columns > 1 and _legend_width(each, columns) > width:
        columns -= 1
    fig.legend(
        list(handles.values()), list(handles), loc="outside upper center", ncols=columns, fontsize=8
    )


def _legend_width(each: Sequence[float], columns: int) -> float:
    """Return the width of a legend that is filled column by column, of its entries' widths."""
    rows, more = divmod(len(each), columns)
    ends = np.cumsum([0, *(rows + (n < more) for n in range(columns))])
    return sum(max(each[a:b]) for a, b in itertools.pairwise(ends) if b > a)


def model_handles(dataset: xr.Dataset, models: Sequence[str]) -> dict[str, Any]:
    """Return the handles of a legend by the names of the models."""
    return {name_of(dataset, m): Line2D([], [], **model_line(dataset, m, 1.7)) for m in models}

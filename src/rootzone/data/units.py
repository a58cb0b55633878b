"""Units at the door: what the file says becomes what the quantity wants."""

import re
from functools import cache
from typing import Any

import numpy as np

from rootzone.core import Quantity, UnitError, nearest

COUNT_WORDS = frozenset({"count", "counts"})
_WORDS = {
    "cph": "1/hour",
    "cpm": "1/minute",
    "cps": "1/second",
    "%": "percent",
    "vol%": "percent",
    "mbar": "hPa",
    "1": "dimensionless",
    "-": "dimensionless",
    "": "dimensionless",
    "degrees_north": "degree",
    "degrees_east": "degree",
    "degc": "degC",
    "celsius": "degC",
    "degf": "degF",
    "fahrenheit": "degF",
    "kelvin": "K",
}
# What people mix up, tried in this order when values cannot be what the study says.
_SUSPECTS = {
    "hPa": ("kPa", "Pa", "mmHg", "bar"),
    "m3 m-3": ("percent",),
    "g g-1": ("percent",),
    "%": ("dimensionless",),
    "degC": ("K", "degF"),
    "g cm-3": ("kg m-3",),
    "cm": ("m", "mm"),
}


@cache
def _registry() -> Any:
    import pint

    registry = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    return registry


@cache
def _parse(text: str) -> Any:
    """Return a pint unit for the spellings of the field: ``m3 m-3``, ``g m^-3``, ``cph``."""
    word = text.strip()
    word = _WORDS.get(word.lower(), _WORDS.get(word, word))
    word = re.sub(r"(?<=[A-Za-z])(\^|\*\*)?(-?\d+)", r"**\2", word)
    word = re.sub(r"\s+", "*", word.strip())
    return _registry().Unit(word)


def convert(values: np.ndarray, units: str, to: Quantity, where: str) -> np.ndarray:
    """Convert values from ``units`` to the unit of a quantity.

    Parameters
    ----------
    values : array
        Values in ``units``.
    units : str
        Unit as the study names it.
    to : Quantity
        The quantity wanted.
    where : str
        Key of the study, for the message.

    Raises
    ------
    UnitError
        If the unit is not known, does not convert, or if most of the values are impossible in
        it (with the unit in which they would be possible, where there is one).
    """
    try:
        source = _parse(units)
    except Exception:  # pint raises many kinds: any of them means that the text is no unit
        known = [to.unit, *_SUSPECTS.get(to.unit, ()), *_WORDS]
        raise UnitError(
            f"{where}: '{units}' is no known unit, wanted {to.unit} or what converts to it"
            f"{nearest(units, known)}"
        ) from None
    target = _parse(to.unit)
    if source.dimensionality != target.dimensionality:
        raise UnitError(f"{where}: '{units}' does not convert to {to.unit} ({to.long_name})")
    out = values if source == target else _magnitudes(values, source, target)
    _check_plausible(values, out, units, to, where)
    return out


def _magnitudes(values: np.ndarray, source: Any, target: Any) -> np.ndarray:
    return np.asarray(_registry().Quantity(values, source).to(target).magnitude)


def _share_inside(values: np.ndarray, q: Quantity) -> float:
    finite = values[np.isfinite(values)]
    return float(np.mean((finite >= q.bounds[0]) & (finite <= q.bounds[1]))) if finite.size else 1.0


def _check_plausible(
    raw: np.ndarray, converted: np.ndarray, units: str, q: Quantity, where: str
) -> None:
    finite = converted[np.isfinite(converted)]
    if not finite.size:
        return
    # A relative humidity between 0 and 1 % all the time is a fraction.
    fraction = q.unit == "%" and finite.size >= 24 and np.quantile(finite, 0.95) <= 1.05
    if _share_inside(converted, q) >= 0.5 and not fraction:
        return
    middle = float(np.median(raw[np.isfinite(raw)]))
    low, high = q.bounds
    hint = ""
    for suspect in _SUSPECTS.get(q.unit, ()):
        if (
            suspect != units
            and _share_inside(_magnitudes(raw, _parse(suspect), _parse(q.unit)), q) > 0.9
        ):
            hint = f"; they look like {suspect}: set units: {suspect}"
            break
    raise UnitError(
        f"{where}: values around {middle:g} {units} are impossible for {q.long_name}, wanted "
        f"{low:g} to {high:g} {q.unit}{hint}"
    )

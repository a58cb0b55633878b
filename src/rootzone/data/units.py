"""Units at the door: what the file says becomes what the quantity wants."""

import re
from functools import cache
from tokenize import TokenError
from typing import Any

import numpy as np

from rootzone.core import Quantity, UnitError, nearest

COUNT_WORDS = frozenset({"count", "counts", "cts", "pulses"})
_WORDS = {
    "cph": "1/hour",
    "cpm": "1/minute",
    "cps": "1/second",
    "%": "percent",
    "percent": "percent",
    "vol%": "percent",
    "vol.%": "percent",
    "vol.-%": "percent",
    "hpa": "hPa",
    "kpa": "kPa",
    "mbar": "hPa",
    "1": "dimensionless",
    "-": "dimensionless",
    "": "dimensionless",
    "degrees_north": "degree",
    "degrees_east": "degree",
    "degc": "degC",
    "°c": "degC",
    "celsius": "degC",
    "degf": "degF",
    "fahrenheit": "degF",
    "kelvin": "K",
}
_SIGNS = str.maketrans("²³⁻·", "23- ")
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
# Quantities of which values of 0 to 1 percent all the time are a fraction called percent.
_FRACTIONS = frozenset(
    {"relative_humidity", "in_situ_soil_moisture", "soil_moisture", "gravimetric_water"}
)
_UNIT_SIGNS = re.compile(r"[A-Za-z%°µΩ0-9 .*^/()_+-]{0,40}")


@cache
def _registry() -> Any:
    import pint

    registry = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    return registry


@cache
def _parse(text: str) -> Any:
    """Return a pint unit for the spellings of the field: ``m3 m-3``, ``g m^-3``, ``cph``.

    Raises
    ------
    ValueError
        If the text is no unit.
    """
    word = text.strip().translate(_SIGNS)
    word = _WORDS.get(word.lower().replace(" ", ""), word)
    if not _UNIT_SIGNS.fullmatch(word) or re.search(r"\d\s*(\^|\*\*)", word):
        raise ValueError(text)
    word = re.sub(r"\s+per\s+", "/", word)
    word = re.sub(r"(?<=[A-Za-z])(\^|\*\*)?(-?\d+)", r"**\2", word)
    word = re.sub(r"\s+", "*", word.strip())
    try:
        return _registry().Unit(word)
    # What pint's parser raises for text that is no unit.
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        TokenError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(text) from error


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
    except ValueError:
        known = [to.unit, *_SUSPECTS.get(to.unit, ()), *_WORDS]
        raise UnitError(
            f"{where}: '{units}' is no known unit, wanted {to.unit} or what converts to it"
            f"{nearest(units, known)}"
        ) from None
    target = _parse(to.unit)
    if source.dimensionality != target.dimensionality:
        words = "; counts per interval are units: count" if to.name == "count_rate_raw" else ""
        raise UnitError(f"{where}: '{units}' does not convert to {to.unit} ({to.long_name}){words}")
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
    percent = _parse(units) == _parse("percent")
    middle = float(np.median(raw[np.isfinite(raw)]))
    fraction = (
        q.name in _FRACTIONS
        and percent
        and finite.size >= 6
        and middle > 0.02
        and np.nanquantile(raw, 0.95) <= 1.05
    )
    if _share_inside(converted, q) >= 0.5 and not fraction:
        return
    low, high = q.bounds
    hint = "; they look like a fraction: set units: '1'" if fraction else _hint(raw, units, q)
    raise UnitError(
        f"{where}: values around {middle:g} {units} are impossible for {q.long_name}, wanted "
        f"{low:g} to {high:g} {q.unit}{hint}"
    )


def _hint(raw: np.ndarray, units: str, q: Quantity) -> str:
    """Return the unit in which the values would be possible, as a hint."""
    for suspect in (q.unit, *_SUSPECTS.get(q.unit, ())):
        if _parse(suspect) == _parse(units):
            continue
        if _share_inside(_magnitudes(raw, _parse(suspect), _parse(q.unit)), q) > 0.9:
            return f"; they look like {suspect}: set units: {suspect}"
    return ""


def suspicion(values: np.ndarray, q: Quantity) -> str:
    """Return what is strange about values that are possible, or nothing."""
    finite = values[np.isfinite(values)]
    middle = float(np.median(finite)) if finite.size else 0.0
    if q.name == "temperature" and middle > 40.0:
        return f"half of the values are above {middle:.0f} degC: are they degF?"
    if q.name == "count_rate_raw" and 0.0 < middle < 50.0:
        return f"the count rate is only {middle:.3g} h-1: is the unit right?"
    return ""

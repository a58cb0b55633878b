"""Soils of the study `column`: what the study names becomes arrays of parameters.

Every soil is a set of horizons, arrays (horizon, member); a soil with fewer horizons than another
repeats its last one. They are laid on the nodes of the column and on the layers that neutron
operators see.
"""

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from rootzone.config.column import ColumnStudy
from rootzone.config.column_soil import (
    AirEntry,
    ClassHydraulics,
    ClassSoils,
    DrawnSoils,
    LayeredSoil,
    RetentionHydraulics,
    Spread,
    TableSoils,
    TextureHydraulics,
    TriangleSoils,
)
from rootzone.core import DataError
from rootzone.neutrons import organic_water
from rootzone.simulate import NeutronSoil
from rootzone.studies.column_tables import fitted_retention, table_soils
from rootzone.studies.context import Context
from rootzone.water import pedotransfer as ptf
from rootzone.water.retention import BrooksCorey, SoilHydraulics, VanGenuchten
from rootzone.water.soil_classes import (
    TEXTURE_CLASSES,
    bulk_density,
    draw,
    sample_triangle,
    soil_class,
    texture_index,
)

_PARAMETERS = {
    VanGenuchten: ("theta_r", "theta_s", "alpha", "n", "K_s", "l", "air_entry"),
    BrooksCorey: ("theta_r", "theta_s", "alpha", "lam", "K_s", "l"),
}
_TRAP = 1.3
_LOWEST_DENSITY = 0.35  # g cm-3, under which COSMIC's L3 of bulk density is not positive


@dataclass
class Soils:
    """The soils of all members.

    Attributes
    ----------
    model : type
        ``VanGenuchten`` or ``BrooksCorey``.
    bottom : array (horizon, member)
        Lower ends [cm].
    parameters : dict of array (horizon, member)
        By their names in the closure.
    bulk_density, lattice_water, organic_water : array (horizon, member)
        [g cm-3], [g g-1], [g g-1].
    names : list of str
        What the members are called.
    extra : dict of array (member)
        What else is known of them: sand and clay, index of the texture class.
    """

    model: Any
    bottom: np.ndarray
    parameters: dict[str, np.ndarray]
    bulk_density: np.ndarray
    lattice_water: np.ndarray
    organic_water: np.ndarray
    names: list[str]
    extra: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of members."""
        return self.bottom.shape[1]

    @property
    def layered(self) -> bool:
        """Whether any soil has more than one horizon."""
        return self.bottom.shape[0] > 1

    def at_nodes(self, depth: np.ndarray) -> SoilHydraulics:
        """Return the closure with parameters (node, member), or (member) without layers.

        A node on the border of two horizons has the soil of the upper one.
        """
        if not self.layered:
            return self.model(**{k: v[0] for k, v in self.parameters.items()})
        below = np.round(depth, 6)[:, None, None] > np.round(self.bottom, 6)
        horizon = np.minimum(below.sum(axis=1), self.bottom.shape[0] - 1)
        return self.model(
            **{k: np.take_along_axis(v, horizon, axis=0) for k, v in self.parameters.items()}
        )

    def seen(self, edges: np.ndarray, biomass_water: float) -> NeutronSoil:
        """Return what neutrons meet in layers between ``edges``, (layer, member) or (member)."""
        biomass = np.full(self.size, biomass_water)
        if not self.layered:
            return NeutronSoil(
                self.bulk_density[0], self.lattice_water[0], self.organic_water[0], biomass
            )
        bottom = self.bottom.copy()
        bottom[-1] = edges[-1]  # what lies below the column is like its last horizon
        top = np.concatenate([np.zeros((1, self.size)), bottom[:-1]])
        overlap = np.minimum(edges[1:, None, None], bottom) - np.maximum(
            edges[:-1, None, None], np.minimum(top, bottom)
        )
        share = np.maximum(overlap, 0.0) / np.diff(edges)[:, None, None]
        density = np.sum(share * self.bulk_density, axis=1)
        lattice = np.sum(share * self.bulk_density * self.lattice_water, axis=1) / density
        organic = np.sum(share * self.bulk_density * self.organic_water, axis=1) / density
        return NeutronSoil(density, lattice, organic, biomass)


def soils_of(study: ColumnStudy, context: Context) -> Soils:
    """Return the soils of a study, checked, with what is to be told of them.

    Raises
    ------
    DataError, UnitError
        If a table cannot be used, or holds soils outside physics.
    """
    soil = study.soil
    if isinstance(soil, LayeredSoil):
        found = _layered(soil, study, context)
    elif isinstance(soil, TableSoils):
        found = table_soils(soil, study.grid.depth, context)
        found = Soils(VanGenuchten, **found)
    elif isinstance(soil, ClassSoils):
        found = _of_classes(soil, study)
    else:
        found = _of_triangle(soil, study, context)
    _use_air_entry(found, soil, context)
    _tell_density(found, study, context)
    return found


# --- one site ---------------------------------------------------------------------------


def _layered(soil: LayeredSoil, study: ColumnStudy, context: Context) -> Soils:
    closures, density = [], []
    for n, layer in enumerate(soil.layers):
        where = f"soil.layers[{n}].hydraulics"
        h = layer.hydraulics
        if isinstance(h, ClassHydraulics):
            closure = soil_class(h.name).mean()
        elif isinstance(h, TextureHydraulics):
            rho = h.bulk_density or layer.bulk_density
            if rho is None and not h.function.startswith("cosby"):
                raise DataError(f"{where}.bulk_density is needed by {h.function}, e.g. 1.4")
            closure = _by_texture(h.function, h.sand, h.clay, rho, h.organic_carbon, h.topsoil)
            _tell_domain(h.function, context, where, sand=h.sand, clay=h.clay, rho=rho)
        elif isinstance(h, RetentionHydraulics):
            closure = fitted_retention(h, soil.air_entry, context, where)
        else:
            model = BrooksCorey if h.method == "brooks_corey" else VanGenuchten
            closure = model(**h.model_dump(exclude={"method"}))
        closures.append(closure)
        given = layer.bulk_density or getattr(layer.hydraulics, "bulk_density", None)
        density.append(float(bulk_density(closure.theta_s)) if given is None else given)
        if layer.lattice_water is None:
            context.log.warn(
                f"soil.layers[{n}].lattice_water is not given and taken as 0: counts come out too "
                "high"
            )
    model = type(closures[0])
    column = lambda values: np.array(values, float)[:, None]  # noqa: E731
    carbon = column([layer.soil_organic_carbon for layer in soil.layers])
    return Soils(
        model,
        column([layer.bottom for layer in soil.layers]),
        {
            name: column([float(np.asarray(getattr(c, name))) for c in closures])
            for name in _PARAMETERS[model]
        },
        column(density),
        column([layer.lattice_water or 0.0 for layer in soil.layers]),
        np.asarray(organic_water(carbon, convention=soil.convention()), float),
        [study.site.name],
    )


def _by_texture(function: str, sand, clay, rho, carbon, topsoil):
    """Return the closure of a pedotransfer function; shares in percent."""
    if function == "weynants_2009":
        return ptf.weynants_2009(sand, clay, rho, carbon)
    if function == "cosby_1984":
        return ptf.cosby_1984_multivariate(sand, clay)
    if function == "cosby_1984_univariate":
        return ptf.cosby_1984_univariate(sand, clay)
    conductivity = ptf.cosby_1984_K_s(sand, clay)
    if function == "toth_2015":
        return ptf.toth_2015_21(sand, clay, rho, carbon, topsoil).conducting(conductivity)
    return ptf.zacharias_wessolek_2007(sand, clay, rho).conducting(conductivity)


def _tell_domain(function: str, context: Context, where: str, *, sand, clay, rho) -> None:
    """Warn of soils outside those that a function was made from."""
    domain = {
        "weynants_2009": ptf.WEYNANTS_2009,
        "toth_2015": ptf.TOTH_2015,
        "zacharias_wessolek_2007": ptf.ZACHARIAS_WESSOLEK_2007,
    }.get(function, ptf.COSBY_1984)
    inputs = {"sand": sand, "clay": clay, "bulk_density": rho}
    known = {k: v for k, v in inputs.items() if k in domain.ranges and v is not None}
    for sentence in domain.outside(**known):
        context.log.warn(f"{where}: {sentence}")


# --- ensembles --------------------------------------------------------------------------


def _key(study: ColumnStudy, stream: int) -> jax.Array:
    """Return the key of a stream of random numbers of the study."""
    return jax.random.fold_in(jax.random.key(study.seed), stream)


def member_normals(key: jax.Array, members: int) -> np.ndarray:
    """Return a standard normal number of each member, cut at two deviations."""

    def one(member: jax.Array) -> jax.Array:
        return jax.random.truncated_normal(jax.random.fold_in(key, member), -2.0, 2.0)

    return np.asarray(jax.lax.map(one, np.arange(members)), float)


def _drawn(spread: Spread, study: ColumnStudy, stream: int, members: int) -> np.ndarray:
    return spread.mean + spread.sd * member_normals(_key(study, stream), members)


def _complete(
    soil: DrawnSoils,
    study: ColumnStudy,
    closure: VanGenuchten | BrooksCorey,
    density: np.ndarray | None,
    names: list[str],
    extra: dict[str, np.ndarray],
) -> Soils:
    """Return drawn soils with density and bound water."""
    size = len(names)
    row = lambda x: np.broadcast_to(np.asarray(x, float), (size,))[None].copy()  # noqa: E731
    if density is None:
        density = np.asarray(bulk_density(np.asarray(closure.theta_s, float)))
    lattice = soil.lattice_water or Spread(mean=0.0)
    carbon = _drawn(soil.soil_organic_carbon, study, 13, size)
    return Soils(
        type(closure),
        row(study.grid.depth),
        {name: row(getattr(closure, name)) for name in _PARAMETERS[type(closure)]},
        row(density),
        row(_drawn(lattice, study, 12, size)),
        row(organic_water(carbon, convention=soil.convention())),
        names,
        extra,
    )


def _van_genuchten(parameters: dict[str, Any]) -> VanGenuchten:
    return VanGenuchten(**parameters)


def _chosen(drawn: list[VanGenuchten], which: np.ndarray) -> dict[str, np.ndarray]:
    """Return parameters (member) of the soil among ``drawn`` that each member has."""
    member = np.arange(which.size)
    return {
        name: np.stack([np.broadcast_to(getattr(c, name), which.shape) for c in drawn])[
            which, member
        ].astype(float)
        for name in _PARAMETERS[VanGenuchten]
    }


def _of_classes(soil: ClassSoils, study: ColumnStudy) -> Soils:
    size, kinds = soil.members, len(soil.classes)
    key, member = _key(study, 10), np.arange(size)
    drawn = [draw(key, soil_class(name), size) for name in soil.classes]
    mean = [soil_class(name).mean() for name in soil.classes]
    found = _chosen(drawn, member % kinds)
    if soil.mean_first:
        for name, values in found.items():
            first = np.array([float(np.asarray(getattr(c, name))) for c in mean])[:size]
            values[: first.size] = first
    spread = soil.bulk_density
    density = None if spread is None else _drawn(spread, study, 11, size)
    index = np.array([TEXTURE_CLASSES.index(name) for name in soil.classes])[member % kinds]
    names = [f"{TEXTURE_CLASSES[i]} {m}" for m, i in enumerate(index)]
    return _complete(soil, study, _van_genuchten(found), density, names, {"texture_class": index})


def _of_triangle(soil: TriangleSoils, study: ColumnStudy, context: Context) -> Soils:
    size = soil.members
    sand, clay = (np.asarray(x, float) for x in sample_triangle(_key(study, 14), size))
    index = np.asarray(texture_index(sand, clay))
    spread = soil.bulk_density
    density = None if spread is None else _drawn(spread, study, 11, size)
    if soil.function == "carsel_parrish_1988":
        drawn = [draw(_key(study, 10), soil_class(name), size) for name in TEXTURE_CLASSES]
        closure = _van_genuchten(_chosen(drawn, index))
    else:
        carbon = np.maximum(_drawn(soil.organic_carbon, study, 15, size), 0.0)
        closure = _by_texture(soil.function, sand, clay, density, carbon, np.zeros(size))
        _tell_domain(soil.function, context, "soil", sand=sand, clay=clay, rho=density)
    extra = {"sand": sand, "clay": clay, "texture_class": index}
    names = [f"{TEXTURE_CLASSES[i]} {m}" for m, i in enumerate(index)]
    return _complete(soil, study, closure, density, names, extra)


# --- what is told -----------------------------------------------------------------------


def _use_air_entry(soils: Soils, soil: AirEntry, context: Context) -> None:
    """Set the air entry that the study wants, and tell of soils that are a trap without it."""
    if soils.model is not VanGenuchten:
        return
    p: dict[str, Any] = soils.parameters
    fine = p["n"] < _TRAP
    wanted = fine if soil.air_entry_for == "fine" else np.ones_like(fine)
    p["air_entry"] = np.where(wanted, soil.air_entry, p["air_entry"])
    trap = np.asarray(_van_genuchten(p).is_trap()).any(axis=0)
    if trap.any():
        who = f"{int(trap.sum())} of {soils.size} soils have" if soils.size > 1 else "the soil has"
        context.log.warn(
            f"{who} n below {_TRAP} without air entry: close to saturation the conductivity of "
            "plain van Genuchten soils falls off a cliff; soil.air_entry: -2 mends that"
        )


def _tell_density(soils: Soils, study: ColumnStudy, context: Context) -> None:
    soil = study.soil
    if isinstance(soil, DrawnSoils) and soil.lattice_water is None:
        context.log.warn("soil.lattice_water is not given and taken as 0: counts come out too high")
    low = soils.bulk_density < _LOWEST_DENSITY
    by_density = any(
        op.method == "cosmic" and op.coefficients == "bulk_density"
        for op in study.neutrons.operators
    )
    if by_density and low.any():
        member = int(np.flatnonzero(low.any(axis=0))[0])
        raise DataError(
            f"soil '{soils.names[member]}' has a bulk density of "
            f"{soils.bulk_density[:, member].min():.2f} g cm-3, COSMIC's regressions on bulk "
            f"density want {_LOWEST_DENSITY:g} at least: take coefficients: santa_rita"
        )

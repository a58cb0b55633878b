"""The simulated site of a study `column`: words of the study become the objects of `simulate`."""

import jax
import numpy as np

from rootzone import neutrons as ne
from rootzone.config.column import ColumnStudy
from rootzone.config.column_parts import (
    AtmosphereTop,
    CosmicOperator,
    FluxBottom,
    FluxTop,
    FreeDrainageBottom,
    GradedGrid,
    HeadBottom,
    KoehliOperator,
    Operator,
    SeepageBottom,
)
from rootzone.config.column_weather import (
    DegreeDaySnow,
    ExponentialRoots,
    HoffmanRoots,
    LeafTable,
    Plants,
    RootDistribution,
)
from rootzone.neutrons.cell_counts import SnowAttenuation
from rootzone.simulate import (
    Cosmic,
    CountOperator,
    DepthWeighted,
    GrowingRoots,
    Members,
    Site,
    Surface,
    to_column,
)
from rootzone.studies.column_soil import Soils, member_normals
from rootzone.studies.column_weather import ColumnWeather
from rootzone.water import richards as ri
from rootzone.water.canopy import (
    BradenInterception,
    Canopy,
    ConstantLeafArea,
    InterceptionStore,
    LeafArea,
    LeafAreaTable,
    RootsWithLeaves,
)
from rootzone.water.roots import (
    Feddes,
    Roots,
    exponential_roots,
    hoffman_van_genuchten,
    jackson,
)
from rootzone.water.snow import DegreeDay

_STAGE = 2.0  # cm between the stages of growing roots


def _rate(amount: float) -> float:
    """Return mm d-1 as the column wants it."""
    return float(to_column(amount, days=1.0))


def _grid(study: ColumnStudy) -> ri.Grid:
    part = study.grid
    if isinstance(part, GradedGrid):
        return ri.Grid.graded(part.depth, part.nodes, part.first)
    return ri.Grid.uniform(part.depth, part.spacing)


def _top(study: ColumnStudy) -> ri.Atmosphere | ri.TopHead | ri.TopFlux:
    part = study.top
    if isinstance(part, AtmosphereTop):
        return ri.Atmosphere(pond_max=_rate(part.ponding), h_dry=part.driest_head)
    return ri.TopFlux() if isinstance(part, FluxTop) else ri.TopHead(part.head)


def _bottom(
    study: ColumnStudy,
) -> ri.FreeDrainage | ri.SeepageFace | ri.BottomHead | ri.BottomFlux | ri.WaterTable:
    part = study.bottom
    if isinstance(part, FreeDrainageBottom):
        return ri.FreeDrainage()
    if isinstance(part, SeepageBottom):
        return ri.SeepageFace()
    if isinstance(part, HeadBottom):
        return ri.BottomHead(part.head)
    if isinstance(part, FluxBottom):
        return ri.BottomFlux(_rate(part.flux))
    return ri.WaterTable(part.depth)


# --- plants -----------------------------------------------------------------------------


def _leaves(plants: Plants) -> tuple[LeafArea, float]:
    """Return the leaf area through the year and its maximum."""
    if isinstance(plants.leaf_area, LeafTable):
        table = plants.leaf_area
        values = np.array(table.leaf_area)
        return LeafAreaTable(np.array(table.day_of_year), values), float(values.max())
    return ConstantLeafArea(plants.leaf_area), plants.leaf_area


def _canopy(plants: Plants) -> Canopy:
    kinds = {
        "store": InterceptionStore(),
        "braden": BradenInterception(),
        "none": InterceptionStore(capacity_per_leaf_area=0.0),
    }
    return Canopy(plants.extinction, kinds[plants.interception])


def _density(part: RootDistribution, nodes: np.ndarray, depth: float) -> np.ndarray:
    """Return the root density (1, node) of a rooting depth [cm]."""
    if isinstance(part, HoffmanRoots):
        found = hoffman_van_genuchten(nodes, depth)
    elif isinstance(part, ExponentialRoots):
        found = exponential_roots(nodes, depth, part.scale)
    else:
        found = jackson(nodes, part.beta, depth)
    return np.asarray(found)


def _plants(study: ColumnStudy, grid: ri.Grid) -> tuple[Surface, Roots | None]:
    snow = None
    if isinstance(study.snow, DegreeDaySnow):
        part = study.snow
        snow = DegreeDay(
            part.melt_factor,
            threshold=part.threshold,
            transition=part.transition,
            retention=part.retention,
            refreezing=part.refreezing,
        )
    plants = study.vegetation
    if not isinstance(plants, Plants):
        return Surface(snow=snow), None
    leaves, most = _leaves(plants)
    part, nodes = plants.roots, np.asarray(grid.depth)
    depths = np.array([part.depth])
    if part.smallest_depth is not None:
        stages = int(np.ceil((part.depth - part.smallest_depth) / _STAGE)) + 1
        depths = np.linspace(part.smallest_depth, part.depth, stages)
    density = np.concatenate([_density(part, nodes, d) for d in depths])
    s = plants.stress
    stress = Feddes(
        s.h_anaerobic,
        s.h_optimal,
        s.h_dry_fast,
        s.h_dry_slow,
        s.h_wilting,
        fast=_rate(s.high_demand),
        slow=_rate(s.low_demand),
    )
    roots = Roots(jax.numpy.asarray(density), stress, plants.critical_stress)
    growing = None
    if part.smallest_depth is not None:
        growing = GrowingRoots(
            roots, depths, RootsWithLeaves(part.smallest_depth, part.depth, most)
        )
    return Surface(snow, leaves, _canopy(plants), growing), roots


# --- neutrons ---------------------------------------------------------------------------


def operator_of(part: Operator) -> CountOperator:
    """Return a neutron operator as an object."""
    if isinstance(part, CosmicOperator):
        fixed = ne.CosmicParameters.santa_rita() if part.coefficients == "santa_rita" else None
        return Cosmic(part.N, fixed, part.sees_snow)
    snow = None if part.snow is None else SnowAttenuation(part.snow.length, part.snow.deep_rate)
    if isinstance(part, KoehliOperator):
        return DepthWeighted(part.N0, part.law(), part.absolute_humidity, part.distance, snow)
    return DepthWeighted(part.N0, ne.Desilets2010(), distance=part.distance, snow=snow)


def operator_names(study: ColumnStudy) -> list[str]:
    """Return what the operators are called, each once."""
    methods = [op.method for op in study.neutrons.operators]
    return [m if methods.count(m) == 1 else f"{m} {n}" for n, m in enumerate(methods)]


# --- site and members -------------------------------------------------------------------


def site_of(study: ColumnStudy, weather: ColumnWeather) -> Site:
    """Return what all members share."""
    grid = _grid(study)
    surface, roots = _plants(study, grid)
    noise = jax.random.fold_in(jax.random.key(study.seed), 2)
    rows = len(weather.axis)
    per_day = round(1.0 / (weather.interval * weather.every))
    return Site(
        weather.source,
        grid,
        rows=rows,
        interval=weather.interval,
        every=weather.every,
        spin_up=min(study.start.spin_up * per_day, rows),
        surface=surface,
        top=_top(study),
        bottom=_bottom(study),
        roots=roots,
        control=ri.Control(tolerance=study.solver.tolerance, max_change=study.solver.max_change),
        operators=tuple(operator_of(op) for op in study.neutrons.operators),
        layers=study.layers(),
        root_zone=study.output.root_zone,
        key=noise if study.neutrons.noise else None,
    )


def members_of(study: ColumnStudy, soils: Soils, site: Site) -> Members:
    """Return what differs between members, in the precision of the study."""
    size = soils.size
    spread = study.neutrons.sensitivity_spread
    key = jax.random.fold_in(jax.random.key(study.seed), 16)
    sensitivity = 1.0 + spread * member_normals(key, size) if spread else np.ones(size)
    members = Members(
        np.arange(size, dtype=np.int32),  # pyright: ignore[reportArgumentType]
        soils.at_nodes(np.asarray(site.grid.depth)),
        soils.seen(site.sight(), study.neutrons.biomass_water),
        np.full((1, size), study.start.head),  # pyright: ignore[reportArgumentType]
        sensitivity,  # pyright: ignore[reportArgumentType]
    )
    dtype = np.dtype(study.precision)

    def cast(x):
        x = np.asarray(x)
        return x.astype(dtype) if x.dtype.kind == "f" else x

    return jax.tree.map(cast, members)

"""What plots are made of: soils of three geologies, plants, weather, sensors.

Every number without a source is an assumption and stands here in the open; the page
``docs/replicates_twin.md`` says why it was chosen.
"""

from typing import NamedTuple

HORIZON_ENDS = (20.0, 40.0, 70.0, 150.0)
"""Lower ends of the horizons [cm]; the last one is the substratum and the end of the columns."""

Horizons = tuple[float, float, float, float]


class Fabric(NamedTuple):
    """A soil of a geology; values of the four horizons."""

    sand: Horizons
    """[%] of the fine earth, like clay."""
    clay: Horizons
    density: Horizons
    """Bulk density of the fine earth [g cm-3]."""
    carbon: Horizons
    """Organic carbon [%]."""
    stones: Horizons
    """Share of the volume [1]."""
    log_K: Horizons = (0.0, 0.0, 0.0, 0.0)
    """Added to the logarithm of the conductivity: structure above one, compaction below zero."""


class Macropores(NamedTuple):
    """Cracks and root channels: what runs past the matrix, and where it ends."""

    share: float
    """Of the columns of a plot that a channel reaches [1]."""
    threshold: float
    """Rain and melt water that the matrix takes first [mm d-1]."""
    caught: float
    """Share of what is above the threshold that enters the channels [1]."""
    depth: tuple[float, float]
    """Between which the channels give their water to the soil [cm]."""


class Group(NamedTuple):
    """A geology: where its plots lie and how their columns differ."""

    label: str
    """Starts the names of its places."""
    fabric: Fabric
    pockets: Fabric
    """The other soil, which some columns of a plot have."""
    pocket_share: float
    """Of the columns [1]."""
    pocket_uptake: float
    """Transpiration asked of the other soil over the mean of the plot [1]: roots seek fine soil,
    and so smooth what winter has made different (Hildebrandt et al. 2016,
    doi:10.5194/hess-20-3441-2016)."""
    root_depth: float
    """Where roots end [cm]."""
    log_scale: float
    """Standard deviation of the logarithm of the Miller factor between columns [1]."""
    macropores: Macropores
    run_on: float
    """Standard deviation of the share of the water that reaches a column [1]."""
    land_use: tuple[float, float, float]
    """Shares of the places with forest, pasture and crop."""
    elevation: tuple[float, float]
    """From and to [m]."""
    north: tuple[float, float]
    """From and to in the domain [km]."""


class Plant(NamedTuple):
    """What grows on a plot."""

    beta: float
    """Of the roots, Jackson et al. (1996), doi:10.1007/BF00333714."""
    demand: float
    """Potential evapotranspiration over that of the weather [1]."""
    leaf_area: tuple[float, ...]
    """Leaf area index in the middle of the months."""
    heads: tuple[float, float, float]
    """Feddes: dry limits at fast and slow transpiration, wilting [cm]."""
    melt: float
    """Degree-day factor [mm degC-1 d-1]."""
    run_on: float
    """What throughfall adds to the deviation of the water that reaches a column [1]."""


PLANTS = {
    "forest": Plant(
        0.966,
        1.0,
        (0.8, 0.8, 0.9, 2.0, 4.5, 5.0, 5.0, 5.0, 4.5, 3.0, 1.2, 0.8),
        (-400.0, -1000.0, -15000.0),
        2.5,
        0.08,
    ),
    "pasture": Plant(
        0.943,
        0.95,
        (1.0, 1.0, 1.3, 2.2, 3.0, 3.0, 2.6, 2.4, 2.2, 1.8, 1.3, 1.0),
        (-200.0, -800.0, -8000.0),
        4.0,
        0.03,
    ),
    "crop": Plant(
        0.961,
        1.0,
        (0.3, 0.4, 0.9, 2.0, 4.0, 4.5, 3.0, 0.6, 0.2, 0.3, 0.3, 0.3),
        (-300.0, -1000.0, -12000.0),
        4.0,
        0.03,
    ),
}
"""Plants by land use."""

GROUPS = {
    "schist": Group(
        label="S",
        fabric=Fabric(
            sand=(42.0, 43.0, 44.0, 50.0),
            clay=(16.0, 16.0, 16.0, 12.0),
            density=(1.15, 1.28, 1.38, 1.45),
            carbon=(3.5, 1.5, 0.7, 0.2),
            stones=(0.29, 0.32, 0.35, 0.75),
            log_K=(0.8, 0.6, 0.4, 1.0),
        ),
        pockets=Fabric(
            sand=(24.0, 26.0, 28.0, 50.0),
            clay=(19.0, 19.0, 19.0, 12.0),
            density=(1.15, 1.28, 1.38, 1.45),
            carbon=(3.5, 1.5, 0.7, 0.2),
            stones=(0.19, 0.22, 0.25, 0.75),
            log_K=(0.8, 0.5, 0.3, 1.0),
        ),
        pocket_share=0.42,
        pocket_uptake=1.18,
        root_depth=65.0,
        log_scale=0.38,
        macropores=Macropores(0.15, 6.0, 0.5, (25.0, 60.0)),
        run_on=0.05,
        land_use=(0.6, 0.25, 0.15),
        elevation=(330.0, 530.0),
        north=(13.0, 20.0),
    ),
    "marl": Group(
        label="M",
        fabric=Fabric(
            sand=(14.0, 12.0, 10.0, 8.0),
            clay=(36.0, 42.0, 46.0, 45.0),
            density=(1.22, 1.33, 1.42, 1.60),
            carbon=(2.6, 1.1, 0.5, 0.2),
            stones=(0.0, 0.0, 0.02, 0.10),
            log_K=(0.0, -0.8, -1.2, -2.0),
        ),
        pockets=Fabric(
            sand=(16.0, 14.0, 12.0, 8.0),
            clay=(34.0, 40.0, 44.0, 45.0),
            density=(1.48, 1.57, 1.58, 1.60),
            carbon=(2.2, 0.9, 0.5, 0.2),
            stones=(0.0, 0.0, 0.02, 0.10),
            log_K=(-0.8, -1.4, -1.4, -2.0),
        ),
        pocket_share=0.40,
        pocket_uptake=1.0,
        root_depth=90.0,
        log_scale=0.50,
        macropores=Macropores(0.30, 6.0, 0.6, (20.0, 60.0)),
        run_on=0.05,
        land_use=(0.1, 0.6, 0.3),
        elevation=(260.0, 360.0),
        north=(5.0, 13.0),
    ),
    "sandstone": Group(
        label="Sa",
        fabric=Fabric(
            sand=(78.0, 80.0, 82.0, 84.0),
            clay=(6.0, 6.0, 6.0, 6.0),
            density=(1.25, 1.40, 1.48, 1.52),
            carbon=(2.4, 0.9, 0.4, 0.1),
            stones=(0.02, 0.03, 0.05, 0.10),
        ),
        pockets=Fabric(
            sand=(70.0, 72.0, 74.0, 84.0),
            clay=(8.0, 8.0, 8.0, 6.0),
            density=(1.25, 1.40, 1.48, 1.52),
            carbon=(2.6, 1.0, 0.4, 0.1),
            stones=(0.0, 0.02, 0.03, 0.10),
        ),
        pocket_share=0.15,
        pocket_uptake=1.0,
        root_depth=140.0,
        log_scale=0.25,
        macropores=Macropores(0.05, 8.0, 0.5, (20.0, 60.0)),
        run_on=0.08,
        land_use=(0.8, 0.1, 0.1),
        elevation=(280.0, 400.0),
        north=(0.0, 5.0),
    ),
}
"""The geologies of a basin like that of the Attert in Luxembourg."""


class Scatter(NamedTuple):
    """How plots of one geology, and the columns of a plot, differ: standard deviations."""

    sand: float = 5.0
    """Between plots [%], as clay."""
    clay: float = 3.0
    density: float = 0.05
    """Between plots [g cm-3]."""
    stones: float = 0.03
    """Between plots [1], where there are stones."""
    log_carbon: float = 0.15
    """Between plots."""
    pocket_share: float = 0.05
    """Between plots [1]."""
    unexplained_log_scale: float = 0.08
    """Of a plot's Miller factor: what no survey tells."""
    unexplained_porosity: float = 0.004
    """Of a plot's porosity [m3 m-3]: what no survey tells."""
    porosity: float = 0.010
    """Between columns of a plot [m3 m-3]."""
    porosity_with_scale: float = 0.4
    """Correlation of a column's porosity with its Miller factor [1]."""
    vertical: float = 0.85
    """Part of a column's deviation that its horizons share [1]."""
    survey_sand: float = 2.0
    """Error of the survey [%], as clay."""
    survey_clay: float = 1.5
    survey_density: float = 0.02
    """[g cm-3]"""
    survey_stones: float = 0.015
    survey_porosity: float = 0.006
    """[m3 m-3]"""
    survey_log_carbon: float = 0.1
    survey_log_K: float = 0.4


class WeatherRecipe(NamedTuple):
    """Weather of the domain, and how well it is known."""

    start_day_of_year: int = 1
    pixels: int = 7
    """Of the rain."""
    stations: int = 11
    """Of the potential evapotranspiration."""
    rain_scatter: float = 0.30
    """Deviation of the logarithm of a day's rain between pixels far apart."""
    rain_range: float = 12.0
    """Distance over which that deviation is shared to 1/e [km]."""
    place_rain: float = 0.08
    """Deviation of the logarithm of a day's rain of a place from that of its pixel."""
    rain_with_height: float = 0.06
    """More rain per 100 m of elevation [1]."""
    lapse: float = 0.6
    """Less temperature per 100 m of elevation [degC]."""
    temperature_error: float = 0.3
    """Of the thermometer of a place, in each interval [degC]."""
    station_offset: float = 0.03
    """Relative and constant, of a station's potential evapotranspiration."""
    station_noise: float = 0.05
    """Relative, in each interval."""


class SensorRecipe(NamedTuple):
    """Sensors of a plot and what they miss."""

    replicates: int = 3
    """Profiles of a plot."""
    bias: float = 0.020
    """Standard deviation of what a sensor reads too much at all times [m3 m-3]."""
    noise: float = 0.006
    """Standard deviation of what it reads too much at a time [m3 m-3]."""
    absent: float = 0.02
    """Share of sensors that do not exist or never worked [1]."""
    late: float = 0.3
    """Share of profiles that start late or end early, by up to half of the record [1]."""
    outages: float = 1.0
    """Outages of a sensor in a year, on the mean."""
    outage_days: float = 25.0
    """Mean length of an outage [d]."""


class ReferenceRecipe(NamedTuple):
    """A coarse reanalysis of the water: another soil, mean weather, no spread."""

    cells: int = 3
    """Cells along the north of the domain."""
    sand: float = 40.0
    """Of its one soil [%], a medium loam as tables give it."""
    clay: float = 22.0
    density: float = 1.40
    """[g cm-3]"""
    carbon: float = 1.2
    """[%]"""
    rain: float = 1.05
    """Its rain over the mean of the pixels [1]."""
    rain_scatter: float = 0.4
    """Deviation of the logarithm of its rain of a day from that."""
    bias: float = 0.01
    """What it has too much [m3 m-3]."""
    edges: tuple[float, ...] = (0.0, 7.0, 28.0, 100.0)
    """Of its layers [cm]."""


class PlotRecipe(NamedTuple):
    """What a network of plots is drawn from; plain values, kept with the result.

    Attributes
    ----------
    places : dict of int
        Number of plots by group.
    columns : int
        Columns of a plot.
    years : int
        Years of 365 days; one more is run before, to forget the start.
    step_hours : int
        Output interval, a divisor of 24; within it the weather is constant.
    depths : tuple of float
        Of the sensors [cm].
    groups : dict of Group
        Geologies by name.
    scatter, weather, sensors, reference
        Assumptions.
    """

    places: dict[str, int]
    columns: int = 64
    years: int = 5
    step_hours: int = 24
    depths: tuple[float, ...] = (10.0, 30.0, 50.0)
    groups: dict[str, Group] = GROUPS
    scatter: Scatter = Scatter()
    weather: WeatherRecipe = WeatherRecipe()
    sensors: SensorRecipe = SensorRecipe()
    reference: ReferenceRecipe = ReferenceRecipe()


SMALL = PlotRecipe(
    {"schist": 5, "marl": 4, "sandstone": 3},
    columns=32,
    years=3,
    weather=WeatherRecipe(pixels=4, stations=4),
)
"""A network for a demonstration: 12 plots."""

ATTERT_LIKE = PlotRecipe({"schist": 20, "marl": 13, "sandstone": 10})
"""A network as large as that of the Attert: 43 plots with 387 sensors, five years."""

"""The sections of the report of the study `replicates`; a part that is missing is left out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import xarray as xr

from rootzone.report import replicates_close as close
from rootzone.report import replicates_distributions as distributions
from rootzone.report import replicates_figures as figures
from rootzone.report import replicates_network as networks
from rootzone.report import replicates_series as in_time
from rootzone.report import replicates_tables as tables
from rootzone.report.page import Section
from rootzone.report.replicates_style import (
    ALL,
    batches,
    known_models,
    labels,
    name_of,
    noise_of,
    parts_of,
    picked,
    shown_model,
)

_MOST_ROWS, _MOST_COLUMNS = 4, 3  # panels of a figure
_MOST_CLOSE = 3  # examples that are looked at closely


class Shown(NamedTuple):
    """What all sections of the page know.

    Attributes
    ----------
    data : mapping of Dataset
        The datasets of the run.
    split : str
        What the shown split is called.
    blocks, subsets : str
        How the spread was made, in words.
    """

    data: Mapping[str, xr.Dataset]
    split: str
    blocks: str
    subsets: str

    @classmethod
    def of(cls, data: Mapping[str, xr.Dataset]) -> "Shown":
        """Return what the datasets of a run tell."""
        scores = data.get("scores")
        if scores is None:
            return cls(data, "", "", "")
        split = name_of(scores, str(scores.attrs["shown_split"]), "split_names")
        blocks = str(scores.attrs.get("spread_block", "5 and 95 % of resampled blocks of time"))
        subsets = str(scores.attrs.get("spread_paper", "5 and 95 % of random subsets"))
        return cls(data, split, blocks, subsets)

    def paper(self, sentence: str) -> str:
        """Return a sentence on the study that this one follows, where the groups are its own."""
        scores = self.data.get("scores")
        groups = set() if scores is None else {g.lower() for g in labels(scores, "group")}
        return sentence if len(groups & tables.PAPER_GROUPS) > 1 else ""


def _grids(dataset: xr.Dataset) -> list[tuple[list[str], list[str]]]:
    """Return the groups and layers of each figure of panels."""
    groups = batches(parts_of(dataset, "group"), _MOST_ROWS)
    layers = batches(parts_of(dataset, "layer"), _MOST_COLUMNS)
    return [(g, a) for g in groups for a in layers]


def _first(caption: str, n: int) -> str:
    """Return a caption for the first of several figures."""
    return caption if n == 0 else "The same, continued."


def network_section(shown: Shown, summary: Mapping[str, Any]) -> list[Section]:
    """Return the section on the places, their records and their sensors."""
    network, series = shown.data.get("network"), shown.data.get("series")
    section = Section("The network")
    if network is not None and (networks.located(network) or "soil_moisture" in network):
        caption = "Places by group; east and north of their middle." * networks.located(network)
        if "soil_moisture" in network:
            caption += " Right: " if networks.located(network) else ""
            caption += "share of the sensors of a place that read, in stretches of the record."
        section.figures.append((networks.network_map(network), caption.strip()))
    if series is not None and in_time.several_sensors(series):
        apart = networks.replicate_spread(series)
        section.figures.append(
            (
                networks.replicates(series, apart),
                "Sensors of the same place and depth, of the example where they differ most; "
                "gray: from the lowest to the highest that read.",
            )
        )
    if joined := summary["network"].get("joined"):
        section.tables.append(tables.joined_table(joined))
    return [section]


def scores_section(shown: Shown) -> list[Section]:
    """Return the section on the mean of the sensors."""
    scores = shown.data.get("scores")
    if scores is None:
        return []
    section = Section("How well the mean is met", f"Held out: {shown.split}.")
    if figures.overview_names(scores):
        section.figures.append(
            (
                figures.overview(scores),
                f"All sensors. Thin lines: {shown.blocks}. Thick lines: {shown.subsets}: "
                "neighbors in time are alike, so random subsets promise too much. Hollow: "
                "version as published.",
            )
        )
    section.tables.append(tables.overall_table(scores))
    brackets = f"In brackets: {shown.blocks}."
    mean = "The mean of all sensors of a place and depth against the mean of the distribution."
    totals = (
        "Pooled: the places of a group and a depth are one series; rows of several groups or "
        "depths are averages of these."
        if "kge_cells" in scores
        else "Pooled: all places of a row are one series."
    )
    for name, words in (("kge", "KGE (2009)"), ("spearman", "Rank correlation")):
        good = f"{words}, 1 is perfect."
        notes = shown.paper(tables.PAPER) if name == "kge" else ""
        for ending, how in (
            ("pooled", f"{totals} {notes}"),
            ("places", "Averaged over places: each place and depth is a series of its own."),
        ):
            if picked(scores, f"{name}_{ending}") is None:
                continue
            cells = f"{name}_cells" if ending == "pooled" else ""
            caption = " ".join(f"{good} {mean} {how} {brackets}".split())
            section.tables.append(
                tables.part_table(scores, f"{name}_{ending}", cells=cells, caption=caption)
            )
    if picked(scores, "mse") is not None:
        section.tables.append(tables.error_table(scores, caption=shown.paper(tables.PAPER_ERRORS)))
    return [section]


def splits_section(shown: Shown) -> list[Section]:
    """Return the section that compares what is held out, where there are two splits."""
    scores = shown.data.get("scores")
    if scores is None or len(labels(scores, "split")) < 2 or not figures.overview_names(scores):
        return []
    text = (
        "Random segments of time are tested between segments that were learned from, of the same "
        "sensors: they tell how well gaps are filled. Places, depths or groups that were left out "
        "whole tell what to expect where nothing was measured."
    )
    caption = "Scores of all sensors by what was held out; gray: from the least to the greatest."
    return [
        Section(
            "What is held out matters",
            text,
            tables=[tables.split_table(scores)],
            figures=[(figures.splits(scores), caption)],
        )
    ]


def distributions_section(shown: Shown) -> list[Section]:
    """Return the section on the distributions: distances, densities, belts."""
    scores, density = shown.data.get("scores"), shown.data.get("density")
    series = shown.data.get("series")
    noise = f"{noise_of(scores):g}" if scores is not None else "0.02"
    section = Section("How well the distribution is met")
    if scores is not None and picked(scores, "crps") is not None:
        section.figures.append(
            (
                figures.guide(),
                "What the numbers tell: made-up predictions against one truth. The CRPS is the "
                "mean over readings of that truth, so that it is not zero for a perfect "
                "prediction.",
            )
        )
        section.tables.append(
            tables.variability_table(
                scores,
                caption=f"W₁: mean over steps, between the mixture of the readings (each with a "
                f"noise of {noise} m³ m⁻³) and the model. "
                f"{shown.paper(tables.PAPER_VARIABILITY)}".strip(),
            )
        )
    if density is not None:
        _densities(section, density, scores, noise)
    if scores is not None and picked(scores, "belt_obs") is not None:
        section.figures.append(
            (
                distributions.belt_widths(scores),
                "Mean belts. Left: of the readings with noise added, as the models have it in "
                f"them; right: a belt of noise alone ({noise} m³ m⁻³) taken out of both in "
                "quadrature.",
            )
        )
    if series is not None and in_time.several_sensors(series) and known_models(series, "quantile"):
        section.figures.append(
            (
                in_time.place_belts(series),
                "Belts of single places and depths over the steps that the models answer for; "
                f"belts of readings with a noise of {noise} m³ m⁻³.",
            )
        )
    return [section]


def _densities(
    section: Section, density: xr.Dataset, scores: xr.Dataset | None, noise: str
) -> None:
    """Add the figures of densities to a section."""
    several = _grids(density) != [([ALL], [ALL])]
    if several and known_models(density, distributions.WATER.modeled):
        section.figures.append(
            (
                distributions.aggregated(density),
                "All answers together against a kernel density of all readings.",
            )
        )
    for kind, caption in (
        (
            distributions.BELT,
            f"How often belts are how wide. Belts of readings: with a noise of {noise} m³ m⁻³ "
            "added to each; a belt of noise alone is "
            f"{1.6832 * float(noise):.3f} m³ m⁻³ wide.",
        ),
        (
            distributions.WATER,
            "Water by group and depth: answers against a kernel density of the readings. W₁: "
            "Wasserstein distance of the pooled values [m³ m⁻³].",
        ),
    ):
        if not known_models(density, kind.modeled):
            continue
        for n, (groups, layers) in enumerate(_grids(density)):
            drawn = distributions.density_grid(density, scores, kind, groups, layers)
            section.figures.append((drawn, _first(caption, n)))


def in_time_section(shown: Shown) -> list[Section]:
    """Return the section on the examples in time."""
    series = shown.data.get("series")
    if series is None or not series.sizes["example"] or not known_models(series, "quantile"):
        return []
    section = Section("In time")
    noise = f"{noise_of(series):g}"
    caption = (
        "A place and depth in detail. Top: densities of two moments (broken lines, where they are "
        f"in the stretch), gray: readings, each with a noise of {noise} m³ m⁻³. Below: predictive "
        "densities, all readings, 20 and 80 % quantiles."
    )
    for n in range(min(series.sizes["example"], _MOST_CLOSE)):
        example = series.isel(example=n)
        if known_models(example, "quantile"):
            title = in_time.example_title(example)
            text = f"{title}. {_first(caption, n)}"
            section.figures.append((close.close_view(example), text))
    land = " ERA5-Land: as given, not fitted." if picked(series, "era5_land") is not None else ""
    model = name_of(series, shown_model(series, known_models(series, "quantile")))
    for n, part in enumerate(batches(range(series.sizes["example"]), _MOST_ROWS)):
        drawn = in_time.belts(series.isel(example=[int(k) for k in part]))
        text = f"Belt and mean of {model}, and the sensors of the place.{land}"
        section.figures.append((drawn, _first(text, n)))
    return [section]


def state_section(shown: Shown) -> list[Section]:
    """Return the section on spread by mean water."""
    spread = shown.data.get("spread")
    if spread is None or not known_models(spread, "spread_model"):
        return []
    caption = (
        "Mean belts by the mean of the sensors: noise of a sensor is added to the readings, so "
        "that nothing lies below its own belt."
    )
    drawn = [
        (distributions.spread_by_water(spread, groups, layers), _first(caption, n))
        for n, (groups, layers) in enumerate(_grids(spread))
    ]
    return [Section("Spread and state", figures=drawn)]


def truth_section(shown: Shown) -> list[Section]:
    """Return the section on the truth of a twin."""
    scores = shown.data.get("scores")
    if scores is None or picked(scores, "w1_truth") is None:
        return []
    text = (
        "A few sensors see a plot from a few points. On a twin the distribution over the whole "
        "plot is known, and a model can be nearer to it than its sensors are."
    )
    return [Section("Against the truth of the twin", text, tables=[tables.truth_table(scores)])]


def honesty_section(shown: Shown) -> list[Section]:
    """Return the section on reliability."""
    honest, scores = shown.data.get("reliability"), shown.data.get("scores")
    section = Section("How sure the models may be")
    split = None if honest is None else honest.attrs.get("shown_split")
    if honest is not None and picked(honest, "pit", split=split) is not None:
        section.figures.append(
            (
                distributions.reliability(honest),
                "Top: probability that a model gave to values up to the reading; flat where "
                "honest, a hump where too wide, a bowl where too narrow, a slope where biased. "
                "Bottom: share of readings inside central intervals; above zero: too wide.",
            )
        )
    if scores is not None and picked(scores, "coverage_80") is not None:
        section.tables.append(tables.coverage_table(scores))
    return [section]


def seasons_section(shown: Shown) -> list[Section]:
    """Return the section on months, and on answers to rain."""
    months, response = shown.data.get("months"), shown.data.get("response")
    section = Section("Seasons, and answers to rain")
    if months is not None and figures.multimodal_models(months):
        rainy = str(months.attrs.get("rainy_day", ""))
        caption = (
            "Share of answers (all depths, tested steps) whose density has more than one maximum, "
            f"by month; below: rainy days{f' ({rainy})' if rainy else ''} and mean discharge of "
            "the whole record, where known."
        )
        for n, groups in enumerate(batches(parts_of(months, "group"), _MOST_COLUMNS)):
            section.figures.append((figures.months(months, groups), _first(caption, n)))
        section.tables.append(tables.modes_table(months))
    if response is not None and picked(response, "events") is not None:
        rule = str(response.attrs.get("rule", ""))
        caption = (
            "In which order the sensors of a profile answer to rain (Demand et al. 2019); small "
            f"numbers: events of all profiles.{f' Rule: {rule}.' if rule else ''}"
        )
        groups = parts_of(response, "group")
        for n, part in enumerate(batches(groups, 6)):
            section.figures.append((figures.response(response, part), _first(caption, n)))
    return [section]


def learning_section(shown: Shown) -> list[Section]:
    """Return the section on the training."""
    data = shown.data.get("learning")
    if data is None or picked(data, "train_loss") is None:
        return []
    caption = (
        "Losses of all trainings: every fold of every split, every member of an ensemble. Models "
        "have losses of their own scales, so that panels are not compared."
    )
    return [Section("Training", figures=[(figures.learning(data), caption)])]

"""The kinds of studies: how each is run, checked and shown; their modules are read when wanted."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import xarray as xr

from rootzone.config import (
    CatchmentStudy,
    ColumnStudy,
    InverseStudy,
    ReplicatesStudy,
    StationStudy,
    TransectStudy,
)
from rootzone.studies.context import Context

_PACKAGES = ("jax", "jaxlib", "equinox", "numpy", "pandas", "xarray", "h5netcdf", "pydantic")


def versions() -> dict[str, str]:
    """Return the versions of the package, of Python and of what computes."""
    from rootzone import __version__

    found = {"rootzone": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _made_with() -> str:
    return ", ".join(f"{name} {number}" for name, number in versions().items())


@dataclass(frozen=True)
class Kind:
    """How a study kind is run and shown."""

    run: Callable[[Any, Context], tuple[dict[str, xr.Dataset], dict[str, Any], dict[str, Any]]]
    """Returns datasets, scores, and the kind's own keys of the summary."""
    check: Callable[[Any, Context], None]
    """Reads all input and raises what is wrong with it."""
    page: Callable[[Mapping[str, xr.Dataset], Mapping[str, Any]], str]
    """Returns the report from what the folder holds."""
    later: tuple[str, ...] = ()
    """Keys, dotted, that nothing depends on which a run keeps for ``--resume``: a folder is gone on
    with when they were changed."""


def _run_station(study: StationStudy, context: Context):
    from rootzone.studies.station import run_station
    from rootzone.studies.station_output import station_datasets, station_summary

    result = run_station(study, context)
    return station_datasets(study, result), result.scores, station_summary(study, result)


def _check_station(study: StationStudy, context: Context) -> None:
    from rootzone.studies.station import prepare

    prepare(study, context)


def _station_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    from rootzone.report.station import station_page

    return station_page(datasets, summary)


def _run_catchment(study: CatchmentStudy, context: Context):
    from rootzone.studies.catchment import run_catchment
    from rootzone.studies.catchment_output import catchment_datasets, catchment_summary

    result = run_catchment(study, context)
    datasets = catchment_datasets(study, result, context)
    return datasets, result.scores, catchment_summary(study, result)


def _check_catchment(study: CatchmentStudy, context: Context) -> None:
    from rootzone.studies.catchment_input import read_inputs

    read_inputs(study, context)


def _catchment_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    from rootzone.report.catchment import catchment_page

    return catchment_page(datasets, summary)


def _run_column(study: ColumnStudy, context: Context):
    from rootzone.studies.column import run_column

    datasets, own = run_column(study, context, made_with=_made_with())
    return datasets, {}, own


def _check_column(study: ColumnStudy, context: Context) -> None:
    from rootzone.studies.column import prepare

    prepare(study, context)


def _column_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    from rootzone.report.column import column_page

    return column_page(datasets, summary)


def _run_inverse(study: InverseStudy, context: Context):
    from rootzone.studies.inverse import run_inverse

    return run_inverse(study, context, made_with=_made_with())


def _check_inverse(study: InverseStudy, context: Context) -> None:
    from rootzone.studies.inverse import check_inverse

    check_inverse(study, context)


def _inverse_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    from rootzone.report.inverse import inverse_page

    return inverse_page(datasets, summary)


def _run_transect(study: TransectStudy, context: Context):
    from rootzone.studies.transect import run_transect
    from rootzone.studies.transect_output import (
        transect_datasets,
        transect_scores,
        transect_summary,
    )

    result = run_transect(study, context, made_with=_made_with())
    datasets = transect_datasets(study, result)
    return datasets, transect_scores(result), transect_summary(study, result)


def _check_transect(study: TransectStudy, context: Context) -> None:
    from rootzone.studies.transect import check_transect

    check_transect(study, context)


def _transect_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    from rootzone.report.transect import transect_page

    return transect_page(datasets, summary)


def _run_replicates(study: ReplicatesStudy, context: Context):
    from rootzone.studies.replicates import run_replicates

    return run_replicates(study, context, made_with=_made_with())


def _check_replicates(study: ReplicatesStudy, context: Context) -> None:
    from rootzone.studies.replicates import check_replicates

    check_replicates(study, context)


def _replicates_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    from rootzone.report.replicates import replicates_page

    return replicates_page(datasets, summary)


KINDS: dict[str, Kind] = {
    "station": Kind(_run_station, _check_station, _station_page),
    "catchment": Kind(_run_catchment, _check_catchment, _catchment_page),
    "column": Kind(_run_column, _check_column, _column_page),
    "inverse": Kind(_run_inverse, _check_inverse, _inverse_page),
    "transect": Kind(
        _run_transect,
        _check_transect,
        _transect_page,
        later=(
            "title",
            "search.objective",
            "search.behavioral",
            "search.beside",
            "search.beside_for",
            "search.sensitivity",
            "evaluation.bins",
            "evaluation.edges",
            "evaluation.depth",
            "transfer",
        ),
    ),
    "replicates": Kind(_run_replicates, _check_replicates, _replicates_page),
}

"""Archives of the International Soil Moisture Network: written here, read by the package ismn."""

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pydantic import TypeAdapter

from rootzone.config.replicates_data import Data
from rootzone.core import RootzoneError, StudyError
from rootzone.data import Log
from rootzone.studies.context import Context
from rootzone.studies.replicates_input import read_network

pytest.importorskip("ismn")

HOURS = 48


def _rows(values: np.ndarray, flags: list[str]) -> list[str]:
    return [
        f"2020/01/{1 + n // 24:02d} {n % 24:02d}:00 {value:.4f} {flag} M"
        for n, (value, flag) in enumerate(zip(values, flags, strict=True))
    ]


class Archive:
    """An archive of two networks with three stations, as the data portal packs it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.root = folder / "archive"
        self.part: dict[str, Any] = {"method": "ismn", "folder": "archive"}
        self.good = ["G"] * HOURS
        wave = 0.02 * np.sin(np.arange(HOURS) / 6.0)
        for n, (network, station) in enumerate([("NETA", "one"), ("NETA", "two"), ("NETB", "six")]):
            place = (48.0 + n, 9.0, 500.0 + n)
            for depth in (0.05, 0.2):
                for k, letter in enumerate("AB"):
                    self.sensor(
                        (network, station, "sm"),
                        place,
                        depth,
                        f"Probe-{letter}",
                        _rows(0.2 + 0.1 * n + 0.01 * k + wave, self.good),
                    )
            self.static(network, station, "Cfb" if n < 2 else "Dfb", 40 + n)
        self.sensor(
            ("NETA", "one", "p"),
            (48.0, 9.0, 500.0),
            -2.0,
            "Gauge",
            _rows(np.ones(HOURS), self.good),
        )
        self.sensor(("NETA", "one", "ta"), (48.0, 9.0, 500.0), -2.0, "Air", _rows(wave, self.good))

    def sensor(
        self,
        what: tuple[str, str, str],
        place: tuple[float, float, float],
        depth: float,
        instrument: str,
        rows: list[str],
        *,
        ceop: bool = False,
    ) -> Path:
        """Write a file in the layout `header + values`, or the one that CEOP has."""
        network, station, variable = what
        folder = self.root / network / station
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{network}_{network}_{station}_{variable}_{depth:.6f}_{depth:.6f}_{instrument}"
        path = folder / f"{name}_20200101_20200102.stm"
        where = " ".join(f"{x:.5f}" for x in place)
        if ceop:
            meta = f"{network} {network} {station} {where} {depth:.2f} {depth:.2f}"
            lines = []
            for row in rows:
                date, hour, value, flag, original = row.split()
                lines.append(f"{date} {hour} {date} {hour} {meta} {value} {flag} {original}")
            path.write_text("\n".join(lines) + "\n")
            return path
        header = f"{network} {network} {station} {where} {depth:.2f} {depth:.2f} {instrument}"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    def static(self, network: str, station: str, climate: str, sand: float) -> None:
        """Write the table of static variables of a station."""
        lines = [
            "quantity_name;unit;depth_from[m];depth_to[m];value;description;quantity_source_name",
            f"sand fraction;% weight;0.00;0.10;{sand};;HWSD",
            f"sand fraction;% weight;0.10;0.30;{sand + 10};;HWSD",
            "clay fraction;% weight;0.00;0.30;21.0;;HWSD",
            "saturation;m^3*m^-3;0.00;0.30;0.45;;HWSD",
            f"climate classification;unitless;0.00;0.00;{climate};;koeppen_geiger_2007",
            "land cover classification;unitless;0.00;0.00;130;;CCI_landcover_2010",
        ]
        path = self.root / network / station / f"{network}_{network}_{station}_static_variables.csv"
        path.write_text("\n".join(lines) + "\n")

    def read(self, **part: Any) -> tuple[xr.Dataset, Log]:
        """Read the archive."""
        context = Context(base=self.folder)
        data = TypeAdapter(Data).validate_python(self.part | part)
        return read_network(data, context), context.log

    def refusal(self, **part: Any) -> str:
        """Return the sentence with which reading fails."""
        with pytest.raises(RootzoneError) as caught:
            self.read(**part)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Return a whole archive."""
    return Archive(tmp_path)


def test_stations_become_places_and_sensors_replicates(archive: Archive):
    ds, log = archive.read()
    assert ds["place"].values.tolist() == ["NETA one", "NETA two", "NETB six"]
    assert ds["group"].values.tolist() == ["NETA", "NETA", "NETB"]
    assert ds["depth"].values.tolist() == [5.0, 20.0]
    assert ds["replicate"].values.tolist() == ["A", "B"]
    assert ds["soil_moisture"].shape == (3, 2, 2, HOURS)
    got = ds["soil_moisture"].sel(place="NETA two", depth=20.0, replicate="B")[0]
    assert float(got) == pytest.approx(0.31)
    assert ds["latitude"].values.tolist() == [48.0, 49.0, 50.0]
    assert ds["elevation"].values.tolist() == [500.0, 501.0, 502.0]
    np.testing.assert_allclose(ds["sand"].values, [[40, 50], [41, 51], [42, 52]])
    np.testing.assert_allclose(ds["porosity"].values, 0.45)
    assert ds["climate"].values.tolist() == ["Cfb", "Cfb", "Dfb"]
    assert ds["land_cover"].values[0] == "Grassland"
    assert float(ds["precipitation"].sel(place="NETA one").sum()) == HOURS
    assert np.isnan(ds["temperature"].sel(place="NETB six")).all()
    assert "3 stations with 12 sensors" in log.text()
    assert any("group NETB has one place" in w for w in log.warnings)


def test_the_zip_file_as_downloaded(archive: Archive):
    whole, _ = archive.read()
    shutil.make_archive(str(archive.folder / "packed"), "zip", archive.root)
    packed, _ = archive.read(folder="packed.zip")
    xr.testing.assert_identical(packed, whole)


def test_reading_leaves_the_archive_as_it_is(archive: Archive):
    before = sorted(p.relative_to(archive.folder) for p in archive.folder.rglob("*"))
    archive.read()
    assert sorted(p.relative_to(archive.folder) for p in archive.folder.rglob("*")) == before


def test_groups_and_choices(archive: Archive):
    ds, _ = archive.read(group_by="climate", networks="NETA", depths=[5])
    assert ds["group"].values.tolist() == ["Cfb", "Cfb"]
    assert ds["depth"].values.tolist() == [5.0]
    ds, _ = archive.read(group_by="land_cover", stations=["one", "six"])
    assert ds["place"].values.tolist() == ["NETA one", "NETB six"]
    assert ds["group"].values.tolist() == ["Grassland", "Grassland"]


def test_flags_and_the_layout_of_ceop(archive: Archive):
    flags = ["D01,D03"] * 3 + archive.good[3:]
    rows = _rows(np.full(HOURS, 0.25), flags)
    archive.sensor(("NETA", "one", "sm"), (48.0, 9.0, 500.0), 0.05, "Probe-C", rows, ceop=True)
    theta = archive.read()[0]["soil_moisture"]
    third = theta.sel(place="NETA one", depth=5.0, replicate="C").values
    assert np.isnan(third[:3]).all()
    np.testing.assert_allclose(third[3:], 0.25)
    wide = archive.read(flags=["G", "D01,D03"])[0]["soil_moisture"]
    assert np.isfinite(wide.sel(place="NETA one", depth=5.0, replicate="C")).all()


def test_weather_of_other_stations_fills_in(archive: Archive):
    table = "time,rain\n2020-01-01,24\n2020-01-02,48\n"
    (archive.folder / "rain.csv").write_text(table)
    rain = {
        "name": "office",
        "files": "rain.csv",
        "latitude": 49.9,
        "longitude": 9.0,
        "interval": "1d",
        "time": {"timezone": "UTC"},
        "columns": {"precipitation": {"column": "rain", "units": "mm"}},
    }
    ds, _ = archive.read(inputs=[rain], farthest=200)
    amounts = ds["precipitation"].sum("time").values.tolist()
    assert amounts == pytest.approx([HOURS, 72.0, 72.0])
    assert float(ds["precipitation"].sel(place="NETB six")[0]) == pytest.approx(1.0)


def test_what_cannot_be_read(archive: Archive):
    assert "there is no network 'NETC'" in archive.refusal(networks="NETC")
    assert "did you mean 'six'?" in archive.refusal(stations=["sixx"])
    assert "there is no such archive" in archive.refusal(folder="elsewhere")
    assert "no station has soil moisture of the flags X" in archive.refusal(flags="X")
    assert "at 90 cm" in archive.refusal(depths=[90])
    (archive.folder / "empty").mkdir()
    assert "no network with stations in it" in archive.refusal(folder="empty")
    (archive.folder / "no.zip").write_text("no archive")
    assert "no.zip: cannot be read as an archive" in archive.refusal(folder="no.zip")


def test_a_damaged_file_is_told_and_left_out(archive: Archive):
    path = archive.sensor(("NETB", "six", "sm"), (50.0, 9.0, 502.0), 0.05, "Probe-C", ["x"])
    ds, log = archive.read()
    assert any(path.name in w and "left out" in w for w in log.warnings)
    assert ds["replicate"].values.tolist() == ["A", "B"]


def test_a_station_without_static_variables(archive: Archive):
    next((archive.root / "NETB" / "six").glob("*.csv")).unlink()
    ds, log = archive.read()
    assert np.isnan(ds["sand"].sel(place="NETB six")).all()
    assert ds["climate"].sel(place="NETB six").item() == "unknown"
    assert any("no table of static variables" in w for w in log.warnings)


def test_without_the_package(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ismn.base", None)
    with pytest.raises(StudyError, match=r"pip install 'rootzone\[networks\]'"):
        archive.read()

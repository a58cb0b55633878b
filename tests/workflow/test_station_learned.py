"""The root zone of a station by networks: what comes out, what is told, what is refused."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import rootzone
from rootzone.core import DataError, RootzoneError
from rootzone.data.network_file import read_network
from rootzone.learn.exchange import model_to_arrays
from rootzone.learn.heads import GaussianMixture
from rootzone.learn.model import Model, Names
from rootzone.learn.network import MaskedMean, Network
from rootzone.learn.sequences import Sequences
from rootzone.studies import find_demo, station_learned
from rootzone.studies.runner import check_study

C4 = find_demo("station-c4")
SHORT = "time.end=2023-10-31T00:00:00Z"
INPUTS = ("retrieval", "rain", "pet", "temperature", "season_cos", "season_sin")
STATIC = ("sand", "bulk_density", "log_rate")


def network(path: Path, inputs=INPUTS, targets=("0-10 cm", "0-30 cm"), **words) -> Path:
    """Write a small network that nobody has trained."""
    rng = np.random.default_rng(0)
    head = GaussianMixture(2)

    def build(key: jax.Array) -> Network:
        k = jax.random.split(key, 3)
        return Network.start(
            MaskedMean.start([[n] for n in range(len(inputs))], 8, key=k[0]),
            embed_static=MaskedMean.start([[n] for n in range(len(STATIC))], 4, key=k[1]),
            hidden=8,
            targets=len(targets),
            size=head.size,
            key=k[2],
        )

    rows = rng.uniform(0.0, 0.5, (4, 60, len(inputs))).astype("f4")
    static = rng.uniform([10, 1.0, 5.0], [90, 1.6, 10.0], (4, 3)).astype("f4")
    target = rng.uniform(0.1, 0.4, (4, 60, len(targets))).astype("f4")
    upper = np.full((4, len(targets)), 0.5, "f4")
    data = Sequences(rows, target, static, upper)
    names = Names(tuple(inputs), STATIC, tuple(targets))
    model = Model.start(build, head, data, names, members=2, seed=1, bounded=True)
    arrays, description = model_to_arrays(model)
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    path.with_suffix(".json").write_text(json.dumps(description | words))
    return path


def settings(path: Path, **more) -> str:
    return f"root_zone={json.dumps({'method': 'lstm', 'model': str(path), **more})}"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """C4, four months of it, with a network that has learned from its first 40 days."""
    folder = tmp_path_factory.mktemp("learned")
    path = network(folder / "small.npz")
    tuning = {"days": 40, "epochs": 40, "learning_rate": 0.05}
    overrides = [SHORT, settings(path, depths=[30, 10], sand=40, fine_tuning=tuning)]
    return rootzone.run(C4, out=folder / "run", overrides=overrides)


def test_bands_hold_the_mean(tuned):
    daily = tuned["daily"]
    assert daily["root_zone"].dims == ("depth", "day")
    assert daily["depth"].to_numpy().tolist() == [30.0, 10.0]
    for name in ("root_zone", "root_zone_sigma", "root_zone_lower", "root_zone_upper"):
        assert np.isfinite(daily[name]).all(), name
    assert (daily["root_zone_lower"] < daily["root_zone"]).all()
    assert (daily["root_zone"] < daily["root_zone_upper"]).all()
    assert (daily["root_zone_lower"] >= 0.0).all()
    assert (daily["root_zone_upper"] <= 1.0 - 1.205 / 2.65).all()


def test_what_it_read_is_kept(tuned):
    read = tuned["network_inputs"]
    daily = tuned["daily"]
    np.testing.assert_array_equal(read["day"], daily["day"])
    thawed = daily["snow_or_frost"].to_numpy() == 0
    seen = daily["soil_moisture"].to_numpy()[thawed]
    np.testing.assert_array_equal(read["retrieval"].to_numpy()[thawed], seen)
    assert float(read["attribute_sand"]) == 40.0
    assert (tuned.folder / "network_inputs.nc").is_file()


def test_the_calibration_that_comes_with_a_network_sets_its_band(tmp_path):
    """Levels 5 and 95 % asked for as 25 and 75 % give a narrower band, 0-10 cm as it was."""
    ends = {"level": [0.0, 0.05, 0.95, 1.0]}
    same, narrow = [0.0, 0.05, 0.95, 1.0], [0.0, 0.25, 0.75, 1.0]
    depths = {"depths": [10, 30]}
    plain, set_right = (
        rootzone.run(C4, overrides=[SHORT, settings(path, **depths)])["daily"]
        for path in (
            network(tmp_path / "a.npz"),
            network(tmp_path / "b.npz", calibration=ends | {"base": [same, narrow]}),
        )
    )
    width = lambda d: (d["root_zone_upper"] - d["root_zone_lower"]).to_numpy()  # noqa: E731
    np.testing.assert_allclose(width(set_right)[0], width(plain)[0], rtol=1e-3)
    assert np.all(width(set_right)[1] < 0.8 * width(plain)[1])
    loose = settings(tmp_path / "a.npz", structure_sigma=0.1, **depths)
    wide = rootzone.run(C4, overrides=[SHORT, loose])["daily"]
    np.testing.assert_array_equal(wide["root_zone"], plain["root_zone"])
    assert np.all(wide["root_zone_upper"] > plain["root_zone_upper"])
    assert np.all(wide["root_zone_sigma"] > 0.1)
    wrong = network(tmp_path / "c.npz", calibration={"level": [0.0, 1.0], "base": [[0.0, 1.0]]})
    with pytest.raises(DataError, match="other targets"):
        rootzone.run(C4, overrides=[SHORT, settings(wrong)])
    for base in ([[0.0, float("nan")]] * 2, [[0.5, 0.2]] * 2, "none"):
        wrong = network(tmp_path / "c.npz", calibration={"level": [0.0, 1.0], "base": base})
        with pytest.raises(DataError, match="calibration of the intervals is none"):
            check_study(C4, overrides=[SHORT, settings(wrong)])


def test_days_that_were_learned_from_are_not_scored(tuned):
    """Sensors begin with the record, so the first 40 days are those that were learned from."""
    used = tuned["daily"]["compare_root_zone_0_30_cm_used"].to_numpy() > 0
    assert not used[:40].any()
    assert used[40:].sum() > 50
    assert tuned.summary["scores"]["root zone 0-30 cm"]["n"] == used.sum()


def test_tuning_finds_the_level_of_the_sensors(tuned, tmp_path):
    path = network(tmp_path / "small.npz")
    plain = rootzone.run(C4, overrides=[SHORT, settings(path)])
    pair = [f"compare_root_zone_0_30_cm_{what}" for what in ("retrieved", "sensors")]

    def error(result) -> float:
        first, sensors = (result["daily"][name].to_numpy()[:40] for name in pair)
        return float(np.sqrt(np.nanmean((first - sensors) ** 2)))

    assert error(tuned) < 0.03
    assert error(tuned) < 0.3 * error(plain)


def test_what_it_tells(tuned):
    log = (tuned.folder / "log.txt").read_text()
    assert "reads, as a share of the days, retrieval" in log
    assert "fine-tuned (readout) on 40 days" in log
    assert "outside the range that the network" in log
    assert tuned.summary["settings"]["root_zone_fine_tuning_days"] == 40
    assert (tuned.folder / "report.html").stat().st_size > 10_000


def test_the_network_of_the_package_reads_the_demo(tmp_path):
    """Against sensors in the ground: 280 days, no less right than the filter's 0.030."""
    result = rootzone.run(C4, out=tmp_path / "run", overrides=['root_zone={"method": "lstm"}'])
    scores = result.summary["scores"]["root zone 0-30 cm"]
    assert scores["n"] >= 280
    assert scores["ubrmse"] < 0.03
    assert scores["r"] > 0.88
    daily = result["daily"]
    assert np.isfinite(daily["root_zone"]).all()
    used = daily["compare_root_zone_0_30_cm_used"].to_numpy() > 0
    sensors = daily["compare_root_zone_0_30_cm_sensors"].to_numpy()[used]
    low, high = (daily[f"root_zone_{e}"].isel(depth=0).to_numpy()[used] for e in ("lower", "upper"))
    assert 0.5 < np.mean((low <= sensors) & (sensors <= high)) <= 1.0
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "the network 'general' reads, as a share of the days, retrieval" in log
    assert "attributes that are not known: sand" in log


def test_check_reads_the_network(tmp_path):
    told = "\n".join(check_study(C4, overrides=[SHORT, settings(network(tmp_path / "a.npz"))]))
    assert "N0" in told
    assert "root zone" not in told  # it fits: there is nothing to say


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": "generell"}, "give one of the package (general)"),
        ({"depths": [45]}, "knows 0-10 cm, 0-30 cm, not 0-45 cm"),
        ({"fine_tuning": {"days": 5}}, "wanted 10 or more, got 5"),
        ({"porosity": 1.2}, "wanted below 1, got 1.2"),
    ],
)
def test_refusals(change, sentence, tmp_path):
    path = network(tmp_path / "a.npz")
    with pytest.raises(RootzoneError) as caught:
        check_study(
            C4,
            overrides=[
                settings(path, **change)
                if "model" not in change
                else settings(Path(change["model"]))
            ],
        )
    assert sentence in str(caught.value)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))


def one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(3))


@pytest.mark.parametrize(
    "spoil",
    [
        damaged,
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b"no network"),
        one_array,
        lambda path: path.with_suffix(".json").write_text("{"),
        lambda path: path.with_suffix(".json").write_text("[1]"),
    ],
    ids=["damaged", "cut", "text", "one array", "half a description", "a list"],
)
def test_files_that_are_no_network(spoil, tmp_path):
    path = network(tmp_path / "model.npz")
    spoil(path)
    with pytest.raises(DataError, match=r"model\.(npz|json)") as caught:
        read_network(str(path), base=tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_run_reads_its_network_once(tmp_path, station, monkeypatch):
    read = []

    def counting(name, *, base):
        read.append(name)
        return read_network(name, base=base)

    monkeypatch.setattr(station_learned, "read_network", counting)
    path = network(tmp_path / "a.npz")
    station.values["root_zone"] = {"method": "lstm", "model": str(path)}
    assert np.isfinite(station.run()["daily"]["root_zone"]).all()
    assert read == [str(path)]


def test_networks_that_do_not_fit(tmp_path):
    strange = network(tmp_path / "strange.npz", inputs=(*INPUTS, "cloudiness"))
    with pytest.raises(RootzoneError, match="reads cloudiness, which a station does not know"):
        check_study(C4, overrides=[SHORT, settings(strange)])
    old = network(tmp_path / "old.npz", version=99)
    with pytest.raises(RootzoneError, match="version 99 of its format"):
        check_study(C4, overrides=[SHORT, settings(old)])
    (tmp_path / "old.json").unlink()
    with pytest.raises(RootzoneError, match=r"no network can be read from it and old\.json"):
        check_study(C4, overrides=[SHORT, settings(old)])


def test_sensors_that_cannot_teach(tmp_path, station):
    """A sensor at 10 cm gives no mean of 0-30 cm; ten days are fewer than sixty."""
    path = network(tmp_path / "a.npz")
    station.values["root_zone"] = {"method": "lstm", "model": str(path), "fine_tuning": {}}
    station.sensor()
    with pytest.raises(RootzoneError, match="no sensors give a mean of 0-30 cm"):
        station.run()
    station.values["root_zone"]["depths"] = [10]
    with pytest.raises(RootzoneError, match="sensors have 10 days"):
        station.run()

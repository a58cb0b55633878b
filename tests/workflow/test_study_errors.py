"""Study files with faults: file, line, key, what was wanted, the nearest word."""

import itertools
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from rootzone import cli
from rootzone.config import KINDS, StationStudy, json_schema, load_study, template
from rootzone.core import StudyError
from rootzone.studies import demo_studies, find_demo
from rootzone.studies.runner import check_study

STUDY = """\
kind: station
station:
  name: Testfeld
  latitude: 52.0
  longitude: 13.0
  elevation: 100.0
  cutoff_rigidity: 3.0
  bulk_density: 1.4
tables:
  - files: station.csv
    time: {column: time}
    columns:
      counts: {column: counts, units: count}
      pressure:
        column: pressure
        units: hPa
calibration:
  method: given
  N0: 2500.0
"""
CAMPAIGN = """\
  method: campaigns
  campaigns:
    - start: 2020-03-01T00:00:00Z
      end: 2020-03-02T00:00:00Z
      gravimetric_water: 0.1
"""


def refusal(source, *overrides: str) -> str:
    with pytest.raises(StudyError) as caught:
        load_study(source, overrides=overrides)
    return str(caught.value)


def says(answer: str, *words: str) -> None:
    for word in words:
        assert word in answer, f"{word!r} is not in: {answer}"


@pytest.fixture
def study(tmp_path):
    """Return a function that writes a study and returns its path."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "study.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_the_study_is_fine(study):
    assert isinstance(load_study(study(STUDY)), StationStudy)
    assert isinstance(load_study(study(b"\xef\xbb\xbf" + STUDY.encode())), StationStudy)
    assert isinstance(load_study(study(STUDY.replace("\n", "\r\n"))), StationStudy)
    with_campaign = STUDY.split("  method: given")[0] + CAMPAIGN
    assert isinstance(load_study(study(with_campaign)), StationStudy)


# --- keys and values --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        # Unknown keys, at every depth; a misspelled key is one fault.
        ("kind: station\n", "kind: station\ncolor: red\n", 2, [": unknown key; known here: "]),
        ("calibration:", "calibraton:", 17, ["calibraton: unknown key", "'calibration'"]),
        ("elevation:", "elevaton:", 6, ["station.elevaton: unknown key", "'elevation'"]),
        ("pressure:\n", "presure:\n", 14, ["tables[0].columns.presure", "'pressure'"]),
        ("units: hPa", "unit: hPa", 16, ["tables[0].columns.pressure.unit:", "'units'"]),
        ("{column: time}", "{colum: time}", 11, ["tables[0].time.colum:", "'column'"]),
        ("bulk_density: 1.4", "bulk_density: {val: 1}", 8, ["bulk_density.val:", "'value'"]),
        # Missing keys.
        ("  elevation: 100.0\n", "", 2, ["station.elevation: missing"]),
        ("  N0: 2500.0\n", "", 17, ["calibration.N0: missing"]),
        ("  method: given\n", "", 17, ["missing key 'method'", "given, samples, campaigns"]),
        ("        units: hPa\n", "", 14, ["tables[0].columns.pressure.units: missing"]),
        ("kind: station\n", "", 1, ["missing key 'kind'", "station"]),
        ("  cutoff_rigidity: 3.0\n", "", 2, ["station.cutoff_rigidity [GV] is needed"]),
        # Unknown words.
        ("kind: station", "kind: staton", 1, ["unknown kind 'staton'", "'station'?"]),
        ("kind: station", "kind: [station]", 1, ["unknown kind"]),
        ("method: given", "method: givn", 17, ["'givn' is not known", "'given'?"]),
        ("method: given", "method: magic", 17, ["'magic' is not known, wanted 'given'"]),
        ("files: station.csv", "{files: a, format: tao5}", 10, ["'tao5'", "'toa5'?"]),
        ("{column: time}", "{timezone: Europe/Berlinn}", 11, ["time.timezone", "Berlin'?"]),
        ("{column: time}", "{timezone: UTC+1}", 11, ["'UTC+1' is not known", "+01:00"]),
        ("{column: time}", "{timezone: ''}", 11, ["timezone '' is not known"]),
        # Impossible values.
        ("latitude: 52.0", "latitude: 123", 4, ["station.latitude", "90 or less", "got 123"]),
        ("latitude: 52.0", "latitude: north", 4, ["wanted a number, got 'north'"]),
        ("latitude: 52.0", "latitude: 52,0", 4, ["wanted a number, got '52,0'"]),
        ("latitude: 52.0", "latitude: 52:00", 4, ["wanted a number, got '52:00'"]),
        ("latitude: 52.0", "latitude: .nan", 4, ["wanted a finite number"]),
        ("latitude: 52.0", "latitude: true", 4, ["station.latitude is true"]),
        ("latitude: 52.0", "latitude:", 4, ["wanted a number, got nothing"]),
        ("elevation: 100.0", "elevation: .inf", 6, ["wanted a finite number"]),
        ("rigidity: 3.0", "rigidity: 0", 7, ["cutoff_rigidity: wanted above 0, got 0"]),
        ("density: 1.4", "density: 2.65", 8, ["station.bulk_density is 2.65 g cm-3"]),
        ("density: 1.4", "density: 1400", 8, ["station.bulk_density is 1400 g cm-3"]),
        ("density: 1.4", "density: unknown", 8, ["{value: ..., sigma: ...}", "'unknown'"]),
        ("density: 1.4", "density: {value: 1.4, sigma: -1}", 8, ["sigma: wanted 0 or more"]),
        (
            "calibration:\n",
            "quality: {spike_window_hours: 1e30}\ncalibration:\n",
            17,
            ["quality.spike_window_hours: wanted 8760 or less"],
        ),
        ("N0: 2500.0", "N0: 0", 19, ["calibration.N0 is 0 h-1, wanted above 0"]),
        ("N0: 2500.0", "N0: -5", 19, ["calibration.N0 is -5 h-1"]),
        ("N0: 2500.0", "N0: .nan", 19, ["calibration.N0", "finite number"]),
        ("N0: 2500.0", "N0: many", 19, ["calibration.N0: wanted a number"]),
        ("N0: 2500.0", "N0: {value: 1, sigm: 2}", 19, ["N0.sigm: unknown key", "'sigma'"]),
        ("calibration:\n", "seed: -1\ncalibration:\n", 17, ["seed: wanted 0 or more"]),
        ("calibration:\n", "seed: 1.5\ncalibration:\n", 17, ["seed: wanted a whole number"]),
        ("calibration:\n", "title: [a]\ncalibration:\n", 17, ["title: wanted text"]),
        ("tables:\n", "time: {step: 60}\ntables:\n", 9, ["60 is no duration, e.g. 30min"]),
        ("tables:\n", "time: {step: '60'}\ntables:\n", 9, ["'60' is no duration"]),
        ("tables:\n", "time: {start: 2021}\ntables:\n", 9, ["2021 is no time, e.g. 2023-"]),
        ("tables:\n", "time: {start: 31.07.2023}\ntables:\n", 9, ["'31.07.2023' is no time"]),
        ("tables:\n", "time: {end: 2020-13-01}\ntables:\n", 9, ["wanted a time such as"]),
        ("tables:\n", "root_zone: {depths: -30}\ntables:\n", 9, ["root_zone.depths are wanted"]),
        ("tables:\n", "root_zone: {depths: []}\ntables:\n", 9, ["depths: wanted 1 entries"]),
        ("tables:\n", "root_zone: {depths: [3, 3]}\ntables:\n", 9, ["depths hold a depth twice"]),
        ("tables:\n", "quality: {count_range: 5}\ntables:\n", 9, ["a list of two numbers"]),
        ("tables:\n", "quality: {count_range: [9, 1]}\ntables:\n", 9, ["the lower one first"]),
        ("tables:\n", "law: {method: koehli2021}\ntables:\n", 9, ["'koehli_2021'?"]),
        ("tables:\n", "law: {method: koehli_2021}\ntables:\n", 9, ["corrections.humidity.method"]),
        (
            "tables:\n",
            "corrections: {pressure: {reference: sea}}\ntables:\n",
            9,
            ["'sea' is not known, wanted a number, 'standard_atmosphere' or 'mean'"],
        ),
        (
            "tables:\n",
            "corrections: {incoming: {method: hawdon_2014, monitor: JUNGG}}\ntables:\n",
            9,
            ["corrections.incoming.monitor 'JUNGG'", "did you mean 'JUNG'?"],
        ),
        # Parts of another shape.
        ("station:\n", "station: here\nother:\n", 2, ["station: wanted keys", "'here'"]),
        ("{column: counts,", "{column: [],", 13, ["columns.counts.column: wanted 1 entries"]),
        ("{column: counts,", "{column: '',", 13, ["wanted text"]),
        ("{column: counts,", "{column: [a, a],", 13, ["column 'a' stands twice"]),
        ("column: pressure", "column: [a, b]", 14, ["columns.pressure wants one column"]),
        (
            "      counts:",
            "      soil_moisture: [{column: a, depth: -5}]\n      counts:",
            13,
            ["tables[0].columns.soil_moisture[0].depth: wanted 0 or more, got -5"],
        ),
    ],
)
def test_a_fault_is_one_sentence_with_its_line(study, old, new, line, words):
    assert old in STUDY
    if "format: tao5" in new:
        new = "files: a\n    format: tao5"
        line = 11
    path = study(STUDY.replace(old, new, 1))
    answer = refusal(path)
    lines = [a for a in answer.splitlines() if "other: unknown key" not in a]
    assert len(lines) == 1
    says(lines[0], f"{path}, line {line}", *words)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("water: 0.1", "water: 50", ["gravimetric_water is 50 g g-1", "15 percent are 0.15"]),
        ("water: 0.1", "water: -0.1", ["gravimetric_water is -0.1 g g-1"]),
        ("water: 0.1", "water: 4", ["gravimetric_water 4 g g-1", "more water than there is room"]),
        ("water: 0.1", "wter: 0.1", ["gravimetric_wter: unknown key", "'gravimetric_water'"]),
        ("end: 2020-03-02", "end: 2020-02-02", ["end is not after start"]),
        ("end: 2020-03-02T00:00:00Z", "end: 2020-02-02", ["end is not after start"]),
        ("start: 2020-03-01T00:00:00Z", "start: spring", ["'spring' is no time"]),
    ],
)
def test_faults_of_campaigns(study, old, new, words):
    assert old in CAMPAIGN
    text = STUDY.split("  method: given")[0] + CAMPAIGN.replace(old, new)
    answer = refusal(study(text))
    assert len(answer.splitlines()) == 1
    says(answer, "calibration.campaigns[0]", *words)


def test_several_faults_are_several_sentences(study):
    text = STUDY.replace("52.0", "152").replace("13.0", "east").replace("units", "unit")
    answer = refusal(study(text)).splitlines()
    assert len(answer) == 4
    says("\n".join(answer), "line 4, ", "line 5, ", "line 13, ", "line 16, ")


def test_words_that_yaml_would_change(study):
    """A column named 5 or 010, a unit 1 and a station named No are text."""
    text = STUDY.replace("Testfeld", "No").replace("units: count", "units: 1")
    text = text.replace("column: counts", "column: 010").replace("column: pressure", "column: 5")
    loaded = load_study(study(text.replace("{column: time}", "{column: 2020-01-01}")))
    assert isinstance(loaded, StationStudy)
    columns = loaded.tables[0].columns
    assert loaded.station.name == "No"
    assert columns.counts is not None
    assert (columns.counts.column, columns.counts.units) == (["010"], "1")
    assert columns.pressure is not None
    assert columns.pressure.column == ["5"]
    assert loaded.tables[0].time.column == "2020-01-01"


# --- YAML -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty or not a mapping", "rootzone new"]),
        ("# nothing\n", ["empty or not a mapping"]),
        ("- a\n- b\n", ["empty or not a mapping"]),
        ("hello\n", ["empty or not a mapping"]),
        (STUDY.replace("station:\n", "station: [\n", 1), ["line 4", "not valid YAML"]),
        (STUDY.replace("  name", "\tname"), ["line 3", "not valid YAML", "not with tabs"]),
        (STUDY.replace("  latitude", "   latitude"), ["line 4", "indented"]),
        (STUDY.replace("Testfeld", "Test: feld"), ["line 3", "wants quotes"]),
        (STUDY.replace("units: hPa", "units: %"), ["line 16", "wants quotes"]),
        (STUDY + "---\nkind: station\n", ["line 20", "another document"]),
        (STUDY.replace("  longitude", "  latitude"), ["line 5", "latitude: the key stands twice"]),
        (STUDY + "kind: station\n", ["line 20, kind: the key stands twice"]),
        (STUDY + "? [a, b]\n: c\n", ["a key must be a word"]),
        (STUDY + "null: c\n", ["line 20, null: unknown key"]),
        (STUDY + "title: a\0b\n", ["not valid YAML", "special characters"]),
        (STUDY.replace("Testfeld", "Fürst").encode("latin-1"), ["not UTF-8 text"]),
        (STUDY.encode("utf-16"), ["not UTF-8 text"]),
        (bytes(range(256)), ["not UTF-8 text"]),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), ["not UTF-8 text"]),
        (STUDY + "title: " + "[" * 100 + "]" * 100, ["nested more than 40 levels"]),
        (STUDY + "title: " + "[" * 5000 + "]" * 5000, ["nested too deep"]),
        (STUDY + "law: &a {method: *a}\n", ["nested more than 40 levels"]),
        (STUDY + "# filled\n" * 120_000, ["larger than 1 MB"]),
        (STUDY + "seed: !!int abc\n", ["line 20, seed: 'abc' is no number"]),
        (STUDY + "seed: !!int\n", ["line 20, seed: '' is no number"]),
    ],
)
def test_yaml_that_is_no_study(study, text, words):
    path = study(text)
    says(refusal(path), str(path), *words)


@pytest.mark.parametrize(
    "tagged",
    [
        "title: !!python/object/apply:os.system ['touch HACKED']\n",
        "title: !!python/object/apply:pathlib.Path.touch [HACKED]\n",
        "title: !!python/name:os.system\n",
        "law: !!python/object:os {method: desilets_2010}\n",
        "!!python/name:os.system title: a\n",
        "title: !!binary aGVsbG8=\n",
        "title: !!timestamp abc\n",
        "title: !mine a\n",
        "law: {<<: {method: desilets_2010}}\n",
    ],
)
def test_yaml_tags_are_refused(study, tagged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    says(refusal(study(STUDY + tagged)), "line 20", "the YAML tag !", "has no place in a study")
    says(refusal(study(STUDY), "title=!!python/name:os.system"), "has no place in a study")
    assert not (tmp_path / "HACKED").exists()


def test_a_yaml_bomb_is_refused(study):
    letters = "abcdefghi"
    bomb = "a0: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}0: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in itertools.pairwise(letters)
    )
    says(refusal(study(bomb + STUDY)), "more than 100000 values")


def test_paths_that_are_no_study(tmp_path):
    says(refusal(tmp_path), str(tmp_path), "a folder, a study file is wanted")
    says(refusal(tmp_path / "nothing.yaml"), "nothing.yaml: no such study file")
    says(refusal("x" * 5000), "cannot be read")
    says(refusal("a\0b"), "cannot be read")


def test_mappings_are_studies_too():
    values = yaml.safe_load(STUDY)
    assert isinstance(load_study(values), StationStudy)
    values["station"]["latitude"] = 123
    says(refusal(values), "study, station.latitude: wanted 90 or less")
    assert len(refusal({"kind": "station"}).splitlines()) == 3
    says(refusal({}), "missing key 'kind'")
    says(refusal({("a", "b"): 1}), "not made of plain values")


# --- --set ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("time.windw_hours=12", ["time.windw_hours: unknown key", "'window_hours'"]),
        ("station.latitude=123", ["station.latitude: wanted 90 or less, got 123"]),
        ("calibration.N0=-1", ["calibration.N0 is -1 h-1"]),
        ("time.window_hours", ["wanted key=value, e.g. --set time.window_hours=12"]),
        ("=3", ["wanted key=value"]),
        ("a..b=3", ["wanted key=value"]),
        ("time.window_hours=", ["wanted a number, got nothing"]),
        ("time.window_hours=[", ["the value is not valid YAML"]),
        ("title=a: b: c", ["the value is not valid YAML"]),
        ("tables.1.files=b.csv", ["tables has 1 entries, counted from 0, not '1'"]),
        ("tables.x.files=b.csv", ["tables has 1 entries", "not 'x'"]),
        ("tables.-1.files=b.csv", ["not '-1'"]),
        ("tables.²=b.csv", ["not '²'"]),
        ("station.name.x=3", ["station.name holds a value, no keys"]),
        ("kind=rover", ["unknown kind 'rover'"]),
        ("tables=3", ["tables: wanted keys"]),
    ],
)
def test_overrides_with_faults(study, override, words):
    answer = refusal(study(STUDY), override)
    assert len(answer.splitlines()) == 1
    says(answer, f"--set {override}", *words)


def test_overrides(study):
    path = study(STUDY + "time:\n")
    loaded = load_study(
        path,
        overrides=["tables[0].files=b.csv", "time.window_hours=12", "root_zone.depths=[10, 20]"],
    )
    assert isinstance(loaded, StationStudy)
    assert loaded.tables[0].files == ["b.csv"]
    assert loaded.time.window_hours == 12
    assert loaded.root_zone.depths == [10, 20]
    assert load_study(loaded) is loaded
    again = load_study(loaded, overrides=["tables.0.columns.counts.units=h-1"])
    assert isinstance(again, StationStudy)
    assert again.tables[0].columns.counts is not None
    assert again.tables[0].columns.counts.units == "h-1"


# --- what is shipped --------------------------------------------------------------------


def _models(model: type[BaseModel], found: dict[type[BaseModel], None]) -> list[type[BaseModel]]:
    found[model] = None
    for field in model.model_fields.values():
        parts = [field.annotation]
        while parts:
            part = parts.pop()
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in found:
                _models(part, found)
            parts += typing.get_args(part)
    return list(found)


@pytest.mark.parametrize("kind", KINDS)
def test_template_names_every_key(kind):
    text = template(kind)
    for model in _models(KINDS[kind], {}):
        for name in model.model_fields:
            assert re.search(rf"\b{name}\b", text), f"{model.__name__}.{name}"


def _commented(text: str, start: str) -> str:
    """Return the commented block that starts with a line, as text."""
    lines = text.splitlines()
    block = []
    for line in lines[lines.index(start) + 1 :]:
        if not line.startswith("#   "):
            break
        block.append(line[2:])
    return "calibration:\n" + "\n".join(block) + "\n"


def test_commented_parts_of_the_template_are_studies(study):
    """What the template offers behind # is accepted when it is put in."""
    text = template("station")
    blocks = [m.start() for m in re.finditer(r"^# calibration:$", text, re.MULTILINE)]
    assert len(blocks) == 3
    methods = set()
    for start in blocks:
        block = _commented(text[start:], "# calibration:")
        loaded = load_study(study(STUDY[: STUDY.index("calibration:")] + block))
        assert isinstance(loaded, StationStudy)
        methods.add(loaded.calibration.method)
    assert methods == {"given", "samples", "reference"}


@pytest.mark.parametrize("name", demo_studies())
def test_shipped_examples_pass_the_check(name):
    assert check_study(find_demo(name))


def _types(schema: dict) -> set[str]:
    here = {schema["type"]} if "type" in schema else set()
    return here.union(*(_types(option) for option in schema.get("anyOf", [])))


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_strict(kind):
    schema = json_schema(kind)
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())


def test_schema_knows_the_short_forms():
    parts = {name: part["properties"] for name, part in json_schema("station")["$defs"].items()}
    assert "number" in _types(parts["Site"]["bulk_density"])
    assert _types(parts["SeriesTable"]["files"]) >= {"array", "string"}
    assert "number" in _types(parts["ExponentialFilter"]["depths"])


def test_template_of_an_unknown_kind():
    with pytest.raises(StudyError) as caught:
        template("sttion")
    says(str(caught.value), "unknown kind 'sttion'", "'station'?")


# --- the command line -------------------------------------------------------------------


def rootzone(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rootzone", *map(str, words)],
        cwd=cwd,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_template_passes_the_check_and_is_not_overwritten(tmp_path):
    made = rootzone("new", "station", "field.yaml", cwd=tmp_path)
    assert (made.returncode, made.stdout) == (0, "")
    checked = rootzone("check", "field.yaml", cwd=tmp_path)
    assert checked.returncode == 0
    assert checked.stdout == "field.yaml: fine\n"
    again = rootzone("new", "station", "field.yaml", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr.strip() == "field.yaml: exists already; choose another name"


def test_help_names_every_kind():
    """The kinds are written out in the help, which loads no study model."""
    told = cli.new.__doc__ or ""
    for kind in KINDS:
        assert kind in told


def test_bad_input_ends_with_code_2_and_one_sentence(station):
    station.columns["pressure"]["units"] = "kPa"
    station.study()
    failed = rootzone("run", "study.yaml", "--out", "out", cwd=station.folder)
    assert failed.returncode == 2
    assert failed.stdout.strip() == ""
    last = failed.stderr.strip().splitlines()[-1]
    says(last, "column 'pressure'", "kPa", "set units: hPa")
    assert "Traceback" not in failed.stderr
    assert not (station.folder / "out" / "summary.json").exists()
    checked = rootzone("check", "study.yaml", "--set", "tables.0.file=a", cwd=station.folder)
    assert checked.returncode == 2
    says(checked.stderr, "--set tables.0.file=a", "unknown key", "'files'")
    assert len(checked.stderr.strip().splitlines()) == 1

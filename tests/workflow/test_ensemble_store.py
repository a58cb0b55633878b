"""Laws of the stores of a calibration: whole blocks or none, the same bytes whatever happened."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.calibrate.searches.common import Evaluated
from rootzone.core import DataError, RunError
from rootzone.data.ensemble_store import EnsembleStore, differences, same_content
from rootzone.data.search_record import Record

MEMBERS, BLOCK, BLOCKS = 11, 3, 4
GROUPS = ("forest", "meadow", "all")


def values() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(MEMBERS, 2)) / 3.0


def made(path: Path, **changes) -> EnsembleStore:
    given = {
        "recipe": {"seed": 1, "bounds": (0.0, 1.0)},
        "made_with": "one",
        "parameters": ("K_s", "theta_s"),
        "values": values(),
        "block": BLOCK,
        "scores": {"nse": ("group",), "spaef": ()},
        "coordinates": {"group": GROUPS},
        "attributes": {"nse": {"units": "1"}},
    }
    return EnsembleStore.create(path, **(given | changes))


def block(number: int) -> dict[str, np.ndarray]:
    size = min(BLOCK, MEMBERS - number * BLOCK)
    rng = np.random.default_rng(number)
    scores = {"nse": rng.normal(size=(size, 3)), "spaef": rng.normal(size=size)}
    if number == 1:
        scores["nse"][1], scores["spaef"][1] = np.nan, np.nan  # a set that failed
        scores["spaef"][0] = np.nan
    return {name: array.astype("f4") for name, array in scores.items()}


def filled(path: Path, order=range(BLOCKS)) -> EnsembleStore:
    store = made(path)
    for number in order:
        store.write(number, block(number))
    return store


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> EnsembleStore:
    return filled(tmp_path_factory.mktemp("store") / "whole.zarr")


# --- what is in it ----------------------------------------------------------------------


def test_what_is_written_is_read_by_all(undisturbed):
    store = EnsembleStore(undisturbed.path)
    expected = {n: np.concatenate([block(k)[n] for k in range(BLOCKS)]) for n in ("nse", "spaef")}
    dataset = xr.open_zarr(store.path)
    group = zarr.open_group(store.path, mode="r")
    for name, array in expected.items():
        for found in (store.read(name), dataset[name].to_numpy(), group[name][...]):
            np.testing.assert_array_equal(found, array)
    assert store.read("values").tobytes() == values().tobytes()
    assert store.read("status").tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert dataset["values"].dims == ("member", "parameter")
    assert tuple(dataset["group"].to_numpy()) == store.labels("group") == GROUPS
    assert store.parameters == ("K_s", "theta_s")
    assert set(store.scores()) == {"nse", "spaef"}
    assert store.recipe == {"seed": 1, "bounds": [0.0, 1.0]}
    assert store.field("nse").attrs == {"units": "1"}
    np.testing.assert_array_equal(store.read("nse", [2]), block(2)["nse"])


def test_a_growing_store_is_nan_where_nothing_is_known_yet(tmp_path):
    store = filled(tmp_path / "store.zarr", order=[2, 0])
    here = np.isin(np.arange(MEMBERS) // BLOCK, [0, 2])
    assert store.known() == [0, 2]
    for array in (store.read("nse"), xr.open_zarr(store.path)["nse"].to_numpy()):
        np.testing.assert_array_equal(np.isfinite(array), np.repeat(here[:, None], 3, axis=1))
    np.testing.assert_array_equal(store.read("status"), np.where(here, 0, -1))
    np.testing.assert_array_equal(store.numbers(), np.flatnonzero(here))
    np.testing.assert_array_equal(xr.open_zarr(store.path)["values"], values())  # all, at once
    store.write(1, block(1))
    (store.path / "status" / "c" / "1").unlink()  # killed before the status was written
    again = EnsembleStore(store.path)
    assert again.known() == [0, 2]
    assert np.isnan(again.read("nse")[BLOCK : 2 * BLOCK]).all()


def test_blocks_that_do_not_fit_are_refused(tmp_path):
    store = made(tmp_path / "store.zarr")
    with pytest.raises(ValueError, match="the store has"):
        store.write(0, {"nse": block(0)["nse"]})
    with pytest.raises(ValueError, match="the store has"):
        store.write(3, block(0))  # the last one is shorter
    with pytest.raises(ValueError, match="2 parameters"):
        made(tmp_path / "other.zarr", values=np.ones((3, 3)))
    with pytest.raises(ValueError, match="cannot be called 'values'"):
        made(tmp_path / "other.zarr", scores={"values": ()})


# --- the same bytes ---------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_happened_the_store_ends_with_the_same_bytes(data, undisturbed, tmp_path_factory):
    """Blocks in any order; ended in some of them, in the making of the store, or never."""
    path = tmp_path_factory.mktemp("law") / "store.zarr"
    order = data.draw(st.permutations(range(BLOCKS)))
    ended = data.draw(st.sampled_from(["making it", "describing it", "in a block", "between"]))
    count = 0 if ended in ("making it", "describing it") else data.draw(st.integers(0, BLOCKS - 1))
    store, head = filled(path, order[:count]), path / "zarr.json"
    if ended == "making it":  # its own description is the last
        head.unlink()
        for name in data.draw(st.sets(st.sampled_from(["nse", "values", "group"]))):
            shutil.rmtree(path / name)
    elif ended == "describing it":  # the arrays are described in the head afterwards
        content = json.loads(head.read_text())
        del content["consolidated_metadata"]
        head.write_text(json.dumps(content, indent=2))
    elif ended == "in a block":  # the status is the last
        begun = order[count]
        store.write(begun, block(begun))
        (path / "status" / "c" / str(begun)).unlink()
        for chunk in data.draw(st.sets(st.sampled_from([f"nse/c/{begun}/0", f"spaef/c/{begun}"]))):
            (path / f"{chunk}.0a.partial").write_bytes((path / chunk).read_bytes()[:7])
            (path / chunk).unlink()
    again = made(path)
    assert set(again.known()) <= set(order[:count])
    for number in data.draw(st.permutations(sorted(set(range(BLOCKS)) - set(again.known())))):
        again.write(number, block(number))
    assert differences(path, undisturbed.path) == []


def test_stores_that_differ_are_told_apart(undisturbed, tmp_path):
    store = filled(tmp_path / "a.zarr")
    assert same_content(store.path, undisturbed.path)
    store.write(1, {name: array + 1 for name, array in block(1).items()})
    assert differences(store.path, undisturbed.path) == ["nse/c/1/0", "spaef/c/1"]
    (store.path / "more").touch()
    assert "more" in differences(store.path, undisturbed.path)
    assert not same_content(store.path, undisturbed.path)


WRITER = """
import os, random, signal, sys, time
from pathlib import Path

import numpy as np

from rootzone.data.ensemble_store import EnsembleStore
from rootzone.data.search_record import Record


def write(folder):
    sets = np.random.default_rng(0).uniform(size=(150, 4))
    store = EnsembleStore.create(
        folder / "store.zarr",
        recipe={"seed": 0},
        made_with="one",
        parameters=("a", "b", "c", "d"),
        values=sets,
        block=4,
        scores={"nse": ("group",), "kge": ("group",), "spaef": ()},
        coordinates={"group": ("forest", "meadow", "all")},
    )
    for number in sorted(set(range(store.blocks)) - set(store.known())):
        rows = sets[4 * number : 4 * number + 4, :3].astype("f4")
        store.write(number, {"nse": rows, "kge": rows + 1, "spaef": rows[:, 0]})
    record = Record.create(folder / "record", recipe={}, made_with="one", parameters=("a", "b"))
    rng = np.random.default_rng(0)
    for _ in range(30):
        asked = rng.normal(size=(3, 2))
        record.append(values=asked, objective=-(asked**2).sum(axis=1), cost=1.0)


def child(folder):
    process = os.fork()
    if not process:
        write(folder)
        os._exit(0)
    return process


whole, killed = map(Path, sys.argv[1:])
began = time.monotonic()
assert os.waitpid(child(whole), 0)[1] == 0
took = time.monotonic() - began
kills = 0
while kills < 10:
    process = child(killed)
    time.sleep(random.uniform(0.0, 0.5 * took))
    os.kill(process, signal.SIGKILL)
    if os.waitpid(process, 0)[1] == 0:
        break
    kills += 1
    print(kills, flush=True)
    sys.stdin.readline()
assert os.waitpid(child(killed), 0)[1] == 0
"""


def test_killed_at_any_moment_the_content_is_the_same_and_readers_see_whole_blocks(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    kills, seen, path = 0, [], killed / "store.zarr"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(whole), str(killed)], **pipes) as run:
        for line in run.stdout:
            kills = int(line)
            head = path / "zarr.json"
            if head.is_file() and "consolidated_metadata" in head.read_text():
                dataset = xr.open_zarr(path)
                here = dataset["status"].to_numpy() == 0
                expected = dataset["values"].to_numpy()[here, :3].astype("f4")
                np.testing.assert_array_equal(dataset["nse"].to_numpy()[here], expected)
                found = EnsembleStore(path).read("nse")
                np.testing.assert_array_equal(found[here], expected)
                assert np.isnan(found[~here]).all()
                seen.append(int(here.sum()))
            run.stdin.write("go on\n")
    assert run.returncode == 0
    assert kills >= 2
    assert seen == sorted(seen)
    assert len(Record(killed / "record")) == 30
    assert differences(whole, killed) == []


# --- bad input --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"recipe": {"seed": 2}}, r"a store of another study \(seed, bounds\)"),
        ({"values": values() + 1e-16}, r"a store of another study \(values\)"),
        ({"parameters": ("K_s", "n")}, r"a store of another study \(parameter\)"),
        ({"coordinates": {"group": ("a", "b", "c")}}, r"a store of another study \(group\)"),
        ({"scores": {"nse": ("group",)}}, r"a store of another study \(spaef\)"),
        ({"dtype": "float64"}, r"a store of another study \(nse, spaef\)"),
        ({"block": 4}, r"a store of another study \(block\)"),
        ({"made_with": "two"}, r"begun with other versions \(one, now two\)"),
    ],
)
def test_a_store_of_another_study_is_refused(undisturbed, changes, told):
    before = {p: p.read_bytes() for p in undisturbed.path.rglob("*") if p.is_file()}
    with pytest.raises(DataError, match=told):
        made(undisturbed.path, **changes)
    assert before == {p: p.read_bytes() for p in undisturbed.path.rglob("*") if p.is_file()}


def test_something_else_is_refused(tmp_path):
    with pytest.raises(DataError, match="no parameter sets there"):
        EnsembleStore(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="not empty and no store of parameter sets"):
        made(tmp_path)
    with pytest.raises(RunError, match="a file stands there"):
        made(tmp_path / "file")


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_and_what_is_done_stays(undisturbed, tmp_path, monkeypatch):
    store = filled(tmp_path / "store.zarr", order=[0, 2])
    replace = Path.replace
    for files in range(3):  # of the block that still find room; the status is the last
        room = [full, *[replace] * files]
        some = lambda *where, room=room: room.pop()(*where)  # noqa: E731
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", some)  # Zarr writes beside the chunk, then renames
            with pytest.raises(RunError, match=r"not written, No space left on device$"):
                store.write(1, block(1))
        assert store.known() == [0, 2]
        assert not list(store.path.rglob("*.partial"))
        chunks = [store.path / name for name in ("nse/c/1/0", "spaef/c/1", "status/c/1")]
        assert [chunk.is_file() for chunk in chunks] == [k < files for k in range(3)]
    np.testing.assert_array_equal(store.read("nse")[:BLOCK], block(0)["nse"])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(RunError, match="not written, No space left"):
            made(tmp_path / "new.zarr")
    for path in (store.path, tmp_path / "new.zarr"):
        again = made(path)
        for number in set(range(BLOCKS)) - set(again.known()):
            again.write(number, block(number))
        assert differences(path, undisturbed.path) == []


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_a_damaged_block_is_told_and_can_be_made_anew(undisturbed, tmp_path, harm):
    store = filled(tmp_path / "store.zarr")
    chunk = store.path / "nse" / "c" / "2" / "0"
    content = chunk.read_bytes()
    if harm == "gone":
        chunk.unlink()
    else:
        flipped = content[:-8] + bytes([content[-8] ^ 1]) + content[-7:]
        chunk.write_bytes({"flipped": flipped, "cut": content[:9]}[harm])
    status = store.path / "status" / "c" / "2"
    with pytest.raises(DataError, match=r"nse/c/2/0: cannot be read") as told:
        store.read("nse")
    assert f"delete {status} and go on with --resume" in str(told.value)
    status.unlink()
    again = made(store.path)
    assert again.known() == [0, 1, 3]
    again.write(2, block(2))
    assert differences(store.path, undisturbed.path) == []


# --- the record of a search -------------------------------------------------------------


def recorded(path: Path, **changes) -> Record:
    given = {"recipe": {"search": "dds", "seed": 1}, "made_with": "one", "parameters": ("a", "b")}
    return Record.create(path, **(given | changes))


def batch(number: int) -> Evaluated:
    rng = np.random.default_rng(number)
    size = 1 + number % 3
    told = np.where(rng.uniform(size=size) < 0.3, np.nan, rng.normal(size=size))
    gradient = rng.normal(size=(size, 2)) if number % 2 else None
    return Evaluated(
        rng.normal(size=(size, 2)), told, np.full(size, 4.0), gradient, told="x" * number
    )


def test_a_record_gives_back_all_bits(tmp_path):
    record = recorded(tmp_path / "record")
    assert record.read()["values"].shape == (0, 2)
    for number in range(5):
        record.append(**batch(number)._asdict())
    again = Record(record.path)
    assert len(again) == len(record) == 5
    for found, number in zip(again.batches(), range(5), strict=True):
        expected = {k: v for k, v in batch(number)._asdict().items() if v is not None}
        assert found.keys() == expected.keys()
        assert found.pop("told") == expected.pop("told")
        for name, array in expected.items():
            assert found[name].tobytes() == array.tobytes()
    held = again.read()
    assert held["values"].shape == held["gradient"].shape == (9, 2)
    assert held["objective"].shape == held["cost"].shape == (9,)
    np.testing.assert_array_equal(np.isnan(held["gradient"][:, 0]), [1, 0, 0, 1, 1, 1, 0, 1, 1])
    assert "chain" not in held
    assert not [p for p in record.path.iterdir() if p.stat().st_size > 4096]


@given(before=st.integers(0, 6), total=st.integers(0, 6))
@settings(max_examples=15, deadline=None)
def test_a_search_that_goes_on_leaves_the_record_of_one_that_was_not_stopped(
    tmp_path_factory, before, total
):
    folder = tmp_path_factory.mktemp("record")
    for path, stops in ((folder / "a", [total]), (folder / "b", [min(before, total), total])):
        for stop in stops:
            record = recorded(path)
            for number in range(stop):
                record.append(**batch(number)._asdict())
        (path / "00000007.npz.partial").touch()
        assert len(recorded(path)) == total
    assert differences(folder / "a", folder / "b") == []


def test_a_record_of_another_search_is_refused(tmp_path):
    record = recorded(tmp_path / "record")
    record.append(**batch(0)._asdict())
    for changes, told in (
        ({"recipe": {"search": "dds", "seed": 2}}, r"a record of another study \(seed\)"),
        ({"parameters": ("a", "c")}, r"a record of another study \(parameters\)"),
        ({"made_with": "two"}, "begun with other versions"),
    ):
        with pytest.raises(DataError, match=told):
            recorded(record.path, **changes)
    with pytest.raises(DataError, match="other parameter sets than the search asks for"):
        recorded(record.path).append(**batch(3)._asdict())
    with pytest.raises(ValueError, match="2 parameters"):
        record.append(values=np.ones((2, 3)), objective=np.ones(2), cost=1.0)
    with pytest.raises(ValueError, match="objective of shape"):
        record.append(values=np.ones((2, 2)), objective=np.ones(3), cost=1.0)
    with pytest.raises(ValueError, match="objective of shape"):
        record.append(values=np.ones((2, 2)), objective=np.array([None, 1]), cost=1.0)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="not empty and no record"):
        recorded(tmp_path)
    with pytest.raises(DataError, match="no record of a search there"):
        Record(tmp_path)
    with pytest.raises(RunError, match="not written"):
        recorded(tmp_path / "file" / "record")


def test_damage_and_a_full_disk_are_told_and_the_batches_before_stay(tmp_path, monkeypatch):
    record = recorded(tmp_path / "record")
    for number in range(3):
        record.append(**batch(number)._asdict())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(RunError, match=r"00000003.npz: not written, No space left"):
            record.append(**batch(3)._asdict())
    assert len(recorded(record.path)) == 3
    assert not list(record.path.glob("*.partial"))
    record.append(**batch(3)._asdict())
    assert len(recorded(record.path)) == 4
    path = record.path / "00000001.npz"
    content = path.read_bytes()
    at = content.index(batch(1).values.tobytes()) + 3
    for spoiled in (content[:50], b"", content[:at] + b"?" + content[at + 1 :]):
        path.write_bytes(spoiled)
        with pytest.raises(DataError, match="delete it and the batches after it"):
            record.read()
    path.unlink()
    with pytest.raises(DataError, match=r"00000001.npz: is missing; delete the batches after it"):
        recorded(record.path)
    (record.path / "record.json").write_text("[]")
    with pytest.raises(DataError, match=r"record.json: cannot be read"):
        recorded(record.path)

"""The run folder: files appear whole or not at all, and ``summary.json`` comes last."""

import contextlib
import errno
import io
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rootzone.core import RunError

SUMMARY = "summary.json"
_PART = ".part"


class RunFolder:
    """A folder that holds one run: the study, results, summary, report and log.

    Every file is written under a temporary name and moved into place when it is complete, so
    a run that was killed, or ran out of disk, leaves no file that could be taken for a result.
    A folder without ``summary.json`` is not a finished run.
    """

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def create(cls, path: Path, *, resume: bool) -> "RunFolder":
        """Make a folder for a run, or take up an unfinished one.

        Raises
        ------
        RunError
            If it exists with anything in it (besides the log of a run that was refused) and
            ``resume`` is not asked for, holds something else than a run, or cannot be made.
        """
        try:
            if path.exists() and not path.is_dir():
                raise RunError(f"{path}: a file stands there; choose another --out")
            if path.is_dir() and any(path.iterdir()) and not _is_blank(path):
                if not resume:
                    raise RunError(
                        f"{path}: not empty; choose another --out, or --resume to go on with it"
                    )
                if not _is_run(path):
                    raise RunError(f"{path}: holds no unfinished run; choose another --out")
            path.mkdir(parents=True, exist_ok=True)
            if resume:
                for part in path.glob(f".*{_PART}"):
                    part.unlink()
        except OSError as error:
            raise RunError(f"{path}: cannot be made ({error.strerror or error})") from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open a finished run.

        Raises
        ------
        RunError
            If it is no run folder, or the run was not finished.
        """
        if not path.is_dir():
            raise RunError(f"{path}: no such run folder")
        if not (path / "study.yaml").is_file():
            raise RunError(f"{path}: not a run folder (no study.yaml in it)")
        if not (path / SUMMARY).is_file():
            raise RunError(
                f"{path}: the run was not finished; finish it with `rootzone run "
                f"{path / 'study.yaml'} --out {path} --resume`"
            )
        return cls(path)

    @property
    def finished(self) -> bool:
        """Whether the run was completed."""
        return (self.path / SUMMARY).is_file()

    @property
    def blank(self) -> bool:
        """Whether it holds but the log of a run that was refused before it made anything."""
        return _is_blank(self.path)

    def summary(self) -> dict[str, Any]:
        """Return the content of ``summary.json``.

        Raises
        ------
        RunError
            If it cannot be read.
        """
        path = self.path / SUMMARY
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be read ({error})") from None
        if not isinstance(content, dict) or "kind" not in content:
            raise RunError(f"{path}: not the summary of a run")
        return content

    def refuse_other(self) -> None:
        """Refuse to go on in a folder whose study is another one.

        Raises
        ------
        RunError
            Always, in one sentence.
        """
        state = "a finished" if self.finished else "an unfinished"
        raise RunError(f"{self.path}: holds {state} run of another study; choose another --out")

    def read_text(self, name: str) -> str | None:
        """Return a text file, None where there is none.

        Raises
        ------
        RunError
            If it cannot be read.
        """
        path = self.path / name
        try:
            return path.read_text(encoding="utf-8") if path.is_file() else None
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{path}: cannot be read ({error})") from None

    def reopen(self) -> None:
        """Take back that a run is finished: its summary, datasets and report are removed.

        The summary goes first, so that a folder without one of them is never taken for finished.

        Raises
        ------
        RunError
            If one cannot be removed.
        """
        try:
            for path in (self.path / SUMMARY, *self.path.glob("*.nc"), self.path / "report.html"):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{self.path}: cannot be written ({error.strerror or error})") from None

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file, whole or not at all."""
        with self._whole(name) as part:
            part.write_text(text, encoding="utf-8")
        return self.path / name

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a JSON file, whole or not at all; NaN becomes null."""
        return self.write_text(name, json.dumps(_plain(content), indent=2, allow_nan=False) + "\n")

    def write_dataset(self, name: str, dataset: xr.Dataset) -> Path:
        """Write a CF NetCDF file, compressed, whole or not at all."""
        encoding: dict[Any, dict[str, Any]] = {
            v: {"zlib": True, "complevel": 3, "shuffle": True}
            for v in dataset.variables
            if dataset[v].ndim and dataset[v].dtype.kind in "fiub"
        }
        for v, variable in dataset.variables.items():
            if variable.dtype.kind == "M":
                encoding[v] = {"units": "seconds since 1970-01-01", "dtype": "int64"}
        # In memory first: the HDF5 library does not survive a full disk.
        content = io.BytesIO()
        dataset.to_netcdf(content, engine="h5netcdf", encoding=encoding)
        with self._whole(name) as part:
            part.write_bytes(content.getbuffer())
        return self.path / name

    def read_dataset(self, name: str) -> xr.Dataset:
        """Read a NetCDF file of the run into memory.

        Raises
        ------
        RunError
            If it cannot be read.
        """
        try:
            with xr.open_dataset(self.path / name, engine="h5netcdf") as dataset:
                return dataset.load()
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / name}: cannot be read ({error})") from None

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the summary, which says that everything else is there."""
        self.write_json(SUMMARY, summary)

    @contextlib.contextmanager
    def _whole(self, name: str) -> Iterator[Path]:
        part = self.path / f".{name}{_PART}"
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(self.path / name)
        except OSError as error:
            what = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or error
            raise RunError(f"{self.path / name}: not written, {what}") from None
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _is_run(path: Path) -> bool:
    """Return whether a folder holds a run, if only its beginning: its first file is the study."""
    whole = (path / "study.yaml").is_file()
    return whole or all(p.name == f".study.yaml{_PART}" for p in path.iterdir())


def _is_blank(path: Path) -> bool:
    """Return whether a folder holds the log of a run that was refused, and nothing that it made."""
    return {p.name for p in path.iterdir()} == {"study.yaml", "log.txt"}


class Log:
    """Lines of a run: kept, and shown while it goes on."""

    def __init__(self, show: Any = None):
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self._show = show

    def tell(self, text: str) -> None:
        """Note what was done or assumed."""
        self._add("", text)

    def warn(self, text: str) -> None:
        """Note what the reader of the result must know; it stands in the report too."""
        if text not in self.warnings:
            self.warnings.append(text)
            self._add("WARNING: ", text)

    def keep(self, text: str) -> None:
        """Note what is shown elsewhere, such as the error that ends a run."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self.lines.append(f"{stamp} {text}")

    def _add(self, prefix: str, text: str) -> None:
        self.keep(f"{prefix}{text}")
        if self._show is not None:
            self._show(prefix, text)

    def text(self) -> str:
        """Return the log as text."""
        return "\n".join(self.lines) + "\n"


def _plain(value: Any) -> Any:
    """Turn arrays, numpy scalars and NaN into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray) or hasattr(value, "__jax_array__"):
        return _plain(np.asarray(value).tolist())
    if isinstance(value, np.generic) or (hasattr(value, "item") and hasattr(value, "dtype")):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, Path | datetime):
        return str(value)
    return value

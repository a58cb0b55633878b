"""Running a study of any kind, and the contract of its run folder."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr
import yaml

from rootzone.config import StudyBase, load_study
from rootzone.core import RunError, StudyError
from rootzone.data import Log, RunFolder
from rootzone.studies.context import Context
from rootzone.studies.kinds import KINDS, versions


class RunResult(dict[str, xr.Dataset]):
    """Datasets of a run by name, with its summary, log and folder.

    Attributes
    ----------
    summary : dict
        The content of ``summary.json``.
    warnings : list of str
        What the reader must know.
    folder : Path or None
        The run folder, if one was written.
    """

    def __init__(
        self,
        datasets: Mapping[str, xr.Dataset],
        summary: dict[str, Any],
        warnings: list[str],
        folder: Path | None,
    ):
        super().__init__(datasets)
        self.summary = summary
        self.warnings = warnings
        self.folder = folder


def run(
    study: str | Path | Mapping[str, Any] | StudyBase,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    overrides: Sequence[str] = (),
    base: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    show: Callable[[str, str], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> RunResult:
    """Run a study and return its datasets.

    Parameters
    ----------
    study : path, mapping or study
        A YAML file, the same as a mapping, or a study object.
    out : path, optional
        Run folder to write; without it nothing is written.
    resume : bool
        Go on with an unfinished folder; a finished one of the same study is returned as it is.
    overrides : sequence of str
        ``key=value`` entries that replace values of the study.
    base : path, optional
        Where relative paths of the study start; by default the folder of the study file, for
        mappings the working folder.
    scheduler : str, optional
        Compute ensembles on workers: ``local``, or the address of a dask scheduler.
    workers : int, optional
        Number of local workers, by default of the cores.
    show, progress : callable, optional
        Receive log lines ``(prefix, text)`` and ``(stage, share done)``.

    Returns
    -------
    RunResult
        A mapping of datasets with ``summary``, ``warnings`` and ``folder``.

    Raises
    ------
    RootzoneError
        With one sentence that says what to mend.

    Examples
    --------
    >>> import rootzone
    >>> rootzone.run("no-such-study.yaml")
    Traceback (most recent call last):
        ...
    rootzone.core.errors.StudyError: no-such-study.yaml: no such study file
    """
    loaded = load_study(study, overrides=overrides)
    if base is None:
        base = Path(study).resolve().parent if isinstance(study, str | Path) else Path.cwd()
    base = Path(base)
    text = study_text(loaded, base)
    digest = hashlib.sha256(text.encode()).hexdigest()
    folder = None if out is None else RunFolder.create(Path(out), resume=resume)
    changed = False
    if folder is not None and resume:
        done = _already_done(folder, digest)
        if done is not None:
            return done
        changed = _changed_later(folder, loaded.kind, text)

    log = Log(show)
    context = Context(
        base=base,
        log=log,
        progress=progress or (lambda stage, share: None),
        folder=None if folder is None else folder.path,
        scheduler=scheduler,
        workers=workers,
    )
    _require_ensemble(loaded.kind, context)
    log.tell(f"rootzone {versions()['rootzone']}, study kind {loaded.kind}, seed {loaded.seed}")
    if folder is not None:
        if changed:
            log.tell("the study was changed where nothing kept depends on it: evaluated anew")
        if not folder.finished:  # a finished run is kept until there is another to take its place
            folder.write_text("study.yaml", text)
    started = time.perf_counter()
    try:
        datasets, scores, own = _compute(loaded, context)
        log.tell(f"computed in {time.perf_counter() - started:.2f} s")
        summary = {
            "kind": loaded.kind,
            "title": loaded.title,
            "study": loaded.model_dump(mode="json"),
            "study_sha256": digest,
            "versions": versions(),
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "seed": loaded.seed,
            "precision": loaded.precision,
            "scores": scores,
            "warnings": log.warnings,
            **own,
        }
        if folder is not None:
            if folder.finished:
                folder.reopen()
                folder.write_text("study.yaml", text)
            _write(folder, loaded.kind, datasets, summary, log, context)
    except BaseException as error:
        if folder is not None:
            _leave_log(folder, log, error)
        raise
    context.progress("done", 1.0)
    return RunResult(datasets, summary, log.warnings, folder.path if folder else None)


def check_study(study: str | Path, *, overrides: Sequence[str] = ()) -> list[str]:
    """Validate a study with its files, columns and units, and return what is to be told.

    Raises
    ------
    RootzoneError
        With one sentence for each fault.
    """
    loaded = load_study(study, overrides=overrides)
    log = Log()
    context = Context(base=Path(study).resolve().parent, log=log)
    import jax

    with jax.enable_x64(loaded.precision == "float64"):
        KINDS[loaded.kind].check(loaded, context)
    return [line.split(" ", 2)[2] for line in log.lines]


def _require_ensemble(kind: str, context: Context) -> None:
    if kind != "transect" and (context.scheduler is not None or context.workers is not None):
        raise StudyError(
            f"--scheduler and --workers are for the ensemble of a transect study, this is of kind "
            f"{kind}"
        )
    if context.workers is not None and context.workers < 1:
        raise StudyError(f"--workers is {context.workers}, 1 or more is wanted")
    if context.workers is not None and context.scheduler is None:
        raise StudyError("--workers wants --scheduler local")


def _compute(study: StudyBase, context: Context):
    import jax

    with jax.enable_x64(study.precision == "float64"):
        return KINDS[study.kind].run(study, context)


def _write(
    folder: RunFolder,
    kind: str,
    datasets: dict[str, xr.Dataset],
    summary: dict[str, Any],
    log: Log,
    context: Context,
) -> None:
    context.progress("writing", 0.85)
    for name, dataset in datasets.items():
        folder.write_dataset(f"{name}.nc", dataset)
    context.progress("report", 0.9)
    folder.write_text("report.html", KINDS[kind].page(datasets, summary))
    folder.write_text("log.txt", log.text())
    folder.finish(summary)


def _leave_log(folder: RunFolder, log: Log, error: BaseException) -> None:
    """Leave the log in an unfinished folder, if that is still possible."""
    log.keep(f"not finished: {type(error).__name__}: {error}")
    try:
        folder.write_text("log.txt", log.text())
    except RunError:
        return


def _already_done(folder: RunFolder, digest: str) -> RunResult | None:
    """Return the finished run of the same study."""
    if not folder.finished:
        return None
    summary = folder.summary()
    if summary.get("study_sha256") != digest:
        return None
    return RunResult(read_datasets(folder), summary, summary["warnings"], folder.path)


def _changed_later(folder: RunFolder, kind: str, text: str) -> bool:
    """Return whether a folder's study was changed in nothing but keys that come later.

    Raises
    ------
    RunError
        If it is another study.
    """
    before = folder.read_text("study.yaml")
    if folder.blank:
        return False
    if before in (None, text) and not folder.finished:
        return False
    later = KINDS[kind].later
    if before is None or not later or _without(before, later) != _without(text, later):
        folder.refuse_other()
    return True


def _without(text: str, keys: Sequence[str]) -> Any:
    """Return a study without some dotted keys; None if it is none."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    for key in keys:
        *parts, last = key.split(".")
        inner = content
        for part in parts:
            inner = inner.get(part) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)
    return content


def read_datasets(folder: RunFolder) -> dict[str, xr.Dataset]:
    """Return the datasets of a run folder by name."""
    names = sorted(p.stem for p in folder.path.glob("*.nc"))
    return {name: folder.read_dataset(f"{name}.nc") for name in names}


def remake_report(path: str | Path) -> Path:
    """Make ``report.html`` of a finished run anew and return its path.

    Raises
    ------
    RunError
        If the folder is no finished run.
    """
    folder = RunFolder.open(Path(path))
    summary = folder.summary()
    try:
        page = KINDS[summary["kind"]].page(read_datasets(folder), summary)
    except KeyError as error:
        raise RunError(
            f"{folder.path}: summary.json or its datasets lack {error}; the folder was made by "
            "another version or changed by hand: run the study again"
        ) from None
    return folder.write_text("report.html", page)


def study_text(study: StudyBase, base: Path) -> str:
    """Return a study as YAML: everything left out filled in, files independent of the folder."""
    content = study.model_dump(mode="json", exclude_none=True)

    def anchor(part: Any) -> None:
        children = part.values() if isinstance(part, dict) else part
        for child in children:
            if isinstance(child, dict | list):
                anchor(child)
        if isinstance(part, dict) and "folder" in part:
            part["folder"] = str(base / Path(part["folder"]).expanduser())
        if isinstance(part, dict) and "files" in part:
            part["files"] = [
                f if f.startswith("example:") else str(base / Path(f).expanduser())
                for f in part["files"]
            ]

    anchor(content)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)

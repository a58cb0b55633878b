"""The command line: every verb reads, calls one function, writes."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from rootzone import __version__
from rootzone.core.errors import RootzoneError

app = App(
    name="rootzone",
    help="Root-zone soil moisture from cosmic-ray neutrons.",
    version=__version__,
    version_flags=["--version"],
)
app.register_install_completion_command()

_BAD_INPUT = 2


def _show(prefix: str, text: str) -> None:
    print(f"{prefix}{text}", file=sys.stderr)


class _Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:>12}"), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("starting", total=1.0)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._progress.stop()

    def tell(self, prefix: str, text: str) -> None:
        """Print a log line above the bar."""
        self._progress.console.print(
            f"{prefix}{text}", markup=False, highlight=False, soft_wrap=True
        )

    def advance(self, stage: str, share: float) -> None:
        """Move the bar."""
        self._progress.update(self._task, description=stage, completed=share)


def _run(
    study: Path,
    out: Path,
    *,
    resume: bool,
    overrides: list[str],
    scheduler: str | None = None,
    workers: int | None = None,
) -> None:
    from rootzone.studies import run

    with _Bar() as bar:
        result = run(
            study,
            out=out,
            resume=resume,
            overrides=overrides,
            scheduler=scheduler,
            workers=workers,
            show=bar.tell,
            progress=bar.advance,
        )
    assert result.folder is not None
    print(result.folder / "report.html")


def _fresh_folder(stem: str) -> Path:
    from datetime import datetime

    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{stem}-{stamp}"


@app.command
def new(kind: str, file: Path | None = None, *, schema: bool = False) -> None:
    """Write a commented template of a study.

    Parameters
    ----------
    kind
        Kind of study: station, column, catchment, inverse, transect or replicates.
    file
        File to write; left out: standard output.
    schema
        Write the JSON schema for editors instead.
    """
    import json

    from rootzone.config import json_schema, template

    text = template(kind)
    if schema:
        text = json.dumps(json_schema(kind), indent=2) + "\n"
    if file is None:
        print(text, end="")
        return
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise RootzoneError(f"{file}: exists already; choose another name") from None
    except OSError as error:
        raise RootzoneError(f"{file}: cannot be written ({error.strerror})") from None
    print(f"{file}: edit it, then `rootzone check {file}`", file=sys.stderr)


@app.command
def check(
    study: Path, *, set_: Annotated[list[str] | None, Parameter(name="--set")] = None
) -> None:
    """Validate a study, its files, columns and units without running it.

    Parameters
    ----------
    study
        The study file.
    set_
        key=value that replaces a value of the study; may stand several times.
    """
    from rootzone.studies import check_study

    for line in check_study(study, overrides=set_ or []):
        print(line, file=sys.stderr)
    print(f"{study}: fine")


@app.command
def run(
    study: Path,
    *,
    out: Path | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    workers: int | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
) -> None:
    """Run a study; the last line is the path of its report.

    Parameters
    ----------
    study
        The study file.
    out
        Run folder; left out: a new one below runs/.
    resume
        Go on with an unfinished run folder (--out).
    scheduler
        Compute the ensemble of a transect study on workers: local, or the address of a dask
        scheduler, e.g. tcp://node7:8786.
    workers
        Number of workers with --scheduler local; left out: of the cores.
    set_
        key=value that replaces a value of the study; may stand several times.
    """
    if resume and out is None:
        raise RootzoneError("--resume needs --out, the folder of the unfinished run")
    _run(
        study,
        out or _fresh_folder(study.stem),
        resume=resume,
        overrides=set_ or [],
        scheduler=scheduler,
        workers=workers,
    )


@app.command
def report(folder: Path) -> None:
    """Make the report of a finished run anew.

    Parameters
    ----------
    folder
        The run folder.
    """
    from rootzone.studies import remake_report

    print(remake_report(folder))


@app.command
def demo(name: str = "station-c4", *, out: Path | None = None) -> None:
    """Run a shipped example; the last line is the path of its report.

    Parameters
    ----------
    name
        Name of the example; `rootzone demo list` names them.
    out
        Run folder; left out: a new one below runs/.
    """
    from rootzone.studies import demo_studies, find_demo

    if name == "list":
        titles = demo_studies()
        for known, title in titles.items():
            print(f"{known:{max(map(len, titles))}}  {title}")
        return
    _run(find_demo(name), out or _fresh_folder(f"demo-{name}"), resume=False, overrides=[])


@app.command
def info() -> None:
    """Tell versions and devices."""
    import platform

    import jax

    from rootzone.studies import versions

    for name, number in versions().items():
        print(f"{name:12} {number}")
    print(f"{'machine':12} {platform.machine()}, {os.cpu_count()} cores, {platform.system()}")
    print(f"{'devices':12} {', '.join(str(d) for d in jax.devices())}")


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line: exit code 2 and one sentence for bad input."""
    try:
        app(sys.argv[1:] if words is None else words, exit_on_error=False, print_error=True)
    except CycloptsError:
        sys.exit(_BAD_INPUT)
    except RootzoneError as error:
        print(error, file=sys.stderr)
        sys.exit(_BAD_INPUT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)

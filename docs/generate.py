"""Write the pages that come from the code into docs/generated (git-ignored).

    python docs/generate.py            before sphinx-build; `make docs` does both
    python docs/generate.py --figure   also draws docs/_static/demo_soil_moisture.png anew

Whole pages end in `.md`, parts that other pages include in `.inc.md`.
"""

import importlib
import math
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

HERE = Path(__file__).parent
OUT = HERE / "generated"
NOTE = "<!-- Written by docs/generate.py. -->\n\n"

API = {
    "neutrons": "Neutron physics",
    "water": "Soil water",
    "simulate": "Simulated sites and catchments",
    "calibrate": "Calibration",
    "learn": "Learning",
    "evaluate": "Scores",
    "core": "Quantities, layers, errors",
    "data": "Readers and writers",
    "config": "Study files",
    "studies": "Studies and runs",
    "report": "Figures and pages",
}


def write(name: str, text: str) -> None:
    OUT.mkdir(exist_ok=True)
    (OUT / name).write_text(NOTE + text.rstrip() + "\n", encoding="utf-8")


def table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a pipe table; empty cells stay empty."""
    head = list(header)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [str(c).replace("|", "\\|").replace("\n", " ") for c in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def code(text: Any) -> str:
    return f"`{text}`" if str(text) else ""


def number(value: float) -> str:
    return "" if math.isinf(value) else f"{value:g}"


# --- quantities, flags, formats, monitors ------------------------------------------------

GREEK = {"sigma": r"\sigma", "theta": r"\theta", "rho": r"\rho"}


def symbol(text: str) -> str:
    """Turn ``sigma_N`` or ``D86`` into TeX."""
    match = re.fullmatch(r"([A-Za-z]+?)(?:_(\w+)|(\d+))?", text)
    assert match is not None, text
    base, word, digits = match.groups()
    base = GREEK.get(base, base if len(base) == 1 else rf"\mathrm{{{base}}}")
    low = word or digits
    if not low:
        return f"${base}$"
    if len(low) > 1 and not low.isdigit():
        low = rf"\mathrm{{{low}}}"
    return f"${base}_{{{low}}}$"


def glossary() -> None:
    from rootzone.core import QUANTITIES

    def meaning(q) -> str:
        return f"{q.long_name} ({q.source})" if q.source else q.long_name

    def bounds(q) -> str:
        low, high = (number(b) for b in q.bounds)
        return f"{low} to {high}" if low and high else (f"from {low}" if low else "")

    rows = [
        (code(q.name), symbol(q.symbol), meaning(q), q.unit, bounds(q)) for q in QUANTITIES.values()
    ]
    header = ("name", "symbol", "meaning", "unit", "possible values")
    names = [(code(q.name), code(q.standard_name)) for q in QUANTITIES.values() if q.standard_name]
    write(
        "quantities.inc.md",
        table(header, rows)
        + "\nCF standard names of the variables in the result files:\n\n"
        + table(("name", "standard name"), names),
    )


def flags() -> None:
    from rootzone.data import EXCLUDED, MEANING, Flag

    later = {
        Flag.ABOVE_DRY_SOIL: "a step more than 5 counting deviations above is excluded; a moving "
        "mean above keeps its value",
        Flag.BELOW_WETTEST: "none; soil moisture is a gap where no water has the count",
        Flag.SNOW_OR_FROST: "value kept; the day enters neither root-zone filter nor scores",
        Flag.ESTIMATED_HUMIDITY: "none; the humidity error is the spread around the seasonal mean",
        Flag.INCOMPLETE_INTERVAL: "none; the counting error is that of the counted time",
    }
    rows = [
        (
            int(f),
            code(f.name),
            MEANING[f],
            "excluded" if f & EXCLUDED else later.get(f, "none"),
        )
        for f in Flag
    ]
    write("flags.inc.md", table(("bit", "flag", "meaning", "consequence"), rows))


def formats() -> None:
    from rootzone.data.formats import LAYOUTS

    parts = []
    for name, layout in LAYOUTS.items():
        if not layout.columns:
            continue
        rows = [(code(q), code(column), unit) for q, (column, unit) in layout.columns.items()]
        parts.append(
            f"Format `{name}`, time stamps in `{layout.time}`:\n\n"
            + table(("quantity", "column", "unit"), rows)
        )
    write("formats.inc.md", "\n".join(parts))


def physics_lists() -> None:
    from rootzone import neutrons as ne

    rows = [
        (m.code, f"{m.cutoff_rigidity:g}", f"{m.atmospheric_depth:g}") for m in ne.MONITORS.values()
    ]
    header = ("code", "cutoff rigidity [GV]", "atmospheric depth [g cm-2]")
    write("monitors.inc.md", table(header, rows))
    sets = [
        (law, ", ".join(code(s) for s in known))
        for law, known in (("koehli_2021", ne.KOEHLI_2021), ("koehli_2025", ne.KOEHLI_2025))
    ]
    write("parameter_sets.inc.md", table(("law", "parameter sets"), sets))


# --- commands and modules ---------------------------------------------------------------


def command_help(*words: str) -> str:
    """Return what ``rootzone WORDS --help`` prints."""
    done = subprocess.run(
        [sys.executable, "-c", "from rootzone.cli import main; main()", *words, "--help"],
        env=os.environ | {"COLUMNS": "90", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(lines).strip().replace("Usage: -c", "Usage: rootzone")


def commands() -> None:
    from rootzone.cli import app

    names = [n for n in app if not n.startswith("-")]
    parts = [f"```text\n{command_help()}\n```\n"]
    parts += [f"## rootzone {n}\n\n```text\n{command_help(n)}\n```\n" for n in names]
    write("commands.inc.md", "\n".join(parts))


def modules(package: str) -> Iterator[str]:
    """Yield the public modules of a package."""
    top = importlib.import_module(package)
    for found in pkgutil.iter_modules(top.__path__):
        if not found.name.startswith("_"):
            yield f"{package}.{found.name}"


def api() -> None:
    for name, title in API.items():
        package = f"rootzone.{name}"
        top = importlib.import_module(package)
        public = getattr(top, "__all__", [])
        lines = [f"# {title}: `{package}`\n", f"```{{eval-rst}}\n.. automodule:: {package}\n```\n"]
        if public:
            listed = ", ".join(code(n) for n in public)
            lines.append(f"To be imported from `{package}`: {listed}.\n")
        for module in modules(package):
            lines.append(
                f"## `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"
            )
        write(f"api_{name}.md", "\n".join(lines))
    write(
        "api_rootzone.md",
        "# The package: `rootzone`\n\n```{eval-rst}\n.. automodule:: rootzone\n```\n\n"
        "`rootzone.run` and `rootzone.load_study` are "
        "{py:func}`rootzone.studies.runner.run` and "
        "{py:func}`rootzone.config.loading.load_study`.\n",
    )


def main() -> None:
    sys.path.insert(0, str(HERE))
    import runs
    import study_keys

    from rootzone.config import KINDS, json_schema

    glossary()
    flags()
    formats()
    physics_lists()
    for kind in KINDS:
        write(f"{kind}_keys.inc.md", study_keys.text(json_schema(kind), table))
    commands()
    api()
    runs.write_all(write, table, HERE / "_static", figure="--figure" in sys.argv[1:])


if __name__ == "__main__":
    main()

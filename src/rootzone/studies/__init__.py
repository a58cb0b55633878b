"""Study kinds: one file each, the page that reads like the work it follows."""

from rootzone.studies.demos import demo_studies, find_demo
from rootzone.studies.runner import RunResult, check_study, remake_report, run, versions

__all__ = [
    "RunResult",
    "check_study",
    "demo_studies",
    "find_demo",
    "remake_report",
    "run",
    "versions",
]

"""Study kinds: one file each, the page that reads like the work it follows."""

from rootzone.studies.runner import RunResult, remake_report, run

__all__ = ["RunResult", "remake_report", "run"]

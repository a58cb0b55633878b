"""``python -m rootzone``."""

from rootzone.cli import main

main()

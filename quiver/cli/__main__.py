"""``python -m quiver.cli``."""

from quiver.cli import main

main()

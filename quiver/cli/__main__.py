"""``python -m quiver.cli``."""

from quiver.cli import main

if __name__ == "__main__":
    main()

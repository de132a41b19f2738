"""``python -m quiver``: the command line."""

from quiver.cli import main

if __name__ == "__main__":
    main()

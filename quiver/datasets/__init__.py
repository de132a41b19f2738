"""Vector files and the demo set."""

from quiver.datasets.demo_set import DEMO_FOLDER, DemoSet, load_demo
from quiver.readers.convert import convert_vectors
from quiver.readers.files import is_hdf5, read_ids, read_vectors

__all__ = [
    "DEMO_FOLDER",
    "DemoSet",
    "convert_vectors",
    "is_hdf5",
    "load_demo",
    "read_ids",
    "read_vectors",
]

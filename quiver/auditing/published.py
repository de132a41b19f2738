"""Published: the figures that are audited, as printed, each with its table.

Source: QuIVer (arXiv 2605.02171), Tables 2, 5 and 7-11. Recall is recall@10 in %; the
data are those of its Table 4, cosine, which the paper's own preparation makes of SIFT
and GIST as well: their rows are scaled to unit length and their true neighbours are
those by cosine.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

L = TypeVar("L", str, int, float)

K = 10
"""Neighbours of every figure."""

EF = 64
"""Beam width at which claims are held against each other: that of Table 11."""

M, EF_C, ALPHA = 32, 128, 1.2
"""Parameters where a table does not vary them. The degree is bounded by 2m."""

SWEPT = "Cohere-1M"
"""Data of Tables 7-9; Table 10 is of its first 100 000 rows."""

SWEPT_ROWS = 1_000_000


class DataSet(NamedTuple):
    """A row of Table 11.

    Attributes
    ----------
    name : str
        As printed.
    dim, rows : int
        Shape of the base.
    recall : float
        In %, at ``EF``.
    """

    name: str
    dim: int
    rows: int
    recall: float


DATA_SETS = (
    DataSet("Random-Sphere", 768, 1_000_000, 0.40),
    DataSet("GIST-960", 960, 1_000_000, 2.01),
    DataSet("SIFT-128", 128, 1_000_000, 14.85),
    DataSet("GloVe-100", 100, 1_183_514, 32.08),
    DataSet("Synthetic-LR", 768, 1_000_000, 41.76),
    DataSet("Wolt-CLIP", 512, 1_000_000, 70.68),
    DataSet("RedCaps-1M", 512, 1_000_000, 78.41),
    DataSet("MiniLM-1M", 384, 1_000_000, 88.09),
    DataSet("BGE-M3-1M", 1024, 1_000_000, 93.81),
    DataSet("Cohere-1M", 768, 1_000_000, 95.13),
    DataSet("DBpedia-1M", 1536, 990_000, 95.34),
    DataSet("DBpedia-3072", 3072, 990_000, 95.65),
)
"""Table 11, in its order."""


class Grid(NamedTuple, Generic[L]):
    """A table of recalls.

    Attributes
    ----------
    table : int
        Its number.
    label : str
        What its lines vary.
    efs : tuple of int
        Beam widths of its columns.
    lines : dict
        Recalls in %, by label.
    """

    table: int
    label: str
    efs: tuple[int, ...]
    lines: dict[L, tuple[float, ...]]

    def at(self, line: L, ef: int = EF) -> float:
        """Return one cell."""
        return self.lines[line][self.efs.index(ef)]

    def missed_times(self, worse: L, better: L, ef: int = EF) -> float:
        """Return how many times as many neighbours one line misses as another."""
        return (100 - self.at(worse, ef)) / (100 - self.at(better, ef))


BY_EF: Grid[str] = Grid(
    5,
    "data set",
    (64, 128, 256, 512, 1024),
    {
        "MiniLM-1M": (88.1, 93.8, 96.9, 98.4, 99.2),
        "Wolt-CLIP": (70.7, 77.4, 81.7, 84.3, 85.7),
        "Cohere-1M": (95.1, 97.7, 99.0, 99.6, 99.7),
        "BGE-M3-1M": (93.8, 97.1, 98.7, 99.4, 99.6),
        "DBpedia-1M": (95.3, 97.7, 98.8, 99.3, 99.6),
        "DBpedia-3072": (95.7, 97.9, 98.8, 99.3, 99.6),
    },
)

BY_M: Grid[int] = Grid(
    7,
    "m",
    (32, 64, 128, 256, 1024),
    {
        4: (17.9, 32.5, 46.1, 55.8, 66.7),
        8: (51.4, 69.2, 79.4, 85.8, 91.2),
        16: (78.5, 88.3, 93.8, 96.2, 98.2),
        24: (86.0, 93.3, 96.8, 98.3, 99.4),
        32: (88.7, 95.1, 97.7, 98.9, 99.7),
        48: (91.0, 96.3, 98.4, 99.3, 99.8),
        64: (91.9, 96.8, 98.6, 99.6, 99.9),
    },
)

BY_EF_C: Grid[int] = Grid(
    8,
    "ef_c",
    (32, 64, 128, 256, 512, 1024),
    {
        16: (79.1, 87.7, 92.3, 95.0, 97.1, 98.4),
        32: (87.4, 93.3, 96.4, 97.8, 98.8, 99.3),
        64: (87.7, 94.2, 96.9, 98.2, 99.0, 99.3),
        128: (88.6, 95.1, 97.7, 99.0, 99.6, 99.7),
        256: (89.0, 95.3, 98.0, 99.2, 99.7, 99.8),
        512: (89.0, 95.3, 98.0, 99.2, 99.7, 99.9),
    },
)

BY_ALPHA: Grid[float] = Grid(
    9,
    "alpha",
    (32, 64, 128, 256, 512, 1024),
    {
        1.0: (91.4, 96.7, 98.7, 99.6, 99.8, 100.0),
        1.05: (89.3, 95.5, 97.9, 99.1, 99.6, 99.8),
        1.1: (88.7, 95.1, 97.7, 99.0, 99.6, 99.7),
        1.2: (88.7, 95.1, 97.7, 99.0, 99.6, 99.7),
        1.25: (88.5, 95.1, 97.6, 98.9, 99.5, 99.7),
    },
)

ONE_BIT, TWO_BITS, UNIFORM = "1-bit sign", "2-bit SM", "2-bit SQ"

BY_CODE: Grid[str] = Grid(
    10,
    "code",
    (32, 64, 128, 256),
    {
        ONE_BIT: (76.6, 86.1, 92.0, 96.1),
        TWO_BITS: (88.6, 95.0, 98.2, 99.3),
        UNIFORM: (92.3, 97.1, 98.7, 99.7),
    },
)

OVERLAP = {ONE_BIT: 55.0, TWO_BITS: 64.7, UNIFORM: 70.1}
"""Table 10: share of the true 10 in the code's own first 10 of all rows, in %."""

HOT_MB = {
    "MiniLM-1M": 583,
    "Wolt-CLIP": 614,
    "Cohere-1M": 675,
    "BGE-M3-1M": 736,
    "DBpedia-1M": 849,
    "DBpedia-3072": 1212,
}
"""Table 5; the first, third and fifth are in Table 2 as well."""

HOT_MB_BY_M = {4: 247, 8: 308, 16: 431, 24: 553, 32: 675, 48: 919, 64: 1163}
"""Table 7."""

CODE_MB = {"MiniLM-1M": 96, "Cohere-1M": 192, "DBpedia-1M": 380}
"""Table 2, codes."""

ADJACENCY_MB = {"MiniLM-1M": 487, "Cohere-1M": 483, "DBpedia-1M": 469}
"""Table 2, adjacency and metadata."""

BUILD_SECONDS_BY_M = {4: 19, 8: 25, 16: 41, 24: 66, 32: 95, 48: 174, 64: 278}
BUILD_SECONDS_BY_EF_C = {16: 68, 32: 69, 64: 75, 128: 93, 256: 122, 512: 176}
BUILD_SECONDS_BY_ALPHA = {1.0: 225, 1.05: 101, 1.1: 94, 1.2: 93, 1.25: 92}
"""Tables 7-9, 16 threads."""

QUERIES_PER_SECOND = {
    "MiniLM-1M": (41_106, 23_506, 13_468, 7_371, 3_800),
    "Wolt-CLIP": (62_367, 39_064, 22_560, 12_128, 6_606),
    "Cohere-1M": (36_729, 21_021, 11_837, 6_032, 3_376),
    "BGE-M3-1M": (41_182, 25_911, 15_200, 8_325, 4_284),
    "DBpedia-1M": (22_035, 12_996, 7_309, 3_969, 2_104),
    "DBpedia-3072": (12_910, 7_428, 4_171, 2_259, 1_194),
}
"""Table 5, 16 threads, at the beam widths of ``BY_EF``."""


def data_set(name: str) -> DataSet:
    """Return a row of Table 11 by its name."""
    return next(found for found in DATA_SETS if found.name == name)

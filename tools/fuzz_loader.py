"""Coverage-guided fuzzing of `quiver.open` against the second reader (``make fuzz``).

    python tools/fuzz_loader.py CORPUS [-max_total_time=600] [libFuzzer options]
    python tools/fuzz_loader.py CORPUS --keep

The second form packs what was found into ``tests/data/fuzz-corpus.tar.xz``, from which
later runs start and which the tests replay. Needs atheris. The mutator changes bytes of
the file, or takes it apart, changes header, table or sections, and makes all checksums
right again, so that the search gets past them. Any exception but `FileFormatError`, any
disagreement between the two readers, and any answer out of range is a finding.
"""

from __future__ import annotations

import random
import sys
import tarfile
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

with atheris.instrument_imports(include=["quiver.storage", "format_reader"]):
    import format_reader
    from forge import Forgery

    import quiver
    from quiver.errors import FileFormatError

MAX_BYTES = 16_384
SEEDS = sorted((ROOT / "tests" / "data").glob("golden-v*.quiver"))
KEPT = ROOT / "tests" / "data" / "fuzz-corpus.tar.xz"
TARGET = Path(tempfile.mkdtemp()) / "fuzzed.quiver"


def try_one(data: bytes) -> None:
    """Open the bytes with both readers; use the index if they are accepted."""
    TARGET.write_bytes(data)
    try:
        index = quiver.open(TARGET, verify="full", backend="reference")
    except FileFormatError:
        index = None
    try:
        format_reader.read(data)
        accepted = True
    except format_reader.Refused:
        accepted = False
    if accepted != (index is not None):
        msg = f"quiver.open and the second reader disagree: {index}"
        raise AssertionError(msg)
    if index is not None and index.n * index.dim < 10_000:
        found = index.search(index.vectors[:2], k=3, ef=8).ids
        if not {*found.ravel().tolist()} <= {*index.ids.tolist(), -1}:
            msg = f"ids that are not in the index: {found}"
            raise AssertionError(msg)


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Return changed bytes: raw ones a quarter of the time, else forged ones."""
    draw = random.Random(seed)
    if draw.random() < 0.25:
        return atheris.Mutate(data, max_size)
    try:
        forgery = Forgery.of(data)
        change(forgery, draw)
        return forgery.pack(rehash=draw.random() < 0.9)[:max_size]
    except Exception:  # Bytes too broken to take apart, or to put together.
        return draw.choice(SEEDS).read_bytes()[:max_size]


def change(forgery: Forgery, draw: random.Random) -> None:
    """Change one thing behind the checksums."""
    numbers = (0, 1, 2, 4, 5, 6, 12, 40, 255, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
    kind = draw.randrange(5)
    if kind == 0:
        part = draw.choice([forgery.header, *forgery.header.values()])
        part = part if isinstance(part, dict) else forgery.header
        values = [
            *numbers,
            -1,
            "",
            "0x1p+0",
            None,
            True,
            [],
            {},
            {"a": "b"},
            {"a": 1},
            1.5,
            "symmetric",
            "uint8",
            "int8",
        ]
        part[draw.choice([*part, "x", "diagnosis"])] = draw.choice(values)
    elif kind == 1:
        line = draw.choice(forgery.entries)
        line[draw.randrange(2, 9)] = draw.choice(numbers)
    elif kind == 2:
        place = draw.randrange(len(forgery.sections))
        content = forgery.sections[place]
        content[:] = atheris.Mutate(bytes(content), len(content) + 8)
    elif kind == 3:
        content = draw.choice([part for part in forgery.sections if part])
        start = draw.randrange(len(content))
        content[start : start + 4] = draw.choice(numbers).to_bytes(8, "little")[:4]
    else:
        text = header_bytes(forgery)
        forgery.header_bytes = atheris.Mutate(text, len(text) + 16)


def header_bytes(forgery: Forgery) -> bytes:
    """Return the header as the file would hold it."""
    packed = forgery.pack()
    return packed[64 : 64 + int.from_bytes(packed[16:20], "little")]


def seed_corpus(corpus: Path) -> None:
    """Put the golden files and the kept corpus where libFuzzer reads them."""
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        (corpus / seed.stem).write_bytes(seed.read_bytes())
    if KEPT.exists():
        with tarfile.open(KEPT) as kept:
            kept.extractall(corpus, filter="data")


def keep_corpus(corpus: Path) -> None:
    """Pack the corpus under plain numbers, without dates or owners."""
    with tarfile.open(KEPT, "w:xz") as kept:
        for number, path in enumerate(sorted(corpus.iterdir())):
            entry = tarfile.TarInfo(f"{number:04}")
            entry.size = path.stat().st_size
            with path.open("rb") as content:
                kept.addfile(entry, content)


def main() -> None:
    corpus = Path(sys.argv[1])
    if sys.argv[2:] == ["--keep"]:
        keep_corpus(corpus)
        return
    seed_corpus(corpus)
    options = [*sys.argv, f"-max_len={MAX_BYTES}"]
    atheris.Setup(options, try_one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Stream one column of Parquet or Arrow files, or of a folder of them; needs pyarrow.

Arrow files are those of `pyarrow.ipc`, Feather or a Hugging Face dataset on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from quiver._typing import AnyArray
from quiver.errors import FileFormatError, InvalidTypeError
from quiver.readers.opening import Wanted, choose_array, needing, reading
from quiver.readers.streamed import Streamed, streamed
from quiver.validation.arrow import axes_of, from_arrow

PARQUET_SUFFIX = ".parquet"
ARROW_SUFFIXES = (".arrow", ".feather", ".ipc")
TABLE_SUFFIXES = (PARQUET_SUFFIX, *ARROW_SUFFIXES)

_BATCH_ROWS = 1024
_ARROW_FILE = b"ARROW1"
_STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"


def read_table(path: Path, key: str | None, wanted: Wanted) -> Streamed:
    """Stream a column of a file."""
    return _of_files(path, [path], key, wanted)


def read_folder(path: Path, key: str | None, wanted: Wanted) -> Streamed:
    """Stream a column of all files in a folder and those below, by their names."""
    inside = (file.relative_to(path) for file in path.rglob("*") if file.is_file())
    # Writers hide what is no part of the data behind a dot or an underscore.
    seen = [name for name in inside if not any(p[0] in "._" for p in name.parts)]
    files = sorted(n for n in seen if n.suffix.lower() in TABLE_SUFFIXES)
    if not files:
        known = " ".join(TABLE_SUFFIXES)
        msg = f"{path}: a folder must be of zarr or hold files of {known}, got neither"
        raise FileFormatError(msg)
    return _of_files(path, [path / name for name in files], key, wanted)


def _of_files(
    path: Path, files: list[Path], key: str | None, wanted: Wanted
) -> Streamed:
    n_rows = 0
    for file in files:
        with reading(file, "Parquet or Arrow"), _opened(file) as table:
            # The first file decides for all.
            key = choose_array(file, key, axes_of(table.schema), wanted)
            n_rows += table.n_rows
    return streamed(path, n_rows, _chunks(files, key or ""))


def _chunks(files: list[Path], column: str) -> Iterator[AnyArray]:
    row = 0
    for file in files:
        with reading(file, "Parquet or Arrow"), _opened(file) as table:
            for batch in table.batches(column):
                # Foreign bytes must not make us follow offsets out of a buffer.
                batch.validate(full=True)
                for start in range(0, len(batch), _BATCH_ROWS):
                    values = batch.column(0).slice(start, _BATCH_ROWS)
                    yield _numbers(file, column, values, row)
                    row += len(values)


def _numbers(path: Path, column: str, values: Any, first_row: int) -> AnyArray:
    try:
        return from_arrow(values, f"column {column!r}", first_row=first_row)
    except InvalidTypeError as error:
        msg = f"{path}: {error}"
        raise FileFormatError(msg) from error


class _Table(NamedTuple):
    """An open file: its columns, its rows, and how to go through one column."""

    schema: Any
    n_rows: int
    batches: Callable[[str], Iterator[Any]]


def _opened(path: Path) -> AbstractContextManager[_Table]:
    is_parquet = path.suffix.lower() == PARQUET_SUFFIX
    return _parquet(path) if is_parquet else _arrow(path)


@contextmanager
def _parquet(path: Path) -> Iterator[_Table]:
    with needing(path, "pyarrow"):
        import pyarrow.parquet
    # Read as it is decoded: buffered beforehand, a row group would come whole.
    with pyarrow.parquet.ParquetFile(
        path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
    ) as file:

        def batches(column: str) -> Iterator[Any]:
            return file.iter_batches(_BATCH_ROWS, columns=[column], use_threads=False)

        yield _Table(file.schema_arrow, file.metadata.num_rows, batches)


@contextmanager
def _arrow(path: Path) -> Iterator[_Table]:
    with needing(path, "pyarrow"):
        import pyarrow
        from pyarrow import ipc
    with pyarrow.memory_map(str(path)) as source:
        is_file = source.read(len(_ARROW_FILE)) == _ARROW_FILE
        open_source = ipc.open_file if is_file else ipc.open_stream
        if not is_file:
            _check_end(path, source)
        source.seek(0)
        schema = open_source(source).schema

        def batches(column: str) -> Iterator[Any]:
            source.seek(0)
            only = ipc.IpcReadOptions(included_fields=[schema.names.index(column)])
            reader = open_source(source, options=only)
            if not is_file:
                return iter(reader)
            return map(reader.get_batch, range(reader.num_record_batches))

        n_rows = sum(len(batch) for name in schema.names[:1] for batch in batches(name))
        yield _Table(schema, n_rows, batches)


def _check_end(path: Path, source: Any) -> None:
    """Require the mark at the end of a stream: cut between batches, it reads well."""
    source.seek(max(0, source.size() - len(_STREAM_END)))
    if source.read() != _STREAM_END:
        msg = f"{path}: truncated: the mark at the end of an Arrow stream is missing"
        raise FileFormatError(msg)

"""Jobs: one shard to be built, told so that any process can do it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from quiver import storage
from quiver._typing import AnyVectors, ColdDtype, Progress, UserIds
from quiver._version import __version__
from quiver.backends.registry import get_backend
from quiver.build import Plan, build
from quiver.errors import QuiverError
from quiver.living.fresh import created
from quiver.reference.codes import Transform
from quiver.sharding.checking import bounds_of
from quiver.sharding.folder import sha256_of
from quiver.sharding.manifest import Shard, fingerprint_of
from quiver.sharding.messages import Message
from quiver.sharding.spilling import Spilled
from quiver.state import State
from quiver.storage import fingerprint_of as fingerprint_of_file
from quiver.storage.atomic import os_errors, replacing, write_all
from quiver.storage.canonical import HeaderError, canonical, parse
from quiver.storage.cold import with_face
from quiver.storage.parameters import (
    pack_encoding,
    pack_params,
    unpack_encoding,
    unpack_params,
)


class Job(NamedTuple):
    """A shard to be built.

    Attributes
    ----------
    path : Path
        Its file.
    rows : Spilled
        What it holds.
    plan : Plan
        How it is built; has the transform.
    cold_dtype : {'float32', 'float16', 'uint8', 'int8'}, optional
        How its vectors are stored.
    slots : tuple of int
        The hashes it owns.
    """

    path: Path
    rows: Spilled
    plan: Plan
    cold_dtype: ColdDtype | None
    slots: tuple[int, int]

    @property
    def record(self) -> Path:
        """Where it is noted that the shard is done, until the manifest says so."""
        return self.path.with_name(f".{self.path.stem}.done")

    def asked(self) -> Message:
        """Return the job as a question to a worker."""
        plan, rows = self.plan, self.rows
        assert plan.transform is not None
        scaling, mean, signs = plan.transform
        options = {
            "out": str(self.path.absolute()),
            "rows": str(rows.path.absolute()),
            "dtype": rows.dtype,
            "dim": rows.dim,
            "metric": plan.metric,
            "encoding": pack_encoding(plan.encoding),
            "params": pack_params(plan.params),
            "backend": plan.backend.name,
            "threads": plan.threads,
            "notes": plan.notes,
            "scaling": scaling,
            "cold_dtype": self.cold_dtype,
        }
        return Message("build", options, (rows.ids, mean, signs))

    def source(self) -> str:
        """Return the SHA-256 of all that the bytes of the shard depend on."""
        asked = self.asked()
        kept = {"dtype", "metric", "encoding", "params", "notes", "cold_dtype"}
        fields: dict[str, Any] = {key: asked.options[key] for key in kept}
        fields |= {"rows": self.rows.sha256, "version": __version__}
        digest = hashlib.sha256(canonical(fields))
        assert self.plan.transform is not None
        digest.update(fingerprint_of(self.plan.transform).encode("ascii"))
        digest.update(self.rows.ids.tobytes())
        return digest.hexdigest()

    def note_done(self) -> None:
        """Note that the shard is done, for the manifest or the next call."""
        done = described(self.path, self.rows.ids, self.slots, self.source())
        with replacing(self.record) as fd:
            write_all(fd, canonical(asdict(done) | {"slots": list(done.slots)}))

    def noted(self) -> Shard:
        """Return what was noted of the shard."""
        fields = parse(self.record.read_bytes())
        return Shard(**fields | {"slots": tuple(fields["slots"])})

    def is_done(self) -> bool:
        """Return whether an earlier build made just this shard, and it is whole."""
        try:
            noted = parse(self.record.read_bytes())
            sha256 = sha256_of(self.path)
        except (OSError, HeaderError, QuiverError):
            return False
        return noted.get("source") == self.source() and noted.get("sha256") == sha256


def described(path: Path, ids: Any, slots: tuple[int, int], source: str = "") -> Shard:
    """Return what a manifest says of a file."""
    lowest, highest = bounds_of(ids)
    with os_errors("read", path):
        size = path.stat().st_size
    return Shard(
        file=path.name,
        n=len(ids),
        bytes=size,
        sha256=sha256_of(path),
        fingerprint=fingerprint_of_file(path),
        lowest=lowest,
        highest=highest,
        slots=slots,
        source=source,
    )


def carry_out(asked: Message, progress: Progress | None = None) -> Message:
    """Build and save the shard of a job."""
    options = asked.options
    ids, mean, signs = asked.arrays
    rows = Spilled(
        Path(options["rows"]),
        options["dtype"],
        ids,
        options["dim"],
        sha256="",
        origin="",
    )
    plan = Plan(
        metric=options["metric"],
        encoding=unpack_encoding(options["encoding"]),
        params=unpack_params(options["params"]),
        backend=get_backend(options["backend"]),
        threads=options["threads"],
        progress=progress,
        notes=options["notes"],
        transform=Transform(options["scaling"], mean, signs),
    )
    state = built(with_face(rows.mapped()), rows.ids, plan)
    storage.save(state, options["out"], __version__, options["cold_dtype"])
    return Message("built")


def built(vectors: AnyVectors, ids: UserIds, plan: Plan) -> State:
    """Return the state of a shard by a plan with a transform; it may have no rows."""
    if len(ids):
        return build(vectors, ids, plan)
    assert plan.transform is not None
    dim = vectors.shape[1]
    empty = created(dim, plan.metric, plan.encoding, plan.params)
    return replace(empty, transform=plan.transform, notes=plan.notes)

"""The lab over data that no one would call tidy."""

from __future__ import annotations

import asyncio
from typing import get_args

import numpy as np
import pytest
from rows import normal_rows
from served import ask_app

import quiver
from quiver._typing import Metric
from quiver.lab.material import Material

pytest.importorskip("fastapi", reason="needs the extra `lab`")

from quiver.lab.app import make_app

QUICK = {"max_degree": 8, "ef_construction": 12}
QUERY = normal_rows(1, 12, seed=2)


def spoiled(kind):
    rows = normal_rows(40, 12, seed=1)
    if kind == "zero rows":
        rows[::3] = 0
    elif kind == "copies":
        rows[10:30] = rows[3]
    elif kind == "outliers":
        rows[::16] *= 1e15
    elif kind == "varying norms":
        rows *= np.exp(normal_rows(40, 1, seed=5) * 3)
    elif kind == "one row":
        rows = rows[:1]
    return rows


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("metric", get_args(Metric))
@pytest.mark.parametrize(
    "kind", ["zero rows", "copies", "outliers", "varying norms", "one row"]
)
def test_every_query_and_every_row_is_answered(kind, metric):
    rows = spoiled(kind)
    common = {"metric": metric, "backend": "reference", **QUICK}
    sides = {
        "default": quiver.Index.build(rows, **common),
        "paper": quiver.Index.build(rows, encoding="paper", **common),
    }
    app = make_app(Material(sides, queries=QUERY))

    async def asked(path, **how):
        home = {"host": "localhost"}
        told = await ask_app(app, "POST", path, {"k": 1, **how}, home)
        assert told.status == 200, told
        return told.document["answer"]

    for side in sides:
        for of, id_ in (("query", "0"), ("row", "0")):
            how = {"side": side, "of": of, "id": id_}
            walk = asyncio.run(asked("/walk", **how))
            same = asyncio.run(asked("/backend", **how))
            assert same["ids"] == [one["id"] for one in walk["walk"]["answer"]]
            assert same["is_equal"]


def test_rows_that_were_removed_are_neither_found_nor_answered():
    rows = normal_rows(40, 12, seed=1)
    index = quiver.Index.build(rows, backend="reference", **QUICK)
    index.remove([3, 4])
    material = Material({"default": index}, [f"row {i}" for i in range(40)])
    app = make_app(material)
    assert [one.id for one in material.find("3") if one.id == "3"] == []
    asked = {"side": "default", "of": "row", "id": "3"}
    told = asyncio.run(ask_app(app, "POST", "/walk", asked, {"host": "localhost"}))
    assert told.status == 422
    told = asyncio.run(
        ask_app(app, "POST", "/walk", {**asked, "id": "5"}, {"host": "localhost"})
    )
    assert told.status == 200

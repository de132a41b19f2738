"""Record: what a diagnosis says, in words and as plain JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import quiver
from quiver.diagnosis.fidelity import DEPTHS, Fidelity
from quiver.diagnosis.findings import Finding
from quiver.diagnosis.forecast import Forecast
from quiver.diagnosis.planes import Moments, Planes
from quiver.diagnosis.record import Diagnosis
from quiver.diagnosis.structure import Structure
from quiver.diagnosis.verdict import Verdict
from quiver.diagnosis.width import Look, Measured
from quiver.memory import predict_memory
from quiver.recall.hits import Hits
from quiver.recall.intervals import Interval

INTERVAL = Interval(0.9, 0.8, 0.95)
SHARES = (0.5, 0.6, 0.7, 0.8)
HITS = Hits(np.ones((1, 1), dtype=bool), 1)
RECORD = Diagnosis(
    n=1000,
    dim=4,
    metric="cosine",
    sample_rows=400,
    n_queries=50,
    queries_given=False,
    verdict=Verdict("fits", ("first reason", "second reason")),
    encoding=quiver.Encoding(),
    look=Look(900, (Measured(quiver.Encoding(), 0.98),)),
    findings=(Finding("zero rows", 7, 1000, (1, 2, 3, 4, 5), "left out"),),
    forecasts=(Forecast(64, (0.9, 0.8), INTERVAL, INTERVAL),),
    fidelity=(Fidelity("both", "hamming", None, SHARES, SHARES[::-1], HITS),),
    structure=Structure(float("inf"), 1.5, 0.1, 0.0, 0.01, (0.0, 1.0), (1.0,), (1.0,)),
    moments=Moments(0.1, 3.5),
    planes={"both": Planes(1.0, 0.4, (0.5,) * 4, (0.4,) * 4)},
    memory=predict_memory(1000, 4),
    seed=7,
    trial_rows=(100, 200, 400),
    float_rows=0,
)


def test_the_document_is_strict_json_without_infinity() -> None:
    document = RECORD.to_dict()
    read = json.loads(json.dumps(document, allow_nan=False))
    assert read["structure"]["local_dimension"] is None
    assert read["forecasts"][0]["recall"] == {"mean": 0.9, "low": 0.8, "high": 0.95}
    assert read["forecasts"][0]["float_graph"] is None
    assert read["trial_rows"] == [100, 200, 400]
    names = list(map(str, DEPTHS))
    assert read["fidelity"] == [
        {
            "transform": "both",
            "distance": "hamming",
            "bits": 2,
            "shares": dict(zip(names, SHARES, strict=True)),
            "spread": dict(zip(names, SHARES[::-1], strict=True)),
        }
    ]


def test_recall_is_expected_of_the_widths_that_were_forecast_only() -> None:
    assert RECORD.expected_recall(64) == 0.9
    with pytest.raises(KeyError):
        RECORD.expected_recall(65)


def test_the_last_sentence_says_what_was_looked_at() -> None:
    assert RECORD.looked_at == (
        "looked at 400 of 1000 rows (seed 7) and 50 rows held out as queries, "
        "with indexes of 100, 200, 400 rows"
    )
    other = replace(RECORD, queries_given=True, float_rows=300).looked_at
    assert "50 given queries, " in other
    assert other.endswith(" and a float32 graph of 300")


def test_the_report_gives_verdict_reasons_and_every_width() -> None:
    lines = str(RECORD).splitlines()
    assert lines[0] == f"fits: build with {quiver.Encoding()}"
    assert lines[1:3] == ["- first reason", "- second reason"]
    assert lines[3] == (
        "- zero rows: 7 of 1000 (0.7 %), rows 1, 2, 3, 4, 5, …; left out"
    )
    assert lines[4] == "ef= 64: recall@10 expected 90.0 % (80.0 … 95.0)"
    assert lines[6:] == [RECORD.looked_at]

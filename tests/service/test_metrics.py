"""Metrics: text that Prometheus reads."""

from __future__ import annotations

import re

from quiver.service.metrics import BOUNDS, GAUGES, Metrics

SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"\\\n]*"\})? [-+0-9.e]+')


def test_every_line_is_a_sample_or_says_what_follows():
    metrics = Metrics()
    metrics.count("errors", label="ShardError")
    metrics.time(0.3)
    lines = metrics.text(dict.fromkeys(GAUGES, 1.5)).splitlines()
    for line in lines:
        assert line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(line), line
    assert 'quiver_errors_total{type="ShardError"} 1' in lines
    assert "quiver_coverage 1.5" in lines


def test_counts_add_up_under_their_label():
    metrics = Metrics()
    for status in ("200", "200", "422"):
        metrics.count("requests", label=status)
    metrics.count("queries", 7)
    text = metrics.text(dict.fromkeys(GAUGES, 0))
    assert 'quiver_requests_total{status="200"} 2\n' in text
    assert 'quiver_requests_total{status="422"} 1\n' in text
    assert "quiver_queries_total 7\n" in text


def test_a_bucket_has_all_that_took_no_longer():
    metrics = Metrics()
    for seconds in (0.0, BOUNDS[0], 0.2, 99.0):
        metrics.time(seconds)
    text = metrics.text(dict.fromkeys(GAUGES, 0))
    found = re.findall(r'bucket\{le="(.+)"\} (\d+)', text)
    assert [int(count) for _, count in found] == [2] * 6 + [2] + [3] * 6 + [4]
    assert [bound for bound, _ in found] == [*map(str, BOUNDS), "+Inf"]
    assert "quiver_request_seconds_count 4\n" in text

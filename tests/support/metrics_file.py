"""A metrics file, read with Prometheus' own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

Series = dict[str, dict[str, float]]


def parsed(text: str) -> Series:
    """Metric to stream to value."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert set(sample.labels) == {"stream_id"}
            found.setdefault(sample.name, {})[sample.labels["stream_id"]] = sample.value
    return found


def of(series: Series, stream_id: str = "st-1") -> dict[str, float]:
    """The values of one stream, the common part of their names left out."""
    return {
        name.removeprefix("kore_campaigns_"): values[stream_id]
        for name, values in series.items()
        if stream_id in values
    }

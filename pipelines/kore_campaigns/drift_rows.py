"""What a run met that nobody knows, as rows: each with the first run that met it."""

from __future__ import annotations

from typing import Any

from kore_campaigns.held import Reader, in_utc, query
from kore_campaigns.report import RunReport

_FIRST_SEEN = """
select path, example_type, min(first_seen_at)
from {drift} where stream_id = %s
group by path, example_type
"""


def drift_rows(reader: Reader | None, report: RunReport, *, stream_id: str) -> list[dict[str, Any]]:
    """Rows of `extraction_drift`: the numbers so far."""
    rows = [] if reader is None else query(reader, _FIRST_SEEN, stream_id)
    first_seen = {(path, kind): in_utc(at) for path, kind, at in rows}
    return [
        {
            "run_id": report.run_id,
            "stream_id": stream_id,
            "path": found.path,
            "example_type": found.example_type,
            "campaign_count": found.count,
            "first_seen_at": first_seen.get(unknown, report.started_at),
        }
        for unknown, found in sorted(report.drifts.items())
    ]

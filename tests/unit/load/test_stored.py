"""A database is read a few versions at a time, each campaign whole and exactly once."""

from __future__ import annotations

import random

import duckdb
import pytest

from kore_campaigns.extract.state import VERSIONS_A_PAGE, pages
from kore_campaigns.load.duckdb_file import DuckDBReader


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [1],
        [VERSIONS_A_PAGE, 1],
        [1, VERSIONS_A_PAGE + 1, 1],
        [2] * VERSIONS_A_PAGE,
        random.Random(5).choices([1, 3, 40, 700], [50, 20, 5, 1], k=300),
    ],
    ids=["none", "one", "full", "one too large", "pairs", "mixed"],
)
def test_pages_hold_few_versions_and_every_campaign_once(sizes: list[int]) -> None:
    campaigns = {(f"st-{number % 3}", f"cd-{number:04}"): n for number, n in enumerate(sizes)}
    with duckdb.connect() as connection:
        connection.execute("create schema kore_raw")
        connection.execute("create table kore_raw._dlt_loads as select 'l' as load_id, 0 as status")
        connection.execute(
            "create table kore_raw.campaign_versions"
            " (stream_id varchar, campaign_id varchar, version bigint, _dlt_load_id varchar)"
        )
        for (stream_id, campaign_id), versions in campaigns.items():
            connection.execute(
                "insert into kore_raw.campaign_versions select ?, ?, range, 'l' from range(?)",
                [stream_id, campaign_id, versions],
            )

        found = list(pages(DuckDBReader(connection)))

    covered = [
        [key for key in campaigns if key[0] == stream_id and first <= key[1] <= last]
        for stream_id, first, last in found
    ]
    assert sorted(key for page in covered for key in page) == sorted(campaigns)
    for page in covered:
        assert sum(campaigns[key] for key in page) <= VERSIONS_A_PAGE or len(page) == 1
    assert len(found) <= 2 * sum(sizes) / VERSIONS_A_PAGE + 3

"""The four walks of docs/explanation/architecture.md enter no more modules than they may."""

from __future__ import annotations

import pytest

from walks import LIMITS, measure_walks

pytestmark = pytest.mark.slow


def test_each_walk_stays_within_its_limit() -> None:
    found = measure_walks()

    assert {name: count for name, count in found.items() if count > LIMITS[name]} == {}
    assert all(found.values())

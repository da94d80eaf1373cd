"""In which tests coverage is measured: tracing makes a test take half as long again."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext

import coverage
import pytest

# tells coverage in a child process what to do
_FOR_CHILDREN = "COVERAGE_PROCESS_CONFIG"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tests marked `untraced` and proofs by force go ways that others go, or are about SQL, and
    what a test of the pipeline does on Postgres it has done on DuckDB; what only a warehouse has
    is in tests of its own.
    """
    with nullcontext() if _is_measured(item) else untraced():
        return (yield)


def _is_measured(item: pytest.Item) -> bool:
    if item.get_closest_marker("by_force") or item.get_closest_marker("untraced"):
        return False
    called = getattr(item, "callspec", None)
    return called is None or called.params.get("destination") != "postgres"


@contextmanager
def untraced() -> Iterator[None]:
    """Neither this process nor its children are traced; nothing where they would not be anyway."""
    measuring = []  # a worker of xdist is measured twice: as that, and as a child process
    for_children = os.environ.pop(_FOR_CHILDREN, None)
    while (one := coverage.Coverage.current()) is not None:
        one.stop()
        measuring.append(one)
    try:
        yield
    finally:
        for one in reversed(measuring):
            one.start()
        if for_children is not None:
            os.environ[_FOR_CHILDREN] = for_children

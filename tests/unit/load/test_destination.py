"""Errors of a destination: the reason that a person can act on."""

from __future__ import annotations

import errno

import pytest

from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.load.destination import destination_errors


def test_folders_that_cannot_be_made_have_the_reason_of_the_one_that_failed() -> None:
    # what `Path.mkdir(parents=True)` raises on a disk that is read-only
    failed = OSError(errno.EROFS, "Read-only file system", "/ro/new")
    failed.__context__ = FileNotFoundError(errno.ENOENT, "No such file or directory", "/ro/new/x")

    with pytest.raises(DestinationUnavailable) as raised, destination_errors("x.duckdb"):
        raise failed

    assert raised.value.reason == "Read-only file system (/ro/new)"

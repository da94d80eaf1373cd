"""How much a proof by force does: a share that takes a minute, or with `make prove` all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

FULL = os.environ.get("PROVE") == "full"
"""`make prove` sets it."""
SEED = int(os.environ.get("PROVE_SEED", "20251208"))
"""Of what is drawn at random; `make prove` takes a new one each time and prints it."""


RESULTS = os.environ.get("PROVE_RESULTS", "")
"""A file to which how each part ended is added."""


def parts(count: int) -> range:
    """A long proof falls into parts that may be done at the same time; the share is one part."""
    return range(count if FULL else 1)


def numbers(part: int, *, parts: int, last: int, share: int) -> Iterator[int]:
    """Every number from 1 for this part, without end; or about `share` of those up to `last`."""
    if FULL:
        number = part + 1
        while True:
            yield number
            number += parts
    yield from range(1 + last // (2 * share), last + 1, max(1, last // share))

"""What commands read from the database for people, monitors and other programs."""

from __future__ import annotations

from pathlib import Path


def queries(module: str) -> dict[str, str]:
    """The queries of the `.sql` file next to a module, by the name that stands above each."""
    text = Path(module).with_suffix(".sql").read_text(encoding="utf-8")
    named = (query.partition("\n") for query in text.split("-- name: ")[1:])
    return {name: sql for name, _, sql in named}

"""What commands read from the database for people, monitors and other programs."""

from __future__ import annotations

from importlib import resources


def queries(module: str) -> dict[str, str]:
    """The queries of `<module>.sql` by the name that stands above each."""
    text = resources.files(__package__).joinpath(f"{module}.sql").read_text(encoding="utf-8")
    named = (query.partition("\n") for query in text.split("-- name: ")[1:])
    return {name: sql for name, _, sql in named}

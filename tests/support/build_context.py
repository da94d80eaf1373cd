"""What of a folder reaches whoever builds an image of it: what `.dockerignore` lets through."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path


def in_context(context: Path, source: str) -> Iterator[Path]:
    """Files below `source` that `.dockerignore` lets through, as paths within the context."""
    patterns = read_ignored(context / ".dockerignore")
    top = context / source
    for path in sorted([top] if top.is_file() else top.rglob("*")):
        within = path.relative_to(context)
        if path.is_file() and not is_ignored(within, patterns):
            yield within


def read_ignored(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and line[0] != "#"]


def is_ignored(path: Path, patterns: Sequence[str]) -> bool:
    """The last pattern that fits decides; one that fits a folder fits what is in it."""
    ignored = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if any(_fits(str(one), wanted) for one in (path, *path.parents)):
            ignored = pattern == wanted
    return ignored


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(Path(path).name, pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)

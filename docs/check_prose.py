"""Find phrases that the prose rule of CONTRIBUTING.md forbids in the given files and folders.

Single words are in docs/house_dictionary.txt, which codespell reads; `make prose` runs both.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

THIS: Final = Path(__file__).name
SUFFIXES: Final = {".py", ".md", ".sql", ".toml", ".j2", ".yaml"}
PHRASES: Final = {
    r"go(?:es)? on|going on|went on": "continue",
    r"of ours": "our",
    r"of late": "recently",
    r"one that": "name the thing",
    r"what (?:was|were)": "name the thing",
    r"without a word": "silently",
    r"as often as wanted": "repeatable",
}


def found_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, phrase and suggestion; a phrase may continue on the next line or comment."""
    for phrase, better in PHRASES.items():
        pattern = r"\b(?:" + phrase.replace(" ", r"[\s#]+") + r")\b"
        for match in re.finditer(pattern, text, flags=re.IGNORECASE):
            yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), better


def files_in(paths: Iterable[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        found = (file for file in sorted(path.rglob("*")) if file.suffix in SUFFIXES)
        # this file has to name the phrases
        yield from (file for file in (found if path.is_dir() else [path]) if file.name != THIS)


def main() -> int:
    count = 0
    for file in files_in(sys.argv[1:]):
        for line, phrase, better in sorted(found_in(file.read_text(encoding="utf-8"))):
            print(f"{file}:{line}: {phrase} ==> {better}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())

"""Check the prose rule of CONTRIBUTING.md in the given files and folders.

Forbidden phrases are found in all of them, sentences of more than 30 words in Markdown. Those may
be 2 % of all sentences; `--long` lists them. Single words are in house_dictionary.txt, which
codespell reads; `make prose` runs both.
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
MOST_WORDS: Final = 30
MOST_LONG: Final = 0.02
# code, comments, tables, headings and rules: they have no sentences
NO_PROSE: Final = re.compile(
    r"^ *```.*?^ *```|<!--.*?-->|^    .*?$|^\|.*?$|^#.*?$|^:::.*?$", re.DOTALL | re.MULTILINE
)
# a blank line, or the start of an item of a list
PARAGRAPH: Final = re.compile(r"\n\s*\n|^\s*(?:[-*]|\d+\.) ", re.MULTILINE)
SENTENCE: Final = re.compile(r"(?<=[.!?])[)\"*_`]*\s+(?=[A-Z`*\[(\"])")


def found_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, phrase and suggestion; a phrase may continue on the next line or comment."""
    for phrase, better in PHRASES.items():
        pattern = r"\b(?:" + phrase.replace(" ", r"[\s#]+") + r")\b"
        for match in re.finditer(pattern, text, flags=re.IGNORECASE):
            yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), better


def sentences(text: str) -> Iterator[str]:
    """Sentences of a Markdown text; a link counts as its words."""
    text = re.sub(r"\]\([^)]*\)", "]", NO_PROSE.sub("\n\n", text))
    for paragraph in PARAGRAPH.split(text):
        yield from (found for found in SENTENCE.split(" ".join(paragraph.split())) if found)


def files_in(paths: Iterable[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        found = (file for file in sorted(path.rglob("*")) if file.suffix in SUFFIXES)
        # this file has to name the phrases
        yield from (file for file in (found if path.is_dir() else [path]) if file.name != THIS)


def main() -> int:
    paths = [each for each in sys.argv[1:] if each != "--long"]
    count, of_all, long = 0, 0, []
    for file in files_in(paths):
        text = file.read_text(encoding="utf-8")
        for line, phrase, better in sorted(found_in(text)):
            print(f"{file}:{line}: {phrase} ==> {better}")
            count += 1
        found = [*sentences(text)] if file.suffix == ".md" else []
        of_all += len(found)
        long += [(file, each) for each in found if len(each.split()) > MOST_WORDS]
    is_hard = len(long) > MOST_LONG * of_all
    for file, each in long if is_hard or "--long" in sys.argv else ():
        print(f"{file}: {len(each.split())} words: {each}")
    print(f"{len(long)} of {of_all} sentences have more than {MOST_WORDS} words", file=sys.stderr)
    return 1 if count or is_hard else 0


if __name__ == "__main__":
    sys.exit(main())

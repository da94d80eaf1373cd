"""Write the generated parts of the pages, Superset assets and dbt sources; `--check` compares.

A part stands between two comments: `<!-- NAME: begin -->` and `<!-- NAME: end -->`. The text around
it is written by hand. The page of questions needs a run of the demo, so a test compares that one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import dbt_package
import questions_page
import reference_pages
import superset_assets
import tables_page
from kore_campaigns.config.settings import KoreCredentials, KoreSettings

REFERENCE: Final = Path(__file__).parents[1] / "reference"
PARTS: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "settings": {
        "settings": lambda: reference_pages.settings(KoreSettings),
        "credentials": lambda: reference_pages.settings(KoreCredentials, "credentials."),
    },
    "commands": {"commands": reference_pages.commands},
    "errors": {"errors": reference_pages.errors},
    "events": {"events": reference_pages.events_table},
    "metrics": {"metrics": reference_pages.metrics},
    "screens": {"screens": reference_pages.screens},
    "emulator": {"faults": reference_pages.faults},
    "tables": {"views": tables_page.views, "tables": tables_page.tables},
}


def texts() -> dict[Path, str]:
    """Text of every page with generated parts, and of every generated file of other programs."""
    found = superset_assets.texts() | dbt_package.texts()
    for page, parts in PARTS.items():
        path = REFERENCE / f"{page}.md"
        text = path.read_text(encoding="utf-8")
        for name, part in parts.items():
            begin, end = f"<!-- {name}: begin -->\n", f"\n<!-- {name}: end -->"
            before, _, rest = text.partition(begin)
            text = f"{before}{begin}\n{part()}\n{end}{rest.partition(end)[2]}"
        found[path] = text
    return found


def main() -> int:
    wanted = texts()
    there = {path: path.read_text(encoding="utf-8") for path in wanted if path.is_file()}
    gone = (superset_assets.written() | dbt_package.written()) - wanted.keys()
    if "--check" in sys.argv:
        differing = [*(path for path in wanted if there.get(path) != wanted[path]), *gone]
        for path in differing:
            print(
                f"{path.relative_to(REFERENCE.parents[1])} differs from the code. Next: make docs"
            )
        return 1 if differing else 0
    for path in gone:
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    questions_page.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Hook of mkdocs.yml: pages and the diagram library that are outside docs/, and links to them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).parents[2]
# pages at the root of the project, by their place in the site
PAGES: Final = {
    f"{name.upper()}.md": f"{name}.md" for name in ("contributing", "changelog", "security")
}
# found by a search after the pages for users
FOR_CONTRIBUTORS: Final = {
    *PAGES.values(),
    *(f"explanation/{name}.md" for name in ("architecture", "decisions", "faults", "guarantees")),
}
# `make docs` puts it there
MERMAID: Final = Path(sys.prefix, "mermaid.min.js")
LINK: Final = re.compile(r"\[([^\]]*)\]\(((?:\.\./)*)([^)#:]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and Mermaid, which the theme would load from another host."""
    if not MERMAID.is_file():
        raise PluginError(f"{MERMAID} is missing. Next: make docs")  # noqa: EM102
    files.append(File(MERMAID.name, str(MERMAID.parent), config.site_dir, use_directory_urls=True))
    for name, place in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Replace links that leave docs/: by the page in the site, or by their text."""
    if page.file.src_uri in FOR_CONTRIBUTORS:
        page.meta["search"] = {"boost": 0.2}
    depth = page.file.src_uri.count("/")

    def replaced(link: re.Match[str]) -> str:
        text, up, target, anchor = link.groups()
        is_outside = (not depth or up.count("../") > depth) and (ROOT / target).exists()
        if not is_outside:
            return link[0]
        if target not in PAGES:
            return text
        return f"[{text}]({'../' * depth}{PAGES[target]}{anchor or ''})"

    return LINK.sub(replaced, markdown)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Load Mermaid where there is a diagram."""
    if 'class="mermaid"' not in output:
        return output
    script = f'<script src="{"../" * page.url.count("/")}{MERMAID.name}"></script>'
    return output.replace("</head>", f"{script}</head>", 1)
